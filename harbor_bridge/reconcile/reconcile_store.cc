#include "harbor_bridge/reconcile/reconcile_store.h"

#include <limits>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/storage/group_committer.h"
#include "kraken/storage/sqlite_database.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {
namespace {

using kraken::storage::GroupCommitter;
using kraken::storage::SqliteDatabase;
using kraken::storage::SqliteStatement;

constexpr int32_t kApplicationId = 0x4b485243;  // "KHRC"
constexpr int32_t kVersion = 1;

// Times are microseconds since 1970; the least number is the infinite past.
constexpr char kSchema[] = R"(
CREATE TABLE rounds (
  harbor TEXT PRIMARY KEY,
  number INTEGER NOT NULL,
  full INTEGER NOT NULL,
  open INTEGER NOT NULL,
  floor INTEGER NOT NULL,
  full_ended INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE scopes (
  harbor TEXT NOT NULL,
  scope TEXT NOT NULL,
  watermark INTEGER NOT NULL,
  round INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  page_size INTEGER NOT NULL,
  pages INTEGER NOT NULL,
  total INTEGER NOT NULL,
  newest INTEGER NOT NULL,
  PRIMARY KEY (harbor, scope)
) WITHOUT ROWID;
CREATE TABLE known (
  host TEXT NOT NULL,
  repository TEXT NOT NULL,
  reference TEXT NOT NULL,
  digest TEXT NOT NULL,
  seen INTEGER NOT NULL,
  PRIMARY KEY (host, repository, reference)
) WITHOUT ROWID;
CREATE TABLE instances (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  harbor TEXT NOT NULL,
  instance TEXT NOT NULL,
  UNIQUE (harbor, instance)
);
)";

constexpr int64_t kInfinitePast = std::numeric_limits<int64_t>::min();

int64_t ToMicros(absl::Time time) {
  return time == absl::InfinitePast() ? kInfinitePast : absl::ToUnixMicros(time);
}

absl::Time FromMicros(int64_t micros) {
  return micros == kInfinitePast ? absl::InfinitePast() : absl::FromUnixMicros(micros);
}

std::string_view Std(absl::string_view text) { return {text.data(), text.size()}; }

class StoreImpl final : public ReconcileStore {
 public:
  explicit StoreImpl(std::unique_ptr<SqliteDatabase> database) : database_(std::move(database)) {}
  ~StoreImpl() override { committer_ = nullptr; }

  absl::Status Start() {
    KH_RETURN_IF_ERROR(
        Prepare("SELECT number, full, open, floor, full_ended FROM rounds "
                "WHERE harbor = ?1",
                &get_round_));
    KH_RETURN_IF_ERROR(
        Prepare("INSERT OR REPLACE INTO rounds VALUES (?1, ?2, ?3, ?4, ?5, ?6)", &put_round_));
    KH_RETURN_IF_ERROR(
        Prepare("SELECT watermark, round, ended, page_size, pages, total, newest "
                "FROM scopes WHERE harbor = ?1 AND scope = ?2",
                &get_scope_));
    KH_RETURN_IF_ERROR(Prepare(
        "INSERT OR REPLACE INTO scopes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", &put_scope_));
    KH_RETURN_IF_ERROR(
        Prepare("SELECT digest FROM known WHERE host = ?1 AND repository = ?2 AND "
                "reference = ?3",
                &lookup_));
    KH_RETURN_IF_ERROR(
        Prepare("INSERT INTO known VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET "
                "digest = excluded.digest, seen = max(seen, excluded.seen)",
                &see_));
    KH_RETURN_IF_ERROR(
        Prepare("SELECT host, repository, reference, digest FROM known WHERE "
                "(host, repository, reference) > (?1, ?2, ?3) AND seen < ?4 "
                "ORDER BY host, repository, reference LIMIT ?5",
                &unseen_));
    KH_RETURN_IF_ERROR(Prepare(
        "DELETE FROM known WHERE host = ?1 AND repository = ?2 AND reference = ?3", &forget_));
    KH_RETURN_IF_ERROR(Prepare("INSERT OR IGNORE INTO instances (harbor, instance) VALUES (?1, ?2)",
                               &add_instance_));
    KH_RETURN_IF_ERROR(
        Prepare("DELETE FROM instances WHERE harbor = ?1 AND number NOT IN (SELECT number FROM "
                "instances WHERE harbor = ?1 ORDER BY number DESC LIMIT ?2)",
                &trim_instances_));
    GroupCommitter::Options options;
    options.name = "reconcile";
    committer_ = std::make_unique<GroupCommitter>(database_.get(), std::move(options));
    return absl::OkStatus();
  }

  absl::StatusOr<RoundState> GetRound(absl::string_view harbor) override {
    RoundState state;
    KH_RETURN_IF_ERROR(committer_->SubmitAndWait([&]() -> absl::Status {
      get_round_.Bind(1, Std(harbor));
      KH_ASSIGN_OR_RETURN(const bool found, get_round_.Step());
      if (!found) return absl::OkStatus();
      state = {.number = get_round_.Int(0),
               .full = get_round_.Int(1) != 0,
               .open = get_round_.Int(2) != 0,
               .floor = FromMicros(get_round_.Int(3)),
               .full_ended = FromMicros(get_round_.Int(4))};
      get_round_.Reset();
      return absl::OkStatus();
    }));
    return state;
  }

  absl::Status PutRound(absl::string_view harbor, const RoundState& state) override {
    return committer_->SubmitAndWait([&] {
      return put_round_.Bind(1, Std(harbor))
          .Bind(2, state.number)
          .Bind(3, int64_t{state.full})
          .Bind(4, int64_t{state.open})
          .Bind(5, ToMicros(state.floor))
          .Bind(6, ToMicros(state.full_ended))
          .Run();
    });
  }

  absl::StatusOr<ScopeState> GetScope(absl::string_view harbor, absl::string_view scope) override {
    ScopeState state;
    KH_RETURN_IF_ERROR(committer_->SubmitAndWait([&]() -> absl::Status {
      get_scope_.Bind(1, Std(harbor)).Bind(2, Std(scope));
      KH_ASSIGN_OR_RETURN(const bool found, get_scope_.Step());
      if (!found) return absl::OkStatus();
      state = {.watermark = FromMicros(get_scope_.Int(0)),
               .round = get_scope_.Int(1),
               .ended = get_scope_.Int(2) != 0,
               .page_size = static_cast<int>(get_scope_.Int(3)),
               .pages = static_cast<int>(get_scope_.Int(4)),
               .total = get_scope_.Int(5),
               .newest = FromMicros(get_scope_.Int(6))};
      get_scope_.Reset();
      return absl::OkStatus();
    }));
    return state;
  }

  absl::Status CommitPage(absl::string_view harbor, absl::string_view scope,
                          const ScopeState& state, absl::Span<const KnownReference> seen) override {
    return committer_->SubmitAndWait([&]() -> absl::Status {
      for (const KnownReference& reference : seen) KH_RETURN_IF_ERROR(See(reference, state.round));
      return put_scope_.Bind(1, Std(harbor))
          .Bind(2, Std(scope))
          .Bind(3, ToMicros(state.watermark))
          .Bind(4, state.round)
          .Bind(5, int64_t{state.ended})
          .Bind(6, int64_t{state.page_size})
          .Bind(7, int64_t{state.pages})
          .Bind(8, state.total)
          .Bind(9, ToMicros(state.newest))
          .Run();
    });
  }

  absl::StatusOr<std::vector<std::optional<kraken::Digest>>> Lookup(
      absl::Span<const KnownReference> references) override {
    std::vector<std::optional<kraken::Digest>> digests;
    digests.reserve(references.size());
    KH_RETURN_IF_ERROR(committer_->SubmitAndWait([&]() -> absl::Status {
      for (const KnownReference& reference : references) {
        BindKey(lookup_, reference);
        KH_ASSIGN_OR_RETURN(const bool found, lookup_.Step());
        if (!found) {
          digests.push_back(std::nullopt);
          continue;
        }
        KH_ASSIGN_OR_RETURN(const kraken::Digest digest, kraken::Digest::Parse(lookup_.Text(0)));
        digests.push_back(digest);
        lookup_.Reset();
      }
      return absl::OkStatus();
    }));
    return digests;
  }

  absl::StatusOr<std::vector<KnownReference>> Unseen(int64_t round, const KnownReference* after,
                                                     size_t limit) override {
    std::vector<KnownReference> references;
    KH_RETURN_IF_ERROR(committer_->SubmitAndWait([&]() -> absl::Status {
      if (after != nullptr) {
        BindKey(unseen_, *after);
      } else {
        unseen_.Bind(1, "").Bind(2, "").Bind(3, "");
      }
      unseen_.Bind(4, round).Bind(5, static_cast<int64_t>(limit));
      while (true) {
        KH_ASSIGN_OR_RETURN(const bool found, unseen_.Step());
        if (!found) return absl::OkStatus();
        KH_ASSIGN_OR_RETURN(kraken::Namespace ns,
                            kraken::Namespace::Create(unseen_.Text(0), unseen_.Text(1)));
        KH_ASSIGN_OR_RETURN(const kraken::Digest digest, kraken::Digest::Parse(unseen_.Text(3)));
        references.push_back({.ns = std::move(ns), .reference = unseen_.Text(2), .digest = digest});
      }
    }));
    return references;
  }

  absl::Status Forget(const KnownReference& reference) override {
    return committer_->SubmitAndWait([&] {
      BindKey(forget_, reference);
      return forget_.Run();
    });
  }

  void NoteTag(const kraken::Namespace& ns, const kraken::Tag& tag,
               const kraken::Digest& digest) override {
    committer_->Submit(
        [this, known = KnownReference{ns, tag.ToString(), digest}] { return See(known, 0); },
        [](const absl::Status& status) {
          if (!status.ok()) {
            kraken::telemetry::LogWarn("a tag can't be remembered", {{"reason", status}});
          }
        });
  }

  absl::StatusOr<bool> IsNewInstance(absl::string_view harbor,
                                     absl::string_view instance) override {
    bool is_new = false;
    KH_RETURN_IF_ERROR(committer_->SubmitAndWait([&]() -> absl::Status {
      KH_RETURN_IF_ERROR(add_instance_.Bind(1, Std(harbor)).Bind(2, Std(instance)).Run());
      is_new = database_->changes() > 0;
      if (!is_new) return absl::OkStatus();
      return trim_instances_.Bind(1, Std(harbor)).Bind(2, int64_t{kMaxInstances}).Run();
    }));
    return is_new;
  }

 private:
  absl::Status Prepare(std::string_view sql, SqliteStatement* statement) {
    KH_ASSIGN_OR_RETURN(*statement, database_->Prepare(sql));
    return absl::OkStatus();
  }

  static void BindKey(SqliteStatement& statement, const KnownReference& reference) {
    statement.Bind(1, reference.ns.host())
        .Bind(2, reference.ns.repository())
        .Bind(3, reference.reference);
  }

  absl::Status See(const KnownReference& reference, int64_t round) {
    BindKey(see_, reference);
    return see_.Bind(4, reference.digest.ToString()).Bind(5, round).Run();
  }

  const std::unique_ptr<SqliteDatabase> database_;
  // The committer's thread only.
  SqliteStatement get_round_;
  SqliteStatement put_round_;
  SqliteStatement get_scope_;
  SqliteStatement put_scope_;
  SqliteStatement lookup_;
  SqliteStatement see_;
  SqliteStatement unseen_;
  SqliteStatement forget_;
  SqliteStatement add_instance_;
  SqliteStatement trim_instances_;
  std::unique_ptr<GroupCommitter> committer_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<ReconcileStore>> ReconcileStore::Open(const std::string& path) {
  KH_ASSIGN_OR_RETURN(auto database, SqliteDatabase::Open(path, kApplicationId, kVersion, kSchema));
  auto store = std::make_unique<StoreImpl>(std::move(database));
  KH_RETURN_IF_ERROR(store->Start());
  return store;
}

}  // namespace harbor_bridge
