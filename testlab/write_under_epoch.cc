// Writes to an origin and a build-index as a bridge does, under an epoch of the caller's choice,
// and prints what they answer, a line each: "put_tag: OK", "evict: FAILED_PRECONDITION: …".
//
//   write_under_epoch --origin=HOST:PORT --build_index=HOST:PORT --lease=NAME --epoch=N
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "kraken/base/check.h"
#include "kraken/net/loop_thread.h"
#include "kraken/rpc/build_index_client.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/origin_client.h"

namespace testlab {
namespace {

using kraken::rpc::v1::WriteEpoch;

constexpr char kNamespace[] = "write-under/epoch";
constexpr absl::Duration kTimeout = absl::Seconds(10);
// Of nothing that there is.
std::string NoDigest() { return std::string(32, 'd'); }

struct Options {
  std::string origin;
  std::string build_index;
  WriteEpoch epoch;
};

Options Read(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (absl::ConsumePrefix(&argument, "--origin=")) {
      options.origin = std::string(argument);
    } else if (absl::ConsumePrefix(&argument, "--build_index=")) {
      options.build_index = std::string(argument);
    } else if (absl::ConsumePrefix(&argument, "--lease=")) {
      options.epoch.set_lease(std::string(argument));
    } else {
      uint64_t epoch = 0;
      KH_CHECK(absl::ConsumePrefix(&argument, "--epoch=") && absl::SimpleAtoi(argument, &epoch));
      options.epoch.set_epoch(epoch);
    }
  }
  return options;
}

class Writer {
 public:
  explicit Writer(Options options) : options_(std::move(options)) {
    loop_.RunAndWait([this] {
      directory_ = std::make_unique<kraken::rpc::ChannelDirectory>(
          &loop_.loop(), kraken::rpc::ChannelDirectoryOptions());
      origins_ = std::make_unique<kraken::rpc::OriginClient>(&loop_.loop(), directory_.get());
      auto build_index = kraken::rpc::BuildIndexClient::Create(
          &loop_.loop(), directory_.get(),
          {.hosts = {.static_hosts = {options_.build_index}}, .health = {}});
      KH_CHECK(build_index.ok());
      build_index_ = *std::move(build_index);
    });
  }
  ~Writer() {
    loop_.RunAndWait([this] {
      build_index_.reset();
      origins_.reset();
      directory_.reset();
    });
  }

  void PutTag() {
    kraken::rpc::v1::PutTagRequest request;
    request.set_namespace_(kNamespace);
    request.set_tag("1");
    request.set_digest(NoDigest());
    request.set_revision(static_cast<uint64_t>(absl::ToUnixMillis(absl::Now())));
    *request.mutable_write_epoch() = options_.epoch;
    Do("put_tag", [&](const Done& done) { build_index_->PutTag(request, done); });
  }

  void DropTags() {
    kraken::rpc::v1::DropTagsRequest request;
    request.set_namespace_(kNamespace);
    request.set_tag("1");
    *request.mutable_write_epoch() = options_.epoch;
    Do("drop_tags", [&](const Done& done) {
      build_index_->DropTags(request, [done](const auto& answer) { done(answer.status()); });
    });
  }

  void Evict() {
    kraken::rpc::v1::EvictManifestRequest request;
    request.set_digest(NoDigest());
    *request.mutable_write_epoch() = options_.epoch;
    Do("evict", [&](const Done& done) {
      origins_->EvictManifest(options_.origin, request, kTimeout,
                              [done](const auto& answer) { done(answer.status()); });
    });
  }

  void Prefetch() {
    kraken::rpc::v1::PrefetchRequest request;
    request.set_digest(NoDigest());
    request.set_namespace_(kNamespace);
    *request.mutable_write_epoch() = options_.epoch;
    Do("prefetch", [&](const Done& done) {
      origins_->Prefetch(options_.origin, request,
                         {.on_message = nullptr,
                          .on_closed = [done](const absl::Status& status) { done(status); }});
    });
  }

 private:
  using Done = std::function<void(const absl::Status&)>;

  void Do(const char* name, const std::function<void(const Done&)>& begin) {
    absl::Notification ended;
    absl::Status answer;
    loop_.RunAndWait([&] {
      begin([&](const absl::Status& status) {
        answer = status;
        ended.Notify();
      });
    });
    ended.WaitForNotification();
    const std::string code = absl::StatusCodeToString(answer.code());
    std::printf("%s: %s%s%s\n", name, code.c_str(), answer.ok() ? "" : ": ",
                std::string(answer.message()).c_str());
  }

  const Options options_;
  kraken::net::LoopThread loop_{"writer"};
  std::unique_ptr<kraken::rpc::ChannelDirectory> directory_;
  std::unique_ptr<kraken::rpc::OriginClient> origins_;
  std::unique_ptr<kraken::rpc::BuildIndexClient> build_index_;
};

}  // namespace
}  // namespace testlab

int main(int argc, char** argv) {
  testlab::Writer writer(testlab::Read(argc, argv));
  writer.PutTag();
  writer.DropTags();
  writer.Evict();
  writer.Prefetch();
  return 0;
}
