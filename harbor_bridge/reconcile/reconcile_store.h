#ifndef HARBOR_BRIDGE_RECONCILE_RECONCILE_STORE_H_
#define HARBOR_BRIDGE_RECONCILE_RECONCILE_STORE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/tag.h"

namespace harbor_bridge {

// A round of reconciliation of one Harbor.
struct RoundState {
  int64_t number = 0;  // 0: there never was one
  // Everything is looked at, not only what is new.
  bool full = false;
  // Begun and not ended: goes on where it was, after a kill too.
  bool open = false;
  // Images that were pushed before this are no work: they were there before the bridge was.
  absl::Time floor = absl::InfinitePast();
  // The end of the last full round.
  absl::Time full_ended = absl::InfinitePast();
};

// How far a round has come with one list of Harbor's: a project's, or a repository's.
struct ScopeState {
  // What was pushed before this, by Harbor's clock, is known.
  absl::Time watermark = absl::InfinitePast();
  int64_t round = 0;  // the last that has begun on it
  bool ended = false;
  int page_size = 0;
  int pages = 0;                             // that are done
  int64_t total = -1;                        // the list's length when the last of them was read
  absl::Time newest = absl::InfinitePast();  // the first entry of the first page
};

// What a reference (a tag, or the digest of an image without one) stood for when it last became
// work, under the name by which the cluster knows the repository.
struct KnownReference {
  kraken::Namespace ns;
  std::string reference;
  kraken::Digest digest;
};

// What reconciliation remembers, in an SQLite database of its own: what it was told is durable when
// the call returns. Thread-safe; blocks, unless said otherwise.
class ReconcileStore {
 public:
  // Opens or creates; the directory must exist. Errors as SqliteDatabase::Open().
  static absl::StatusOr<std::unique_ptr<ReconcileStore>> Open(const std::string& path);
  // Commits what waits, then closes.
  virtual ~ReconcileStore() = default;

  virtual absl::StatusOr<RoundState> GetRound(absl::string_view harbor) = 0;
  virtual absl::Status PutRound(absl::string_view harbor, const RoundState& state) = 0;
  virtual absl::StatusOr<ScopeState> GetScope(absl::string_view harbor,
                                              absl::string_view scope) = 0;
  // Writes down, in one transaction, how far `scope` is, and what was seen on the way there.
  virtual absl::Status CommitPage(absl::string_view harbor, absl::string_view scope,
                                  const ScopeState& state,
                                  absl::Span<const KnownReference> seen) = 0;

  // What each reference is known to stand for; nothing: it is not known.
  virtual absl::StatusOr<std::vector<std::optional<kraken::Digest>>> Lookup(
      absl::Span<const KnownReference> references) = 0;
  // Known references that no page of `round` or a later one has shown, in order, after `after`
  // (null: from the first).
  virtual absl::StatusOr<std::vector<KnownReference>> Unseen(int64_t round,
                                                             const KnownReference* after,
                                                             size_t limit) = 0;
  virtual absl::Status Forget(const KnownReference& reference) = 0;

  // A tag became what it is by another way than reconciliation. Never blocks; if the process is
  // killed at once, reconciliation does the same work once more.
  virtual void NoteTag(const kraken::Namespace& ns, const kraken::Tag& tag,
                       const kraken::Digest& digest) = 0;

  // Whether a registry's instance (source.instanceID of its notifications) is seen for the first
  // time: then it has been restarted, and what it had not yet told is lost.
  virtual absl::StatusOr<bool> IsNewInstance(absl::string_view harbor,
                                             absl::string_view instance) = 0;

  // Instances remembered per Harbor: more than a registry has replicas.
  static constexpr int kMaxInstances = 64;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_RECONCILE_RECONCILE_STORE_H_
