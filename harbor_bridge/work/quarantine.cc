#include "harbor_bridge/work/quarantine.h"

#include <algorithm>
#include <atomic>
#include <utility>

#include "absl/time/time.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"
#include "kraken/storage/group_committer.h"
#include "kraken/storage/sqlite_database.h"

namespace harbor_bridge {
namespace {

using kraken::storage::GroupCommitter;
using kraken::storage::SqliteDatabase;
using kraken::storage::SqliteStatement;

constexpr int32_t kApplicationId = 0x4b485155;  // "KHQU"
constexpr int32_t kVersion = 1;

// `received` is in nanoseconds since 1970.
constexpr char kSchema[] = R"(
CREATE TABLE bodies (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  harbor TEXT NOT NULL,
  source TEXT NOT NULL,
  reason TEXT NOT NULL,
  received INTEGER NOT NULL,
  body_bytes INTEGER NOT NULL,
  body BLOB NOT NULL
);
)";

class QuarantineImpl final : public Quarantine {
 public:
  QuarantineImpl(std::unique_ptr<SqliteDatabase> database, const QuarantineOptions& options)
      : database_(std::move(database)),
        clock_(options.clock != nullptr ? *options.clock : kraken::SystemClock::Get()),
        max_entries_(options.max_entries) {}

  ~QuarantineImpl() override { committer_ = nullptr; }

  absl::Status Start() {
    KH_ASSIGN_OR_RETURN(insert_,
                        database_->Prepare("INSERT INTO bodies (harbor, source, reason, received, "
                                           "body_bytes, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"));
    // Sequence numbers have no gaps but where a transaction was rolled back.
    KH_ASSIGN_OR_RETURN(forget_, database_->Prepare("DELETE FROM bodies WHERE sequence <= "
                                                    "(SELECT max(sequence) FROM bodies) - ?1"));
    KH_ASSIGN_OR_RETURN(
        list_, database_->Prepare("SELECT sequence, harbor, source, reason, received, body_bytes, "
                                  "body FROM bodies ORDER BY sequence DESC LIMIT ?1"));
    committer_ = std::make_unique<GroupCommitter>(database_.get(),
                                                  GroupCommitter::Options{.name = "quarantine"});
    return absl::OkStatus();
  }

  void Put(QuarantinedBody body, Done done) override {
    put_count_.fetch_add(1, std::memory_order_relaxed);
    body.body.resize(std::min(body.body.size(), kMaxQuarantinedBytes));
    committer_->Submit([this, body = std::move(body)] { return Insert(body); }, std::move(done));
  }

  void List(int limit, Listed done) override {
    auto bodies = std::make_shared<std::vector<QuarantinedBody>>();
    committer_->Submit([this, limit, bodies] { return Select(limit, bodies.get()); },
                       [bodies, done = std::move(done)](const absl::Status& status) mutable {
                         if (status.ok()) {
                           done(std::move(*bodies));
                         } else {
                           done(status);
                         }
                       });
  }

  absl::StatusOr<std::vector<QuarantinedBody>> ListAndWait(int limit) override {
    std::vector<QuarantinedBody> bodies;
    KH_RETURN_IF_ERROR(
        committer_->SubmitAndWait([this, limit, &bodies] { return Select(limit, &bodies); }));
    return bodies;
  }

  uint64_t put_count() const override { return put_count_.load(std::memory_order_relaxed); }

 private:
  absl::Status Insert(const QuarantinedBody& body) {
    KH_RETURN_IF_ERROR(insert_.Bind(1, body.harbor)
                           .Bind(2, body.source)
                           .Bind(3, body.reason)
                           .Bind(4, absl::ToUnixNanos(clock_.Now()))
                           .Bind(5, static_cast<int64_t>(body.body_bytes))
                           .BindBlob(6, body.body)
                           .Run());
    return forget_.Bind(1, max_entries_).Run();
  }

  absl::Status Select(int limit, std::vector<QuarantinedBody>* bodies) {
    list_.Bind(1, int64_t{std::max(0, limit)});
    while (true) {
      KH_ASSIGN_OR_RETURN(const bool row, list_.Step());
      if (!row) return absl::OkStatus();
      bodies->push_back({.sequence = list_.Int(0),
                         .harbor = list_.Text(1),
                         .source = list_.Text(2),
                         .reason = list_.Text(3),
                         .received_at = absl::FromUnixNanos(list_.Int(4)),
                         .body_bytes = static_cast<uint64_t>(list_.Int(5)),
                         .body = list_.Blob(6)});
    }
  }

  const std::unique_ptr<SqliteDatabase> database_;
  const kraken::Clock& clock_;
  const int64_t max_entries_;
  std::atomic<uint64_t> put_count_{0};
  // The rest is the committer's thread's.
  SqliteStatement insert_, forget_, list_;
  std::unique_ptr<GroupCommitter> committer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Quarantine>> Quarantine::Open(QuarantineOptions options) {
  KH_ASSIGN_OR_RETURN(std::unique_ptr<SqliteDatabase> database,
                      SqliteDatabase::Open(options.path, kApplicationId, kVersion, kSchema));
  auto quarantine = std::make_unique<QuarantineImpl>(std::move(database), options);
  KH_RETURN_IF_ERROR(quarantine->Start());
  return quarantine;
}

std::string ToJson(const std::vector<QuarantinedBody>& bodies) {
  nlohmann::json list = nlohmann::json::array();
  for (const QuarantinedBody& body : bodies) {
    list.push_back({{"sequence", body.sequence},
                    {"harbor", body.harbor},
                    {"source", body.source},
                    {"reason", body.reason},
                    {"received_at",
                     absl::FormatTime(absl::RFC3339_full, body.received_at, absl::UTCTimeZone())},
                    {"body_bytes", body.body_bytes},
                    {"body", body.body}});
  }
  return kraken::DumpJson(list);
}

}  // namespace harbor_bridge
