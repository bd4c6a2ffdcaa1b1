#ifndef KRAKEN_STORAGE_JOURNAL_H_
#define KRAKEN_STORAGE_JOURNAL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"
#include "kraken/storage/file_system.h"

namespace kraken::storage {

struct JournalOptions {
  // The journal's file; its directory must exist. One process at a time.
  std::string path;
  // Entries not acknowledged; Append then says RESOURCE_EXHAUSTED. Each takes some 40 bytes of
  // memory.
  int64_t max_entries = 1'000'000;
  // The file is a ring of so many segments of so many bytes, written once when it is made, which
  // takes a second or two. Append says RESOURCE_EXHAUSTED when it is full, and
  // INVALID_ARGUMENT of an entry that fits in no segment.
  size_t segment_bytes = 8 << 20;
  size_t segments = 16;
  size_t max_waiting_operations = 65536;
  // As JobQueueOptions.
  absl::Duration commit_window = absl::ZeroDuration();
  const Clock* clock = nullptr;       // null: the system's
  FileSystem* file_system = nullptr;  // null: the real one
};

struct JournalEntry {
  int64_t sequence = 0;  // grows, never used twice
  std::string source;    // whence it came, e.g. "harbor-eu/registry"
  std::string body;      // raw, as received
  absl::Time received_at;
};

inline constexpr size_t kMaxJournalSourceBytes = 1 << 10;
inline constexpr size_t kMaxJournalBodyBytes = 4 << 20;
// Of one Read().
inline constexpr size_t kMaxJournalReadBytes = 8 << 20;

// Durable intake of raw events: appended, acknowledged once they have become jobs, read again after
// a restart. In a file of its own that never grows (journal_file/journal_log.h), with group commit
// as JobQueue: while others fill the disk, a commit waits for its own bytes and for nothing else.
// What was appended without an answer, or with an error, may be read all the same. Thread-safe.
class Journal {
 public:
  static absl::StatusOr<std::unique_ptr<Journal>> Open(JournalOptions options);

  // Commits what waits, then closes.
  virtual ~Journal() = default;

  // `on_durable` runs on the journal's thread after the commit, with the sequence number: now the
  // sender may be answered. Must be quick.
  using Appended = absl::AnyInvocable<void(absl::StatusOr<int64_t>)>;
  virtual void Append(std::string source, std::string body, Appended on_durable) = 0;
  // Waits for the commit: never on a loop.
  virtual absl::StatusOr<int64_t> AppendAndWait(std::string source, std::string body) = 0;

  // Forgets these entries; unknown ones are no error.
  using Done = absl::AnyInvocable<void(const absl::Status&)>;
  virtual void Acknowledge(std::vector<int64_t> sequences, Done done) = 0;
  virtual absl::Status AcknowledgeAndWait(std::vector<int64_t> sequences) = 0;

  // Entries not acknowledged with a sequence greater than `after`, in order: none only if there is
  // none, and after the first no more than fit into kMaxJournalReadBytes. Blocking.
  virtual absl::StatusOr<std::vector<JournalEntry>> Read(int64_t after, int limit) = 0;
  // Number of entries not acknowledged. Blocking.
  virtual absl::StatusOr<int64_t> Size() = 0;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_JOURNAL_H_
