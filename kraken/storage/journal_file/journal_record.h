#ifndef KRAKEN_STORAGE_JOURNAL_FILE_JOURNAL_RECORD_H_
#define KRAKEN_STORAGE_JOURNAL_FILE_JOURNAL_RECORD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace kraken::storage {

// The bytes of a journal (docs/formats.md). A journal is a file of segments of equal length; a
// segment is a header and records, up to the first bytes that are no record of it. Whatever an
// earlier use of the same place left there is none: a record's checksum covers its segment's
// number.

// A segment's header, at its beginning.
struct SegmentHeader {
  uint64_t number = 0;         // grows, never used twice; 0: none
  int64_t next_sequence = 1;   // no entry of an earlier segment has it, or a greater one
  uint64_t segment_bytes = 0;  // of each segment of the file
};
inline constexpr size_t kSegmentHeaderBytes = 40;

void AppendSegmentHeader(std::string& out, const SegmentHeader& header);
// Nothing: not a header, or a damaged one.
std::optional<SegmentHeader> ReadSegmentHeader(std::string_view bytes);

// An entry of the journal, or sequence numbers of entries that are forgotten.
struct JournalRecord {
  enum class Kind : uint8_t { kEntry = 1, kForgotten = 2 };

  Kind kind = Kind::kEntry;
  // Of an entry.
  int64_t sequence = 0;
  absl::Time received_at;
  std::string source;
  std::string body;
  // Of kForgotten.
  std::vector<int64_t> forgotten;
};

// What an entry takes in a segment, and what `count` forgotten ones do.
size_t EntryBytes(size_t source_bytes, size_t body_bytes);
size_t ForgottenBytes(size_t count);

void AppendRecord(std::string& out, const JournalRecord& record, uint64_t segment_number);

// The record at the beginning of `bytes`, and how long it is. Nothing: the segment ends here.
struct ParsedRecord {
  JournalRecord record;
  size_t bytes = 0;
};
std::optional<ParsedRecord> ReadRecord(std::string_view bytes, uint64_t segment_number);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_JOURNAL_FILE_JOURNAL_RECORD_H_
