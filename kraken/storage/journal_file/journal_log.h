#ifndef KRAKEN_STORAGE_JOURNAL_FILE_JOURNAL_LOG_H_
#define KRAKEN_STORAGE_JOURNAL_FILE_JOURNAL_LOG_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "kraken/base/unique_fd.h"
#include "kraken/storage/commit_target.h"
#include "kraken/storage/file_system.h"
#include "kraken/storage/journal_file/journal_record.h"

namespace kraken::storage {

struct JournalLogOptions {
  std::string path;
  // A segment holds the largest record, and there are at least three.
  size_t segment_bytes = 8 << 20;
  size_t segments = 16;
  FileSystem* file_system = nullptr;  // null: the real one
};

// A journal's file: a ring of segments that are written one after the other and then anew. All of
// it was written once when it was made, so that a commit is one write in place and one fdatasync,
// with nothing for the file system to record: not its size, not where its blocks are.
//
// Entries that are not forgotten when the ring comes round are written again, in front. The place
// of an entry is kept in memory. Used by one thread at a time.
class JournalLog final : public CommitTarget {
 public:
  // Opens or creates. FAILED_PRECONDITION: in use by another process, or of another geometry.
  // DATA_LOSS: it is no journal.
  static absl::StatusOr<std::unique_ptr<JournalLog>> Open(const JournalLogOptions& options);

  // Within a group. RESOURCE_EXHAUSTED: too much of the ring is not forgotten.
  absl::StatusOr<int64_t> Append(JournalRecord entry);
  // Unknown ones are no error.
  absl::Status Forget(const std::vector<int64_t>& sequences);

  // Of committed entries. The first one whatever its size, the others as long as all of them
  // together take no more than `max_bytes`.
  absl::Status Read(int64_t after, size_t limit, size_t max_bytes,
                    std::vector<JournalRecord>* entries) const;
  // Of committed entries and those of the group.
  int64_t size() const { return size_; }

  absl::Status Begin() override;
  absl::Status TakeFailure() override { return std::exchange(failure_, absl::OkStatus()); }
  absl::Status Commit() override;
  void Rollback() override;
  const std::string& path() const override { return options_.path; }

 private:
  // Where an entry's record is.
  struct Place {
    uint64_t segment = 0;
    uint32_t offset = 0;
    uint32_t bytes = 0;
  };
  // What a group does to the entries: where one is now; nothing: it is forgotten.
  struct Change {
    int64_t sequence = 0;
    absl::optional<Place> place;
  };

  explicit JournalLog(const JournalLogOptions& options)
      : options_(options),
        files_(options.file_system != nullptr ? *options.file_system : PosixFileSystem()),
        live_bytes_(options.segments) {}

  absl::Status OpenFile();
  absl::Status Create();
  absl::Status Recover();
  absl::Status ReplaySegment(const SegmentHeader& header);
  absl::Status ClearTail();

  // Puts a record behind the others; `may_use` bytes of a segment at most.
  absl::StatusOr<Place> Add(const JournalRecord& record, size_t bytes, size_t may_use);
  absl::Status Advance();
  // Writes the entries of the segment that is next to be overwritten once more.
  absl::Status MoveOut(uint64_t segment);
  absl::Status Flush();
  absl::Status Sync();
  absl::Status Write(std::string_view bytes, uint64_t position);
  absl::StatusOr<JournalRecord> ReadAt(const Place& place) const;
  void Apply(const Change& change);
  void ApplyChanges();
  absl::Status Failed(absl::Status status);

  uint64_t SlotOf(uint64_t segment) const { return segment % options_.segments; }
  uint64_t PositionOf(uint64_t segment) const { return SlotOf(segment) * options_.segment_bytes; }
  // Entries leave some of a segment for what frees others.
  size_t entry_limit() const { return options_.segment_bytes - options_.segment_bytes / 8; }

  const JournalLogOptions options_;
  FileSystem& files_;
  UniqueFd fd_;
  absl::btree_map<int64_t, Place> entries_;
  std::vector<uint64_t> live_bytes_;  // of each slot
  int64_t next_sequence_ = 1;
  uint64_t segment_ = 0;
  // The end of what is written in the segment, and of what is committed there.
  size_t offset_ = 0;
  size_t committed_offset_ = 0;
  // What comes next there.
  std::string buffer_;
  std::vector<Change> changes_;
  int64_t size_ = 0;
  bool unsynced_ = false;
  absl::Status failure_;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_JOURNAL_FILE_JOURNAL_LOG_H_
