#ifndef KRAKEN_STORAGE_JOURNAL_H_
#define KRAKEN_STORAGE_JOURNAL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"

namespace kraken::storage {

struct JournalOptions {
  // The database's file; its directory must exist. One process at a time.
  std::string path;
  // Entries not acknowledged; Append then says RESOURCE_EXHAUSTED.
  int64_t max_entries = 10'000'000;
  size_t max_waiting_operations = 65536;
  // As JobQueueOptions.
  absl::Duration commit_window = absl::ZeroDuration();
  const Clock* clock = nullptr;  // null: the system's
};

struct JournalEntry {
  int64_t sequence = 0;  // grows, never used twice
  std::string source;    // whence it came, e.g. "harbor-eu/registry"
  std::string body;      // raw, as received
  absl::Time received_at;
};

inline constexpr size_t kMaxJournalSourceBytes = 1 << 10;
inline constexpr size_t kMaxJournalBodyBytes = 16 << 20;

// Durable intake of raw events: appended, acknowledged once they have become jobs, read again after
// a restart. In an SQLite database of its own, with group commit as JobQueue. Thread-safe.
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

  // Entries not acknowledged with a sequence greater than `after`, in order. Blocking.
  virtual absl::StatusOr<std::vector<JournalEntry>> Read(int64_t after, int limit) = 0;
  // Number of entries not acknowledged. Blocking.
  virtual absl::StatusOr<int64_t> Size() = 0;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_JOURNAL_H_
