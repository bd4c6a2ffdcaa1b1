#include "kraken/daemon/epoch_fence.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "kraken/base/files/read_whole_file.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"
#include "kraken/rpc/write_epoch.h"
#include "kraken/storage/replace_file.h"
#include "kraken/telemetry/log.h"

namespace kraken::daemon {
namespace {

constexpr int64_t kMaxFileBytes = 64 << 10;

std::string FileIn(const std::string& directory) {
  const absl::string_view slash = directory.empty() || directory.back() == '/' ? "" : "/";
  return absl::StrCat(directory, slash, EpochFence::kFileName);
}

std::string Encode(const std::map<std::string, uint64_t>& epochs) {
  nlohmann::json leases = nlohmann::json::object();
  for (const auto& [lease, epoch] : epochs) leases[lease] = epoch;
  return absl::StrCat(DumpJson({{"leases", std::move(leases)}}), "\n");
}

absl::Status Merge(absl::string_view text, std::map<std::string, uint64_t>* epochs) {
  KH_ASSIGN_OR_RETURN(const nlohmann::json document, ParseJson(text));
  const nlohmann::json* leases = FindJson(document, "leases");
  if (leases == nullptr || !leases->is_object()) {
    return absl::InvalidArgumentError("it has no object \"leases\"");
  }
  for (const auto& [lease, value] : leases->items()) {
    const std::optional<int64_t> epoch = JsonInt64(&value);
    rpc::v1::WriteEpoch read;
    read.set_lease(lease);
    read.set_epoch(static_cast<uint64_t>(epoch.value_or(0)));
    KH_RETURN_IF_ERROR(rpc::CheckWriteEpoch(read));
    uint64_t& highest = (*epochs)[lease];
    highest = std::max(highest, read.epoch());
  }
  return absl::OkStatus();
}

// OK if it is on one disk at least.
absl::Status Write(const std::vector<std::string>& directories, const std::string& content,
                   storage::FileSystem& files) {
  bool written = false;
  absl::Status problem;
  for (const std::string& directory : directories) {
    const absl::Status status = storage::ReplaceFile(FileIn(directory), content, files);
    written |= status.ok();
    problem.Update(status);
  }
  if (!written) return problem;
  if (!problem.ok()) {
    telemetry::LogWarn("a volume has no copy of the write epochs", {{"reason", problem}});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<EpochFence>> EpochFence::Open(net::EventLoop* loop, WorkerPool* disk,
                                                             std::vector<std::string> directories,
                                                             storage::FileSystem& files) {
  Epochs epochs;
  bool readable = false;
  absl::Status problem;
  for (const std::string& directory : directories) {
    const std::string path = FileIn(directory);
    const absl::StatusOr<std::string> text = ReadWholeFile(path, kMaxFileBytes);
    readable |= text.ok() || absl::IsNotFound(text.status());
    if (absl::IsNotFound(text.status())) continue;
    if (!text.ok()) {
      problem.Update(text.status());
      continue;
    }
    const absl::Status merged = Merge(*text, &epochs);
    if (!merged.ok()) {
      return absl::FailedPreconditionError(absl::StrCat(
          path, " is damaged (", merged.message(),
          "): delete it, once no bridge runs that has lost its lease, and start again"));
    }
  }
  if (!readable) return problem;
  if (!problem.ok()) {
    telemetry::LogWarn("a volume's write epochs can't be read", {{"reason", problem}});
  }
  return std::unique_ptr<EpochFence>(
      new EpochFence(loop, disk, std::move(directories), files, std::move(epochs)));
}

EpochFence::EpochFence(net::EventLoop* loop, WorkerPool* disk, std::vector<std::string> directories,
                       storage::FileSystem& files, Epochs epochs)
    : loop_(loop),
      disk_(disk),
      directories_(std::move(directories)),
      files_(files),
      seen_(epochs),
      durable_(std::move(epochs)),
      alive_(std::make_shared<EpochFence*>(this)) {}

EpochFence::~EpochFence() { *alive_ = nullptr; }

absl::Status EpochFence::Check(const rpc::v1::WriteEpoch& epoch) const {
  KH_RETURN_IF_ERROR(rpc::CheckWriteEpoch(epoch));
  if (epoch.epoch() == 0) {
    if (seen_.empty()) return absl::OkStatus();
    const auto& [lease, seen] = *seen_.begin();
    return rpc::StaleEpochError(
        0, lease, seen,
        absl::StrCat("give this bridge a section `lease`; or, if there is to be one bridge without "
                     "a lease from now on, stop this process, delete ",
                     FileIn(directories_.front()),
                     directories_.size() > 1 ? " (on every volume)" : "", " and start it again"));
  }
  auto seen = seen_.find(epoch.lease());
  if (seen == seen_.end()) {
    if (seen_.size() < kMaxLeases) return absl::OkStatus();
    return absl::ResourceExhaustedError(absl::StrCat(
        "writes under ", kMaxLeases, " leases were seen already, and lease \"", epoch.lease(),
        "\" is another: take those that are gone out of ", FileIn(directories_.front())));
  }
  if (epoch.epoch() >= seen->second) return absl::OkStatus();
  return rpc::StaleEpochError(epoch.epoch(), epoch.lease(), seen->second,
                              "another bridge holds the lease now");
}

void EpochFence::Admit(const rpc::v1::WriteEpoch& epoch, Done done) {
  const absl::Status status = Check(epoch);
  if (!status.ok() || epoch.epoch() == 0) return done(status);
  if (auto it = durable_.find(epoch.lease()); it != durable_.end() && it->second == epoch.epoch()) {
    return done(absl::OkStatus());
  }
  seen_[epoch.lease()] = epoch.epoch();
  waiting_.push_back({.lease = epoch.lease(), .epoch = epoch.epoch(), .done = std::move(done)});
  WriteDown();
}

void EpochFence::WriteDown() {
  if (writing_) return;
  writing_ = true;
  const absl::Status submitted =
      disk_->Submit([alive = alive_, handle = loop_->handle(), directories = directories_,
                     files = &files_, epochs = seen_] {
        const absl::Status status = Write(directories, Encode(epochs), *files);
        handle.Post([alive, epochs, status] {
          if (*alive != nullptr) (*alive)->OnWritten(epochs, status);
        });
      });
  if (!submitted.ok()) OnWritten(seen_, submitted);
}

void EpochFence::OnWritten(const Epochs& written, const absl::Status& status) {
  writing_ = false;
  if (status.ok()) {
    for (const auto& [lease, epoch] : written) {
      if (durable_[lease] == epoch) continue;
      telemetry::LogInfo("a bridge writes under a new epoch", {{"lease", lease}, {"epoch", epoch}});
    }
    durable_ = written;
  } else {
    telemetry::LogError("write epochs can't be written down", {{"reason", status}});
  }
  std::vector<Waiting> answered;
  std::vector<Waiting> left;
  for (Waiting& waiting : waiting_) {
    auto it = written.find(waiting.lease);
    const bool is_answered = it != written.end() && it->second >= waiting.epoch;
    (is_answered ? answered : left).push_back(std::move(waiting));
  }
  waiting_ = std::move(left);
  if (!waiting_.empty()) WriteDown();
  for (const Waiting& waiting : answered) {
    rpc::v1::WriteEpoch epoch;
    epoch.set_lease(waiting.lease);
    epoch.set_epoch(waiting.epoch);
    // A newer one may have come meanwhile.
    waiting.done(status.ok() ? Check(epoch) : status);
  }
}

}  // namespace kraken::daemon
