#include "kraken/storage/partial_files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kraken/base/files/read_whole_file.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/storage/file_io.h"
#include "kraken/storage/piece_map_file.h"
#include "kraken/storage/piece_table.h"

namespace kraken::storage {
namespace {

constexpr int64_t kMaxMapBytes =
    static_cast<int64_t>(PieceMapHeader::kSizeBytes) +
    int64_t{kMaxPieceCount} * static_cast<int64_t>(PieceMapRecord::kSizeBytes);
constexpr size_t kCheckBufferBytes = 256 << 10;

// What the caller and the disk agree on.
struct Plan {
  PieceTable table;
  // What the map says, when a partial is resumed.
  std::optional<PieceMapFile> map;
};

ByteCount WantedPieceLength(std::optional<ByteCount> size, const OpenPartialOptions& options) {
  if (options.piece_length.value() != 0) return options.piece_length;
  return size.has_value() ? PieceLengthFor(*size) : ByteCount(kPieceLengthOfUnknownSize);
}

absl::StatusOr<std::optional<PieceLayout>> LayoutOf(std::optional<ByteCount> size,
                                                    ByteCount piece_length) {
  if (size.has_value()) return PieceLayout::Create(*size, piece_length);
  if (!IsValidPieceLength(piece_length.value())) {
    return PieceLayout::Create(ByteCount(0), piece_length).status();
  }
  return std::optional<PieceLayout>();
}

class PartialOpener {
 public:
  PartialOpener(const std::shared_ptr<StoreCore>& core, const Digest& digest)
      : core_(core), files_(core->files()), digest_(digest) {}

  absl::StatusOr<std::shared_ptr<PartialBlobImpl>> Open(std::optional<ByteCount> size,
                                                        const OpenPartialOptions& options) {
    KH_ASSIGN_OR_RETURN(Plan plan, MakePlan(size, options));
    absl::StatusOr<std::shared_ptr<PartialBlobImpl>> partial = OpenPlanned(plan, options);
    if (!partial.ok()) core_->ForgetReservation(digest_);
    return partial;
  }

 private:
  std::string Path(std::string_view name) const {
    return JoinPath(core_->paths().PartialDirectory(digest_), name);
  }

  absl::StatusOr<Plan> MakePlan(std::optional<ByteCount> size, const OpenPartialOptions& options) {
    if (std::optional<Plan> resumed = Resume(size, options); resumed.has_value()) {
      return *std::move(resumed);
    }
    const ByteCount piece_length = WantedPieceLength(size, options);
    KH_ASSIGN_OR_RETURN(const std::optional<PieceLayout> layout, LayoutOf(size, piece_length));
    absl::Status removed = core_->RemovePartialDirectory(digest_, /*durable=*/false);
    if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
    return Plan{.table = PieceTable(digest_, piece_length.value(), layout), .map = std::nullopt};
  }

  // Nothing when there is nothing to resume, or it is damaged, or of another shape.
  std::optional<Plan> Resume(std::optional<ByteCount> size, const OpenPartialOptions& options) {
    const absl::StatusOr<std::string> bytes = ReadWholeFile(Path(kPieceMapFile), kMaxMapBytes);
    if (!bytes.ok()) return std::nullopt;
    absl::StatusOr<PieceMapFile> map = PieceMapFile::Decode(*bytes);
    if (!map.ok() || map->header.digest != digest_) return std::nullopt;
    const PieceMapHeader& header = map->header;
    const bool other_size =
        size.has_value() && header.size.has_value() && size->value() != *header.size;
    const int64_t wanted = options.piece_length.value();
    if (other_size || (wanted != 0 && wanted != header.piece_length)) return std::nullopt;
    if (!size.has_value() && header.size.has_value()) size = ByteCount(*header.size);
    absl::StatusOr<std::optional<PieceLayout>> layout =
        LayoutOf(size, ByteCount(header.piece_length));
    if (!layout.ok()) return std::nullopt;
    PieceTable table(digest_, header.piece_length, *layout);
    std::vector<PieceIndex> ignored;
    for (size_t i = 0; i < map->records.size(); ++i) {
      const PieceMapRecord& record = map->records[i];
      if (!record.state_after.has_value()) continue;
      // A state that this size has no room for is of no use.
      table
          .SetStates(PieceIndex(static_cast<int32_t>(i)),
                     absl::MakeConstSpan(&*record.state_after, 1), &ignored)
          .IgnoreError();
    }
    return Plan{.table = std::move(table), .map = *std::move(map)};
  }

  absl::StatusOr<std::shared_ptr<PartialBlobImpl>> OpenPlanned(Plan& plan,
                                                               const OpenPartialOptions& options) {
    const std::optional<PieceLayout> layout = plan.table.layout();
    const int64_t piece_length = plan.table.piece_length();
    int64_t wanted = layout.has_value() ? layout->size().value() : 0;
    bool directory_created;
    KH_RETURN_IF_ERROR(core_->Reserve(digest_, PartialCharge(wanted, piece_length)));
    KH_RETURN_IF_ERROR(
        files_.MakeDirectory(core_->paths().PartialDirectory(digest_), &directory_created));
    PartialBlobImpl::Files opened;
    KH_ASSIGN_OR_RETURN(opened.data, files_.Open(Path(kDataFile), O_CREAT | O_RDWR));
    struct stat info;
    if (::fstat(opened.data.get(), &info) != 0) {
      return ErrnoToStatus(errno, absl::StrCat("stat ", Path(kDataFile)));
    }
    const int64_t present = info.st_size;
    if (!layout.has_value()) {
      wanted = present;
      KH_RETURN_IF_ERROR(core_->Reserve(digest_, PartialCharge(wanted, piece_length)));
    }
    KH_RETURN_IF_ERROR(files_.Allocate(opened.data.get(), static_cast<uint64_t>(wanted),
                                       Path(kDataFile), &opened.allocated));
    opened.reserved_end = wanted;
    KH_ASSIGN_OR_RETURN(opened.map, files_.Open(Path(kPieceMapFile), O_CREAT | O_RDWR));
    if (plan.map.has_value()) RestorePieces(plan, opened.data.get(), present);
    KH_RETURN_IF_ERROR(WriteMap(plan.table, opened.map.get()));
    const bool kept = files_.Stat(Path(kKeepFile)).ok();
    if (options.keep && !kept) {
      KH_RETURN_IF_ERROR(files_.Open(Path(kKeepFile), O_CREAT | O_WRONLY).status());
    }
    return std::make_shared<PartialBlobImpl>(core_, digest_, std::move(opened),
                                             std::move(plan.table), options.keep || kept);
  }

  // Takes over the map's claims: as they are when made in this boot, else after a check.
  void RestorePieces(Plan& plan, int data, int64_t present) {
    const bool believe = plan.map->header.boot_id == core_->boot_id();
    for (size_t i = 0; i < plan.map->records.size(); ++i) {
      if (!plan.map->records[i].verified) continue;
      const PieceIndex piece(static_cast<int32_t>(i));
      absl::StatusOr<PieceVerifier> verifier = plan.table.VerifierFor(piece);
      if (!verifier.ok()) continue;
      const int64_t offset = int64_t{piece.value()} * plan.table.piece_length();
      if (offset + verifier->expected().value() > present) continue;
      if (!believe && !Check(*verifier, data, offset)) continue;
      bool changed;
      plan.table.MarkVerified(piece, &changed).IgnoreError();
    }
  }

  bool Check(PieceVerifier& verifier, int data, int64_t offset) {
    buffer_.resize(kCheckBufferBytes);
    while (!verifier.full()) {
      const int64_t left = (verifier.expected() - verifier.received()).value();
      const auto part = absl::MakeSpan(buffer_).first(
          static_cast<size_t>(std::min<int64_t>(left, kCheckBufferBytes)));
      if (!ReadFully(data, offset + verifier.received().value(), part, digest_.ToString()).ok()) {
        return false;
      }
      verifier.Update(part);
    }
    return verifier.Finish();
  }

  // Records first: a header that names this boot must not stand over claims of another.
  absl::Status WriteMap(const PieceTable& table, int map) {
    std::string records;
    for (int32_t i = 0; i < table.known_count(); ++i) {
      table.RecordOf(PieceIndex(i)).AppendTo(records, PieceIndex(i));
    }
    const auto end = static_cast<int64_t>(PieceMapHeader::kSizeBytes + records.size());
    KH_RETURN_IF_ERROR(files_.Truncate(map, static_cast<uint64_t>(end), Path(kPieceMapFile)));
    KH_RETURN_IF_ERROR(
        files_.WriteMetadata(map, static_cast<uint64_t>(PieceMapRecord::OffsetOf(PieceIndex(0))),
                             records, Path(kPieceMapFile)));
    const std::optional<PieceLayout>& layout = table.layout();
    const PieceMapHeader header{
        .digest = digest_,
        .piece_length = table.piece_length(),
        .size = layout.has_value() ? std::optional<int64_t>(layout->size().value()) : std::nullopt,
        .boot_id = core_->boot_id()};
    return files_.WriteMetadata(map, 0, header.Encode(), Path(kPieceMapFile));
  }

  const std::shared_ptr<StoreCore> core_;
  FileSystem& files_;
  const Digest digest_;
  std::vector<uint8_t> buffer_;
};

}  // namespace

absl::StatusOr<std::shared_ptr<PartialBlobImpl>> OpenPartialFiles(
    const std::shared_ptr<StoreCore>& core, const Digest& digest, std::optional<ByteCount> size,
    const OpenPartialOptions& options) {
  return PartialOpener(core, digest).Open(size, options);
}

}  // namespace kraken::storage
