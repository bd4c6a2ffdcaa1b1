#ifndef KRAKEN_BUILD_INDEX_TAG_HUB_H_
#define KRAKEN_BUILD_INDEX_TAG_HUB_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/tag.h"
#include "kraken/base/worker_pool.h"
#include "kraken/build_index/build_index_config.h"
#include "kraken/build_index/tag_table.h"
#include "kraken/net/event_loop.h"

namespace kraken::build_index {

struct TagHubStats {
  uint64_t gets = 0;
  uint64_t puts = 0;
  uint64_t drops = 0;
  uint64_t upstream_queries = 0;
  uint64_t served_stale = 0;
};

// The build-index's core: answers tags from its table, asks the backend when the table does not
// know or has not asked for long, and takes what the bridge has found out. Many who ask for one tag
// at once make one query. Belongs to its loop's thread.
class TagHub {
 public:
  // A row without a digest is the answer to nobody but Put().
  using Done = std::function<void(absl::StatusOr<TagRow>)>;
  using Dropped = std::function<void(absl::StatusOr<std::vector<DroppedTag>>)>;
  // Asks the backend of a namespace. Blocks; called on `upstream`'s threads. NOT_FOUND: no such
  // tag.
  using Resolve = std::function<absl::StatusOr<Digest>(const Namespace&, const Tag&)>;

  // All outlive it. `table` is used on `disk` only, which has one thread.
  TagHub(net::EventLoop* loop, TagTable* table, WorkerPool* disk, WorkerPool* upstream,
         Resolve resolve, const TagServerConfig& config);
  ~TagHub();

  // NOT_FOUND: neither the table nor the backend knows the tag. A tag that can't be confirmed as
  // its backend is silent is served as it is known, within the configured time; else the backend's
  // error. What the backend refuses is refused.
  void Get(const Namespace& ns, const Tag& tag, Done done);

  // What there is afterwards: perhaps a newer one than `row`.
  void Put(const Namespace& ns, const Tag& tag, const TagRow& row, Done done);

  // Takes note that tags are gone; what was there.
  void Drop(const Namespace& ns, GoneTags which, const TagRow& gone, Dropped done);

  TagHubStats stats() const { return stats_; }

 private:
  using Key = std::pair<std::string, std::string>;
  struct Query;

  void OnStored(const Key& key, absl::StatusOr<std::optional<TagRow>> stored);
  void AskUpstream(const Key& key);
  void OnUpstream(const Key& key, absl::Time asked_at, absl::StatusOr<Digest> digest);
  void OnTimeout(const Key& key);
  // Whether it is known, and has been confirmed lately enough to do without the backend.
  bool HasStale(const Query& query) const;
  void Answer(const Key& key, absl::StatusOr<TagRow> row);

  net::EventLoop* const loop_;
  TagTable* const table_;
  WorkerPool* const disk_;
  WorkerPool* const upstream_;
  const Resolve resolve_;
  const TagServerConfig config_;
  std::map<Key, std::unique_ptr<Query>> queries_;
  TagHubStats stats_;
  std::shared_ptr<TagHub*> alive_;
};

}  // namespace kraken::build_index

#endif  // KRAKEN_BUILD_INDEX_TAG_HUB_H_
