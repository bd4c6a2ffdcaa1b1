#ifndef KRAKEN_ACCESS_EDGE_TABLE_H_
#define KRAKEN_ACCESS_EDGE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"

namespace kraken::access {

// Which blobs the manifests of a repository name: edges (namespace, blob), so that a blob is served
// through a repository without a question to Harbor. Survives restarts if it has a file.
//
// An edge is kept as the first 128 bits of a SHA-256, 16 bytes in memory and on disk. At most
// `max_edges` are kept, in two generations: what is not used while the younger fills is forgotten
// with the older. What a power cut loses or garbles costs a question, and gives nobody anything:
// what stands in the file has to be guessed to be of use.
//
// Thread-safe.
class EdgeTable {
 public:
  // REQUIRES: max_edges >= 2.
  explicit EdgeTable(size_t max_edges) : max_generation_(max_edges / 2) {}

  // Reads what a former process left in `path` (and "path.old"), and writes there from now on.
  // Errors of reading and writing; the table works then, in memory only. Blocks; before all else.
  absl::Status UseFile(std::string path) ABSL_LOCKS_EXCLUDED(mutex_, file_mutex_);

  // Adds it, or notes that it was used.
  void Add(const Namespace& ns, const Digest& digest) ABSL_LOCKS_EXCLUDED(mutex_);
  // Whether it is known, which also counts as use.
  bool Contains(const Namespace& ns, const Digest& digest) ABSL_LOCKS_EXCLUDED(mutex_);

  // Whether Flush() has anything to do.
  bool dirty() const ABSL_LOCKS_EXCLUDED(mutex_);
  // Writes what is new, without waiting for the disk to have it. Blocks. A failure is not repeated:
  // the next call tries anew.
  absl::Status Flush() ABSL_LOCKS_EXCLUDED(mutex_, file_mutex_);

  size_t size() const ABSL_LOCKS_EXCLUDED(mutex_);

 private:
  using Name = absl::uint128;
  using Generation = absl::flat_hash_set<Name>;

  // Into the younger generation.
  void Use(Name name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_generation_;
  mutable absl::Mutex mutex_;
  Generation young_ ABSL_GUARDED_BY(mutex_);
  Generation old_ ABSL_GUARDED_BY(mutex_);
  bool has_file_ ABSL_GUARDED_BY(mutex_) = false;
  // Of `young_`, not in the file yet.
  std::vector<Name> unwritten_ ABSL_GUARDED_BY(mutex_);
  // The files no longer say which generation is which, or a write failed: both are written anew.
  bool rewrite_ ABSL_GUARDED_BY(mutex_) = false;

  // Held around mutex_.
  absl::Mutex file_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  std::string path_ ABSL_GUARDED_BY(file_mutex_);
};

}  // namespace kraken::access

#endif  // KRAKEN_ACCESS_EDGE_TABLE_H_
