#include "kraken/build_index/tag_hub.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "kraken/base/status_util.h"
#include "kraken/telemetry/log.h"

namespace kraken::build_index {

// One tag being looked up, for everybody who asked meanwhile.
struct TagHub::Query {
  Query(const Namespace& ns, const Tag& tag) : ns(ns), tag(tag) {}

  const Namespace ns;
  const Tag tag;
  std::vector<Done> waiting;
  std::optional<TagRow> stored;
  net::TimerId timeout = net::TimerId::kNone;
};

TagHub::TagHub(net::EventLoop* loop, TagTable* table, WorkerPool* disk, WorkerPool* upstream,
               Resolve resolve, const TagServerConfig& config)
    : loop_(loop),
      table_(table),
      disk_(disk),
      upstream_(upstream),
      resolve_(std::move(resolve)),
      config_(config),
      alive_(std::make_shared<TagHub*>(this)) {}

TagHub::~TagHub() {
  *alive_ = nullptr;
  for (auto& [key, query] : queries_) loop_->CancelTimer(query->timeout);
}

void TagHub::Get(const Namespace& ns, const Tag& tag, Done done) {
  ++stats_.gets;
  const Key key(ns.ToString(), tag.ToString());
  std::unique_ptr<Query>& query = queries_[key];
  const bool is_new = query == nullptr;
  if (is_new) query = std::make_unique<Query>(ns, tag);
  query->waiting.push_back(std::move(done));
  if (!is_new) return;
  const absl::Status submitted =
      disk_->Submit([alive = alive_, handle = loop_->handle(), table = table_, key] {
        handle.Post([alive, key, stored = table->Get(key.first, key.second)] {
          if (*alive != nullptr) (*alive)->OnStored(key, stored);
        });
      });
  if (!submitted.ok()) Answer(key, submitted);
}

void TagHub::OnStored(const Key& key, absl::StatusOr<std::optional<TagRow>> stored) {
  auto it = queries_.find(key);
  if (it == queries_.end()) return;
  if (!stored.ok()) {
    telemetry::LogError("tags can't be read", {{"reason", stored.status()}});
    stored = std::optional<TagRow>();  // the backend still knows
  }
  // What is known to be gone helps nobody once it is in doubt.
  const bool is_gone = stored->has_value() && !(*stored)->digest.has_value();
  if (!is_gone) it->second->stored = *stored;
  if (stored->has_value() && absl::Now() - (*stored)->confirmed_at < config_.revalidate_after) {
    Answer(key, **stored);
    return;
  }
  AskUpstream(key);
}

void TagHub::AskUpstream(const Key& key) {
  ++stats_.upstream_queries;
  Query& query = *queries_[key];
  if (HasStale(query)) {
    query.timeout = loop_->RunAfter(config_.upstream_timeout, [this, key] { OnTimeout(key); });
  }
  const absl::Status submitted =
      upstream_->Submit([alive = alive_, handle = loop_->handle(), resolve = resolve_, key,
                         ns = query.ns, tag = query.tag] {
        const absl::Time asked_at = absl::Now();
        handle.Post([alive, key, asked_at, digest = resolve(ns, tag)] {
          if (*alive != nullptr) (*alive)->OnUpstream(key, asked_at, digest);
        });
      });
  if (!submitted.ok()) OnUpstream(key, absl::Now(), submitted);
}

bool TagHub::HasStale(const Query& query) const {
  return query.stored.has_value() && absl::Now() - query.stored->confirmed_at < config_.stale_ttl;
}

void TagHub::OnTimeout(const Key& key) {
  auto it = queries_.find(key);
  if (it == queries_.end()) return;
  it->second->timeout = net::TimerId::kNone;
  ++stats_.served_stale;
  telemetry::LogWarn("backend is slow; serving the tag as it is known",
                     {{"namespace", key.first}, {"tag", key.second}});
  Answer(key, *it->second->stored);
}

void TagHub::OnUpstream(const Key& key, absl::Time asked_at, absl::StatusOr<Digest> digest) {
  auto it = queries_.find(key);
  // After a timeout nobody waits, but what was found out is kept.
  const bool waited_for = it != queries_.end();
  if (digest.ok()) {
    const TagRow row = {.digest = *digest,
                        .revision = static_cast<uint64_t>(absl::ToUnixMillis(asked_at)),
                        .confirmed_at = asked_at};
    const absl::Status submitted =
        disk_->Submit([alive = alive_, handle = loop_->handle(), table = table_, key, row] {
          handle.Post([alive, key, stored = table->Put(key.first, key.second, row), row] {
            // What can't be stored is still true.
            if (*alive != nullptr) (*alive)->Answer(key, stored.ok() ? *stored : row);
          });
        });
    if (!submitted.ok()) Answer(key, row);
    return;
  }
  if (!waited_for) return;
  if (absl::IsNotFound(digest.status())) {
    // Deleted upstream, so nothing we know of it is true any more.
    const TagRow gone = {.digest = {},
                         .revision = static_cast<uint64_t>(absl::ToUnixMillis(asked_at)),
                         .confirmed_at = asked_at};
    const absl::Status submitted = disk_->Submit([table = table_, key, gone] {
      table->DropIfKnown(key.first, key.second, gone).IgnoreError();
    });
    if (!submitted.ok()) {
      telemetry::LogWarn("a deleted tag stays stored", {{"reason", submitted}});
    }
    Answer(key, digest.status());
    return;
  }
  if (IsSilence(digest.status()) && HasStale(*it->second)) {
    ++stats_.served_stale;
    telemetry::LogWarn(
        "backend does not answer; serving the tag as it is known",
        {{"namespace", key.first}, {"tag", key.second}, {"reason", digest.status()}});
    Answer(key, *it->second->stored);
    return;
  }
  Answer(key, digest.status());
}

void TagHub::Answer(const Key& key, absl::StatusOr<TagRow> row) {
  if (row.ok() && !row->digest.has_value()) {
    row = absl::NotFoundError(absl::StrCat("no tag ", key.first, ":", key.second));
  }
  auto it = queries_.find(key);
  if (it == queries_.end()) return;
  const std::unique_ptr<Query> query = std::move(it->second);
  queries_.erase(it);
  loop_->CancelTimer(query->timeout);
  for (const Done& done : query->waiting) done(row);
}

void TagHub::Put(const Namespace& ns, const Tag& tag, const TagRow& row, Done done) {
  ++stats_.puts;
  const Key key(ns.ToString(), tag.ToString());
  const absl::Status submitted =
      disk_->Submit([alive = alive_, handle = loop_->handle(), table = table_, key, row, done] {
        handle.Post([alive, done, stored = table->Put(key.first, key.second, row)] {
          if (*alive != nullptr) done(stored);
        });
      });
  if (!submitted.ok()) done(submitted);
}

void TagHub::Drop(const Namespace& ns, GoneTags which, const TagRow& gone, Dropped done) {
  ++stats_.drops;
  const absl::Status submitted =
      disk_->Submit([alive = alive_, handle = loop_->handle(), table = table_, ns = ns.ToString(),
                     which = std::move(which), gone, done] {
        handle.Post([alive, done, dropped = table->Drop(ns, which, gone)] {
          if (*alive != nullptr) done(dropped);
        });
      });
  if (!submitted.ok()) done(submitted);
}

}  // namespace kraken::build_index
