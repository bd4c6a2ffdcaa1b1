#include "kraken/storage/journal_file/journal_log.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "kraken/base/check.h"
#include "kraken/base/status_macros.h"
#include "kraken/storage/file_io.h"

namespace kraken::storage {
namespace {

constexpr size_t kMinSegments = 3;
constexpr size_t kZeroBlockBytes = 1 << 20;

absl::Span<const uint8_t> AsBytes(std::string_view text) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

std::string DirectoryOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

absl::Status WriteZeros(int fd, uint64_t position, uint64_t count, const std::string& name) {
  const std::string zeros(std::min<uint64_t>(count, kZeroBlockBytes), '\0');
  for (uint64_t done = 0; done < count; done += zeros.size()) {
    const size_t now = std::min<uint64_t>(zeros.size(), count - done);
    KH_RETURN_IF_ERROR(WriteFully(fd, static_cast<int64_t>(position + done),
                                  AsBytes(std::string_view(zeros).substr(0, now)), name));
  }
  return absl::OkStatus();
}

}  // namespace

// ---- Opening ----

absl::StatusOr<std::unique_ptr<JournalLog>> JournalLog::Open(const JournalLogOptions& options) {
  KH_CHECK(options.segments >= kMinSegments);
  auto log = std::unique_ptr<JournalLog>(new JournalLog(options));
  KH_RETURN_IF_ERROR(log->OpenFile());
  KH_RETURN_IF_ERROR(log->Recover());
  return log;
}

absl::Status JournalLog::OpenFile() {
  absl::StatusOr<UniqueFd> opened = files_.Open(options_.path, O_RDWR | O_CLOEXEC);
  if (absl::IsNotFound(opened.status())) {
    KH_RETURN_IF_ERROR(Create());
    opened = files_.Open(options_.path, O_RDWR | O_CLOEXEC);
  }
  KH_RETURN_IF_ERROR(opened.status());
  fd_ = *std::move(opened);
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("journal ", options_.path, " is in use by another process"));
  }
  KH_ASSIGN_OR_RETURN(const struct stat info, files_.Stat(options_.path));
  if (static_cast<uint64_t>(info.st_size) != options_.segments * options_.segment_bytes) {
    return absl::FailedPreconditionError(absl::StrCat("journal ", options_.path, " is ",
                                                      info.st_size, " bytes long instead of ",
                                                      options_.segments * options_.segment_bytes));
  }
  return absl::OkStatus();
}

// Whole before it has its name.
absl::Status JournalLog::Create() {
  const std::string path = absl::StrCat(options_.path, ".new");
  KH_ASSIGN_OR_RETURN(const UniqueFd file,
                      files_.Open(path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC));
  KH_RETURN_IF_ERROR(WriteZeros(file.get(), 0, options_.segments * options_.segment_bytes, path));
  std::string header;
  AppendSegmentHeader(header, {.number = 1, .segment_bytes = options_.segment_bytes});
  KH_RETURN_IF_ERROR(
      WriteFully(file.get(), static_cast<int64_t>(PositionOf(1)), AsBytes(header), path));
  KH_RETURN_IF_ERROR(files_.Sync(file.get(), path));
  KH_RETURN_IF_ERROR(files_.Rename(path, options_.path));
  return files_.SyncDirectory(DirectoryOf(options_.path));
}

// Reads all segments, the oldest first. What is of a segment that has been emptied and not yet
// overwritten is forgotten again by a later one, as those are overwritten after it.
absl::Status JournalLog::Recover() {
  std::vector<SegmentHeader> headers;
  for (size_t slot = 0; slot < options_.segments; ++slot) {
    std::string bytes(kSegmentHeaderBytes, '\0');
    KH_RETURN_IF_ERROR(ReadFully(
        fd_.get(), static_cast<int64_t>(slot * options_.segment_bytes),
        absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()), options_.path));
    const std::optional<SegmentHeader> header = ReadSegmentHeader(bytes);
    const bool is_ours = header.has_value() && SlotOf(header->number) == slot &&
                         header->segment_bytes == options_.segment_bytes;
    if (is_ours) headers.push_back(*header);
  }
  if (headers.empty()) {
    return absl::DataLossError(absl::StrCat(options_.path, " is no journal, or is damaged"));
  }
  std::sort(headers.begin(), headers.end(),
            [](const SegmentHeader& a, const SegmentHeader& b) { return a.number < b.number; });
  for (const SegmentHeader& header : headers) KH_RETURN_IF_ERROR(ReplaySegment(header));
  return ClearTail();
}

absl::Status JournalLog::ReplaySegment(const SegmentHeader& header) {
  std::string bytes(options_.segment_bytes, '\0');
  KH_RETURN_IF_ERROR(ReadFully(
      fd_.get(), static_cast<int64_t>(PositionOf(header.number)),
      absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()), options_.path));
  segment_ = header.number;
  next_sequence_ = std::max(next_sequence_, header.next_sequence);
  offset_ = kSegmentHeaderBytes;
  while (true) {
    const std::optional<ParsedRecord> parsed =
        ReadRecord(std::string_view(bytes).substr(offset_), segment_);
    if (!parsed.has_value()) return absl::OkStatus();
    if (parsed->record.kind == JournalRecord::Kind::kEntry) {
      const Place place = {.segment = segment_,
                           .offset = static_cast<uint32_t>(offset_),
                           .bytes = static_cast<uint32_t>(parsed->bytes)};
      Apply({.sequence = parsed->record.sequence, .place = place});
      next_sequence_ = std::max(next_sequence_, parsed->record.sequence + 1);
    } else {
      for (const int64_t sequence : parsed->record.forgotten) {
        Apply({.sequence = sequence, .place = absl::nullopt});
      }
    }
    offset_ += parsed->bytes;
  }
}

// Behind the last record may be parts of a group that was never whole. They must not be taken for
// what follows the records that are written over their beginning.
absl::Status JournalLog::ClearTail() {
  size_ = static_cast<int64_t>(entries_.size());
  committed_offset_ = offset_;
  KH_RETURN_IF_ERROR(WriteZeros(fd_.get(), PositionOf(segment_) + offset_,
                                options_.segment_bytes - offset_, options_.path));
  return files_.SyncData(fd_.get(), options_.path);
}

// ---- A group ----

absl::Status JournalLog::Begin() {
  failure_ = absl::OkStatus();
  buffer_.clear();
  changes_.clear();
  return absl::OkStatus();
}

absl::StatusOr<int64_t> JournalLog::Append(JournalRecord entry) {
  entry.kind = JournalRecord::Kind::kEntry;
  entry.sequence = next_sequence_;
  KH_ASSIGN_OR_RETURN(
      const Place place,
      Add(entry, EntryBytes(entry.source.size(), entry.body.size()), entry_limit()));
  changes_.push_back({.sequence = entry.sequence, .place = place});
  ++next_sequence_;
  ++size_;
  return entry.sequence;
}

absl::Status JournalLog::Forget(const std::vector<int64_t>& sequences) {
  JournalRecord record;
  record.kind = JournalRecord::Kind::kForgotten;
  for (const int64_t sequence : sequences) {
    // What is forgotten in the group in which it came is not asked for: nobody has its number yet.
    if (entries_.contains(sequence)) record.forgotten.push_back(sequence);
  }
  if (record.forgotten.empty()) return absl::OkStatus();
  KH_RETURN_IF_ERROR(
      Add(record, ForgottenBytes(record.forgotten.size()), options_.segment_bytes).status());
  for (const int64_t sequence : record.forgotten) {
    changes_.push_back({.sequence = sequence, .place = absl::nullopt});
    --size_;
  }
  return absl::OkStatus();
}

absl::StatusOr<JournalLog::Place> JournalLog::Add(const JournalRecord& record, size_t bytes,
                                                  size_t may_use) {
  if (kSegmentHeaderBytes + bytes > may_use) {
    return absl::InvalidArgumentError(
        absl::StrCat("journal ", options_.path, ": a record of ", bytes, " bytes is too large"));
  }
  if (offset_ + buffer_.size() + bytes > may_use) KH_RETURN_IF_ERROR(Advance());
  const Place place = {.segment = segment_,
                       .offset = static_cast<uint32_t>(offset_ + buffer_.size()),
                       .bytes = static_cast<uint32_t>(bytes)};
  AppendRecord(buffer_, record, segment_);
  return place;
}

// Goes on to the next segment, whose place the oldest one has had.
absl::Status JournalLog::Advance() {
  const uint64_t next = segment_ + 1;
  if (live_bytes_[SlotOf(next)] > 0) KH_RETURN_IF_ERROR(MoveOut(next - options_.segments));
  KH_RETURN_IF_ERROR(Flush());
  // What was moved, and what forgets the rest, must be safe before the old segment goes. So the
  // group's first part happens, whatever becomes of the group.
  if (unsynced_) KH_RETURN_IF_ERROR(Sync());
  ApplyChanges();
  std::string header;
  AppendSegmentHeader(
      header,
      {.number = next, .next_sequence = next_sequence_, .segment_bytes = options_.segment_bytes});
  KH_RETURN_IF_ERROR(Write(header, PositionOf(next)));
  segment_ = next;
  offset_ = committed_offset_ = kSegmentHeaderBytes;
  return absl::OkStatus();
}

absl::Status JournalLog::MoveOut(uint64_t segment) {
  // The group's own changes count already: what it forgets need not move.
  absl::btree_map<int64_t, Place> left;
  for (const auto& [sequence, place] : entries_) {
    if (place.segment == segment) left.emplace(sequence, place);
  }
  for (const Change& change : changes_) left.erase(change.sequence);
  size_t bytes = 0;
  for (const auto& [sequence, place] : left) bytes += place.bytes;
  if (offset_ + buffer_.size() + bytes > options_.segment_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "journal ", options_.path, " is full: ", entries_.size(), " entries wait to become work"));
  }
  for (const auto& [sequence, place] : left) {
    absl::StatusOr<JournalRecord> record = ReadAt(place);
    if (!record.ok()) return Failed(record.status());
    const Place moved = {.segment = segment_,
                         .offset = static_cast<uint32_t>(offset_ + buffer_.size()),
                         .bytes = place.bytes};
    AppendRecord(buffer_, *record, segment_);
    changes_.push_back({.sequence = sequence, .place = moved});
  }
  return absl::OkStatus();
}

absl::Status JournalLog::Flush() {
  if (buffer_.empty()) return absl::OkStatus();
  KH_RETURN_IF_ERROR(Write(buffer_, PositionOf(segment_) + offset_));
  offset_ += buffer_.size();
  buffer_.clear();
  return absl::OkStatus();
}

absl::Status JournalLog::Write(std::string_view bytes, uint64_t position) {
  unsynced_ = true;
  return Failed(
      WriteFully(fd_.get(), static_cast<int64_t>(position), AsBytes(bytes), options_.path));
}

absl::Status JournalLog::Sync() {
  KH_RETURN_IF_ERROR(Failed(files_.SyncData(fd_.get(), options_.path)));
  unsynced_ = false;
  return absl::OkStatus();
}

absl::Status JournalLog::Failed(absl::Status status) {
  failure_.Update(status);
  return status;
}

absl::Status JournalLog::Commit() {
  KH_RETURN_IF_ERROR(Flush());
  if (unsynced_) KH_RETURN_IF_ERROR(Sync());
  ApplyChanges();
  committed_offset_ = offset_;
  return absl::OkStatus();
}

// What of the group is in the file may be read at the next start, unless the next group is written
// over it: entries that nobody was told are safe, and numbers of entries that nobody needs.
void JournalLog::Rollback() {
  buffer_.clear();
  changes_.clear();
  offset_ = committed_offset_;
  size_ = static_cast<int64_t>(entries_.size());
}

void JournalLog::ApplyChanges() {
  for (const Change& change : changes_) Apply(change);
  changes_.clear();
}

void JournalLog::Apply(const Change& change) {
  if (auto it = entries_.find(change.sequence); it != entries_.end()) {
    live_bytes_[SlotOf(it->second.segment)] -= it->second.bytes;
    entries_.erase(it);
  }
  if (!change.place.has_value()) return;
  entries_.emplace(change.sequence, *change.place);
  live_bytes_[SlotOf(change.place->segment)] += change.place->bytes;
}

// ---- Reading ----

absl::Status JournalLog::Read(int64_t after, size_t limit, size_t max_bytes,
                              std::vector<JournalRecord>* entries) const {
  size_t bytes = 0;
  for (auto it = entries_.upper_bound(after); it != entries_.end() && entries->size() < limit;
       ++it) {
    bytes += it->second.bytes;
    if (bytes > max_bytes && !entries->empty()) break;
    KH_ASSIGN_OR_RETURN(JournalRecord record, ReadAt(it->second));
    entries->push_back(std::move(record));
  }
  return absl::OkStatus();
}

absl::StatusOr<JournalRecord> JournalLog::ReadAt(const Place& place) const {
  std::string bytes(place.bytes, '\0');
  KH_RETURN_IF_ERROR(ReadFully(
      fd_.get(), static_cast<int64_t>(PositionOf(place.segment) + place.offset),
      absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()), options_.path));
  std::optional<ParsedRecord> parsed = ReadRecord(bytes, place.segment);
  if (!parsed.has_value()) {
    return absl::DataLossError(absl::StrCat("journal ", options_.path, ": the entry at byte ",
                                            PositionOf(place.segment) + place.offset,
                                            " is damaged"));
  }
  return std::move(parsed->record);
}

}  // namespace kraken::storage
