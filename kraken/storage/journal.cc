#include "kraken/storage/journal.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/storage/group_committer.h"
#include "kraken/storage/job_queue.h"
#include "kraken/storage/sqlite_database.h"

namespace kraken::storage {
namespace {

constexpr int32_t kApplicationId = 0x4b484a4c;  // "KHJL"
constexpr int32_t kVersion = 1;

// `received` is in nanoseconds since 1970. AUTOINCREMENT: a sequence number is never used again.
constexpr char kSchema[] = R"(
CREATE TABLE entries (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  source TEXT NOT NULL,
  received INTEGER NOT NULL,
  body BLOB NOT NULL
);
)";

class JournalImpl final : public Journal {
 public:
  JournalImpl(std::unique_ptr<SqliteDatabase> database, const JournalOptions& options)
      : database_(std::move(database)),
        clock_(options.clock != nullptr ? *options.clock : SystemClock::Get()),
        max_entries_(options.max_entries) {}

  ~JournalImpl() override { committer_ = nullptr; }

  absl::Status Start(const JournalOptions& options) {
    KH_ASSIGN_OR_RETURN(
        insert_,
        database_->Prepare("INSERT INTO entries (source, received, body) VALUES (?1, ?2, ?3) "
                           "RETURNING sequence"));
    KH_ASSIGN_OR_RETURN(delete_, database_->Prepare("DELETE FROM entries WHERE sequence = ?1"));
    KH_ASSIGN_OR_RETURN(read_,
                        database_->Prepare("SELECT sequence, source, received, body FROM entries "
                                           "WHERE sequence > ?1 ORDER BY sequence LIMIT ?2"));
    KH_ASSIGN_OR_RETURN(count_, database_->Prepare("SELECT count(*) FROM entries"));
    KH_RETURN_IF_ERROR(Count());
    committer_ = std::make_unique<GroupCommitter>(
        database_.get(), GroupCommitter::Options{
                             .max_waiting = options.max_waiting_operations,
                             .window = std::min(options.commit_window, kMaxCommitWindow),
                             .name = "journal",
                             .after_commit = nullptr,
                             .after_rollback = [this] { Count().IgnoreError(); },
                         });
    return absl::OkStatus();
  }

  void Append(std::string source, std::string body, Appended on_durable) override {
    if (absl::Status bad = Check(source, body); !bad.ok()) return on_durable(bad);
    auto sequence = std::make_shared<int64_t>(0);
    committer_->Submit(
        [this, source = std::move(source), body = std::move(body), sequence] {
          return Insert(source, body, sequence.get());
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
    KH_RETURN_IF_ERROR(committer_->SubmitAndWait(
        [this, &source, &body, &sequence] { return Insert(source, body, &sequence); }));
    return sequence;
  }

  void Acknowledge(std::vector<int64_t> sequences, Done done) override {
    committer_->Submit([this, sequences = std::move(sequences)] { return Delete(sequences); },
                       std::move(done));
  }

  absl::Status AcknowledgeAndWait(std::vector<int64_t> sequences) override {
    return committer_->SubmitAndWait([this, &sequences] { return Delete(sequences); });
  }

  absl::StatusOr<std::vector<JournalEntry>> Read(int64_t after, int limit) override {
    std::vector<JournalEntry> entries;
    KH_RETURN_IF_ERROR(committer_->SubmitAndWait(
        [this, after, limit, &entries] { return Select(after, limit, &entries); }));
    return entries;
  }

  absl::StatusOr<int64_t> Size() override {
    int64_t size = 0;
    KH_RETURN_IF_ERROR(committer_->SubmitAndWait([this, &size] {
      size = size_;
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

  absl::Status Insert(const std::string& source, const std::string& body, int64_t* sequence) {
    if (size_ >= max_entries_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("journal ", database_->path(), " holds ", size_, " entries already"));
    }
    insert_.Bind(1, source).Bind(2, absl::ToUnixNanos(clock_.Now())).BindBlob(3, body);
    KH_RETURN_IF_ERROR(insert_.Step().status());
    *sequence = insert_.Int(0);
    ++size_;
    return insert_.Run();
  }

  absl::Status Delete(const std::vector<int64_t>& sequences) {
    for (const int64_t sequence : sequences) {
      KH_RETURN_IF_ERROR(delete_.Bind(1, sequence).Run());
      size_ -= database_->changes();
    }
    return absl::OkStatus();
  }

  absl::Status Select(int64_t after, int limit, std::vector<JournalEntry>* entries) {
    read_.Bind(1, after).Bind(2, int64_t{std::max(0, limit)});
    while (true) {
      KH_ASSIGN_OR_RETURN(const bool row, read_.Step());
      if (!row) return absl::OkStatus();
      entries->push_back({.sequence = read_.Int(0),
                          .source = read_.Text(1),
                          .body = read_.Blob(3),
                          .received_at = absl::FromUnixNanos(read_.Int(2))});
    }
  }

  absl::Status Count() {
    KH_RETURN_IF_ERROR(count_.Step().status());
    size_ = count_.Int(0);
    count_.Reset();
    return absl::OkStatus();
  }

  const std::unique_ptr<SqliteDatabase> database_;
  const Clock& clock_;
  const int64_t max_entries_;
  // The rest is the committer's thread's.
  int64_t size_ = 0;
  SqliteStatement insert_, delete_, read_, count_;
  std::unique_ptr<GroupCommitter> committer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(JournalOptions options) {
  KH_ASSIGN_OR_RETURN(std::unique_ptr<SqliteDatabase> database,
                      SqliteDatabase::Open(options.path, kApplicationId, kVersion, kSchema));
  auto journal = std::make_unique<JournalImpl>(std::move(database), options);
  KH_RETURN_IF_ERROR(journal->Start(options));
  return journal;
}

}  // namespace kraken::storage
