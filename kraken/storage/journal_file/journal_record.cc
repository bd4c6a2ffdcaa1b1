#include "kraken/storage/journal_file/journal_record.h"

#include "kraken/storage/binary_format.h"

namespace kraken::storage {
namespace {

constexpr std::string_view kMagic = "KHJOURNL";
constexpr uint32_t kVersion = 1;
constexpr size_t kNumberBytes = 8;
constexpr size_t kCrcBytes = 4;
// Length of what follows the head, CRC-32, kind.
constexpr size_t kRecordHeadBytes = 9;
// Sequence, time of arrival, length of the source.
constexpr size_t kEntryHeadBytes = 20;

// Over the segment's number, the kind and what follows the head.
uint32_t ChecksumOf(uint64_t segment_number, std::string_view kind_and_content) {
  std::string covered;
  covered.reserve(kNumberBytes + kind_and_content.size());
  AppendUint64(covered, segment_number);
  covered.append(kind_and_content);
  return Crc32(covered);
}

std::optional<JournalRecord> ReadEntry(std::string_view content) {
  if (content.size() < kEntryHeadBytes) return std::nullopt;
  JournalRecord record;
  record.sequence = static_cast<int64_t>(ReadUint64(content, 0));
  record.received_at = absl::FromUnixNanos(static_cast<int64_t>(ReadUint64(content, 8)));
  const size_t source_bytes = ReadUint32(content, 16);
  content.remove_prefix(kEntryHeadBytes);
  if (source_bytes > content.size()) return std::nullopt;
  record.source = std::string(content.substr(0, source_bytes));
  record.body = std::string(content.substr(source_bytes));
  return record;
}

std::optional<JournalRecord> ReadForgotten(std::string_view content) {
  if (content.size() % kNumberBytes != 0) return std::nullopt;
  JournalRecord record;
  record.kind = JournalRecord::Kind::kForgotten;
  for (size_t at = 0; at < content.size(); at += kNumberBytes) {
    record.forgotten.push_back(static_cast<int64_t>(ReadUint64(content, at)));
  }
  return record;
}

}  // namespace

void AppendSegmentHeader(std::string& out, const SegmentHeader& header) {
  const size_t begin = out.size();
  out.append(kMagic);
  AppendUint32(out, kVersion);
  AppendUint64(out, header.number);
  AppendUint64(out, static_cast<uint64_t>(header.next_sequence));
  AppendUint64(out, header.segment_bytes);
  AppendUint32(out, Crc32(std::string_view(out).substr(begin)));
}

std::optional<SegmentHeader> ReadSegmentHeader(std::string_view bytes) {
  constexpr size_t kCovered = kSegmentHeaderBytes - kCrcBytes;
  if (bytes.size() < kSegmentHeaderBytes || bytes.substr(0, kMagic.size()) != kMagic ||
      ReadUint32(bytes, kMagic.size()) != kVersion ||
      ReadUint32(bytes, kCovered) != Crc32(bytes.substr(0, kCovered))) {
    return std::nullopt;
  }
  SegmentHeader header;
  header.number = ReadUint64(bytes, 12);
  header.next_sequence = static_cast<int64_t>(ReadUint64(bytes, 20));
  header.segment_bytes = ReadUint64(bytes, 28);
  if (header.number == 0) return std::nullopt;
  return header;
}

size_t EntryBytes(size_t source_bytes, size_t body_bytes) {
  return kRecordHeadBytes + kEntryHeadBytes + source_bytes + body_bytes;
}

size_t ForgottenBytes(size_t count) { return kRecordHeadBytes + kNumberBytes * count; }

void AppendRecord(std::string& out, const JournalRecord& record, uint64_t segment_number) {
  std::string content(1, static_cast<char>(record.kind));
  if (record.kind == JournalRecord::Kind::kEntry) {
    AppendUint64(content, static_cast<uint64_t>(record.sequence));
    AppendUint64(content, static_cast<uint64_t>(absl::ToUnixNanos(record.received_at)));
    AppendUint32(content, static_cast<uint32_t>(record.source.size()));
    content.append(record.source);
    content.append(record.body);
  } else {
    for (const int64_t sequence : record.forgotten) {
      AppendUint64(content, static_cast<uint64_t>(sequence));
    }
  }
  AppendUint32(out, static_cast<uint32_t>(content.size() - 1));
  AppendUint32(out, ChecksumOf(segment_number, content));
  out.append(content);
}

std::optional<ParsedRecord> ReadRecord(std::string_view bytes, uint64_t segment_number) {
  if (bytes.size() < kRecordHeadBytes) return std::nullopt;
  const size_t content_bytes = ReadUint32(bytes, 0);
  if (content_bytes > bytes.size() - kRecordHeadBytes) return std::nullopt;
  const std::string_view kind_and_content = bytes.substr(kRecordHeadBytes - 1, content_bytes + 1);
  if (ReadUint32(bytes, 4) != ChecksumOf(segment_number, kind_and_content)) return std::nullopt;
  const std::string_view content = kind_and_content.substr(1);
  std::optional<JournalRecord> record;
  switch (static_cast<JournalRecord::Kind>(kind_and_content[0])) {
    case JournalRecord::Kind::kEntry:
      record = ReadEntry(content);
      break;
    case JournalRecord::Kind::kForgotten:
      record = ReadForgotten(content);
      break;
  }
  if (!record.has_value()) return std::nullopt;
  return ParsedRecord{.record = *std::move(record), .bytes = kRecordHeadBytes + content_bytes};
}

}  // namespace kraken::storage
