#include "kraken/storage/journal.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/storage/group_committer.h"
#include "kraken/storage/job_queue.h"
#include "kraken/storage/journal_file/journal_log.h"

namespace kraken::storage {
namespace {

class JournalImpl final : public Journal {
 public:
  JournalImpl(std::unique_ptr<JournalLog> log, const JournalOptions& options)
      : log_(std::move(log)),
        clock_(options.clock != nullptr ? *options.clock : SystemClock::Get()),
        max_entries_(options.max_entries),
        committer_(std::make_unique<GroupCommitter>(
            log_.get(), GroupCommitter::Options{
                            .max_waiting = options.max_waiting_operations,
                            .window = std::min(options.commit_window, kMaxCommitWindow),
                            .name = "journal",
                        })) {}

  ~JournalImpl() override { committer_ = nullptr; }

  void Append(std::string source, std::string body, Appended on_durable) override {
    if (absl::Status bad = Check(source, body); !bad.ok()) return on_durable(bad);
    auto sequence = std::make_shared<int64_t>(0);
    committer_->Submit(
        [this, source = std::move(source), body = std::move(body), sequence]() mutable {
          return Insert(std::move(source), std::move(body), sequence.get());
        },
        [sequence, on_durable = std::move(on_durable)](const absl::Status& status) mutable {
          if (status.ok()) {
            on_durable(*sequence);
          } else {
            on_durable(status);
          }
        });
  }

  absl::StatusOr<int64_t> AppendAndWait(std::string source, std::string body) override {
    KH_RETURN_IF_ERROR(Check(source, body));
    int64_t sequence = 0;
    KH_RETURN_IF_ERROR(committer_->SubmitAndWait([this, &source, &body, &sequence] {
      return Insert(std::move(source), std::move(body), &sequence);
    }));
    return sequence;
  }

  void Acknowledge(std::vector<int64_t> sequences, Done done) override {
    committer_->Submit([this, sequences = std::move(sequences)] { return log_->Forget(sequences); },
                       std::move(done));
  }

  absl::Status AcknowledgeAndWait(std::vector<int64_t> sequences) override {
    return committer_->SubmitAndWait([this, &sequences] { return log_->Forget(sequences); });
  }

  absl::StatusOr<std::vector<JournalEntry>> Read(int64_t after, int limit) override {
    std::vector<JournalRecord> records;
    KH_RETURN_IF_ERROR(committer_->SubmitAndWait([this, after, limit, &records] {
      return log_->Read(after, static_cast<size_t>(std::max(0, limit)), kMaxJournalReadBytes,
                        &records);
    }));
    std::vector<JournalEntry> entries;
    entries.reserve(records.size());
    for (JournalRecord& record : records) {
      entries.push_back({.sequence = record.sequence,
                         .source = std::move(record.source),
                         .body = std::move(record.body),
                         .received_at = record.received_at});
    }
    return entries;
  }

  absl::StatusOr<int64_t> Size() override {
    int64_t size = 0;
    KH_RETURN_IF_ERROR(committer_->SubmitAndWait([this, &size] {
      size = log_->size();
      return absl::OkStatus();
    }));
    return size;
  }

 private:
  static absl::Status Check(const std::string& source, const std::string& body) {
    if (source.size() <= kMaxJournalSourceBytes && body.size() <= kMaxJournalBodyBytes) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        absl::StrCat("an event of ", body.size(), " bytes is more than ", kMaxJournalBodyBytes));
  }

  absl::Status Insert(std::string source, std::string body, int64_t* sequence) {
    if (log_->size() >= max_entries_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("journal ", log_->path(), " holds ", log_->size(), " entries already"));
    }
    JournalRecord record;
    record.received_at = clock_.Now();
    record.source = std::move(source);
    record.body = std::move(body);
    KH_ASSIGN_OR_RETURN(*sequence, log_->Append(std::move(record)));
    return absl::OkStatus();
  }

  const std::unique_ptr<JournalLog> log_;
  const Clock& clock_;
  const int64_t max_entries_;
  std::unique_ptr<GroupCommitter> committer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(JournalOptions options) {
  KH_ASSIGN_OR_RETURN(std::unique_ptr<JournalLog> log,
                      JournalLog::Open({.path = options.path,
                                        .segment_bytes = options.segment_bytes,
                                        .segments = options.segments,
                                        .file_system = options.file_system}));
  return std::make_unique<JournalImpl>(std::move(log), options);
}

}  // namespace kraken::storage
