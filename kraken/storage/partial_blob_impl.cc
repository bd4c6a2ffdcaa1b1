#include "kraken/storage/partial_blob_impl.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "kraken/base/check.h"
#include "kraken/base/sha256.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/storage/file_io.h"
#include "kraken/storage/piece_lease_impl.h"
#include "kraken/storage/piece_list.h"
#include "kraken/storage/piece_writer.h"

namespace kraken::storage {
namespace {

// A blob of unknown size doubles its reservation up to this step.
constexpr int64_t kMaxGrowthBytes = 64 << 20;
constexpr size_t kHashBufferBytes = 256 << 10;
// Pieces of the whole-blob hash end at buffer ends.
static_assert(kMinPieceLength * 4 == kHashBufferBytes);

}  // namespace

int64_t PartialCharge(int64_t size_or_reserved, int64_t piece_length) {
  return ChargeOf(size_or_reserved, size_or_reserved / piece_length + 1);
}

PartialBlobImpl::PartialBlobImpl(std::shared_ptr<StoreCore> core, const Digest& digest, Files files,
                                 PieceTable table, bool keep)
    : core_(std::move(core)),
      digest_(digest),
      piece_length_(table.piece_length()),
      data_(std::move(files.data)),
      map_(std::move(files.map)),
      allocated_(files.allocated),
      reserved_end_(files.reserved_end),
      table_(std::move(table)),
      keep_(keep) {
  if (!allocated_) core_->AddUnallocated(files.reserved_end);
}

PartialBlobImpl::~PartialBlobImpl() {
  bool open;
  {
    absl::MutexLock lock(&mu_);
    open = phase_ == Phase::kOpen;
  }
  if (open) Flush().IgnoreError();
  if (!allocated_) core_->AddUnallocated(-reserved_end_.load());
  core_->UnregisterPartial(this, digest_, /*dormant=*/open);
}

std::string PartialBlobImpl::FilePath(std::string_view name) const {
  return JoinPath(core_->paths().PartialDirectory(digest_), name);
}

// --- Sizes.

std::optional<PieceLayout> PartialBlobImpl::layout() const {
  absl::MutexLock lock(&mu_);
  return table_.layout();
}

int64_t PartialBlobImpl::LengthOf(PieceIndex piece) const {
  absl::MutexLock lock(&mu_);
  if (!table_.layout().has_value()) return piece_length_;
  return table_.layout()->Contains(piece) ? table_.layout()->LengthOf(piece).value() : 0;
}

absl::Status PartialBlobImpl::SetSize(ByteCount size) {
  absl::MutexLock growing(&grow_mu_);
  {
    absl::MutexLock lock(&mu_);
    KH_RETURN_IF_ERROR(CheckWritableLocked());
    const bool known = table_.layout().has_value();
    PieceTable with_size = table_;
    KH_RETURN_IF_ERROR(with_size.SetSize(size));
    if (known) return absl::OkStatus();
  }
  KH_RETURN_IF_ERROR(core_->Reserve(digest_, PartialCharge(size.value(), piece_length_)));
  const int64_t reserved = reserved_end_;
  const std::string path = FilePath(kDataFile);
  if (size.value() > reserved) {
    bool allocated;
    KH_RETURN_IF_ERROR(core_->files().Allocate(data_.get(), static_cast<uint64_t>(size.value()),
                                               path, &allocated));
  } else {
    KH_RETURN_IF_ERROR(
        core_->files().Truncate(data_.get(), static_cast<uint64_t>(size.value()), path));
  }
  if (!allocated_) core_->AddUnallocated(size.value() - reserved);
  KH_RETURN_IF_ERROR(WriteHeader(size.value()));
  reserved_end_ = size.value();
  absl::MutexLock lock(&mu_);
  return table_.SetSize(size);
}

absl::Status PartialBlobImpl::EnsureReserved(int64_t end) {
  if (end <= reserved_end_.load(std::memory_order_relaxed)) return absl::OkStatus();
  absl::MutexLock growing(&grow_mu_);
  const int64_t reserved = reserved_end_;
  if (end <= reserved) return absl::OkStatus();
  if (const std::optional<PieceLayout> known = layout(); known.has_value()) {
    return absl::OutOfRangeError(
        absl::StrCat("blob ", Name(), " has ", known->size().value(), " bytes, not ", end));
  }
  const int64_t limit = core_->options().max_unknown_size.value();
  if (end > limit) {
    return absl::ResourceExhaustedError(absl::StrCat("blob ", Name(), ", whose size is not known, ",
                                                     "is larger than ", limit, " bytes"));
  }
  const int64_t step = std::clamp(reserved, piece_length_, kMaxGrowthBytes);
  const int64_t new_end = std::min(limit, std::max(end, reserved + step));
  KH_RETURN_IF_ERROR(core_->Reserve(digest_, PartialCharge(new_end, piece_length_)));
  bool allocated;
  KH_RETURN_IF_ERROR(core_->files().Allocate(data_.get(), static_cast<uint64_t>(new_end),
                                             FilePath(kDataFile), &allocated));
  if (!allocated_) core_->AddUnallocated(new_end - reserved);
  reserved_end_ = new_end;
  return absl::OkStatus();
}

// --- Bytes.

absl::Status PartialBlobImpl::CheckWritable() const {
  if (writable_.load(std::memory_order_relaxed)) return absl::OkStatus();
  absl::MutexLock lock(&mu_);
  return CheckWritableLocked();
}

absl::Status PartialBlobImpl::CheckWritableLocked() const {
  if (phase_ == Phase::kAbandoned) {
    return absl::CancelledError(
        absl::StrCat("blob ", Name(), " was abandoned: ", abandoned_.ToString()));
  }
  return absl::OkStatus();
}

absl::Status PartialBlobImpl::WriteAt(ByteOffset offset, absl::Span<const uint8_t> bytes) {
  KH_RETURN_IF_ERROR(CheckWritable());
  if (offset.value() < 0) return absl::OutOfRangeError("negative offset");
  KH_RETURN_IF_ERROR(EnsureReserved(offset.value() + static_cast<int64_t>(bytes.size())));
  int64_t position = offset.value();
  while (!bytes.empty()) {
    const int64_t index = position / piece_length_;
    const auto part = bytes.first(static_cast<size_t>(std::min<int64_t>(
        static_cast<int64_t>(bytes.size()), (index + 1) * piece_length_ - position)));
    if (!Has(PieceIndex(static_cast<int32_t>(index)))) {
      KH_RETURN_IF_ERROR(WriteFully(data_.get(), position, part, Name()));
    }
    position += static_cast<int64_t>(part.size());
    bytes.remove_prefix(part.size());
  }
  return absl::OkStatus();
}

absl::Status PartialBlobImpl::ReadAt(ByteOffset offset, absl::Span<uint8_t> out) const {
  if (offset.value() < 0) return absl::OutOfRangeError("negative offset");
  return ReadFully(data_.get(), offset.value(), out, Name());
}

absl::StatusOr<std::unique_ptr<PieceLease>> PartialBlobImpl::LeasePiece(PieceIndex piece) {
  std::shared_ptr<LeaseCell> cell;
  {
    absl::MutexLock lock(&mu_);
    KH_RETURN_IF_ERROR(CheckWritableLocked());
    const bool exists = table_.layout().has_value()
                            ? table_.layout()->Contains(piece)
                            : piece.value() >= 0 && piece.value() < kMaxPieceCount;
    if (!exists) {
      return absl::OutOfRangeError(absl::StrCat("blob ", Name(), " has no piece ", piece.value()));
    }
    if (table_.Has(piece)) {
      return absl::AlreadyExistsError(
          absl::StrCat("piece ", piece.value(), " of blob ", Name(), " is verified"));
    }
    auto [it, inserted] = leases_.try_emplace(piece.value());
    if (inserted) cell = it->second = std::make_shared<LeaseCell>();
  }
  UniqueFd scratch;
  if (cell == nullptr) {
    KH_ASSIGN_OR_RETURN(scratch, OpenScratchFile(core_->paths().trash()));
  }
  return std::make_unique<PieceLeaseImpl>(shared_from_this(), piece, std::move(cell),
                                          std::move(scratch));
}

absl::StatusOr<std::unique_ptr<PieceWriter>> PartialBlobImpl::StartPiece(PieceIndex piece) {
  std::optional<PieceVerifier> verifier;
  {
    absl::MutexLock lock(&mu_);
    KH_ASSIGN_OR_RETURN(verifier, table_.VerifierFor(piece));
  }
  KH_ASSIGN_OR_RETURN(std::unique_ptr<PieceLease> lease, LeasePiece(piece));
  return std::make_unique<PieceWriter>(std::move(lease), *verifier);
}

std::shared_ptr<LeaseCell> PartialBlobImpl::TakeOver(PieceIndex piece) {
  auto cell = std::make_shared<LeaseCell>();
  std::shared_ptr<LeaseCell> former;
  {
    absl::MutexLock lock(&mu_);
    former = std::exchange(leases_[piece.value()], cell);
  }
  if (former != nullptr) {
    absl::MutexLock lock(&former->mu);
    former->revoked = true;
  }
  return cell;
}

void PartialBlobImpl::Release(PieceIndex piece, const std::shared_ptr<LeaseCell>& cell) {
  absl::MutexLock lock(&mu_);
  auto it = leases_.find(piece.value());
  if (it != leases_.end() && it->second == cell) leases_.erase(it);
}

// --- States and pieces.

absl::Status PartialBlobImpl::SetStates(PieceIndex first, absl::Span<const Sha256State> states) {
  absl::MutexLock lock(&mu_);
  KH_RETURN_IF_ERROR(CheckWritableLocked());
  // Written down with the first piece that is verified: before, they are of no use after a crash.
  return table_.SetStates(first, states, &dirty_);
}

std::optional<Sha256State> PartialBlobImpl::StateAfter(PieceIndex piece) const {
  absl::MutexLock lock(&mu_);
  return table_.StateAfter(piece);
}

absl::Status PartialBlobImpl::SetSignature(std::string signature) {
  if (signature.size() > PieceList::kMaxSignatureBytes) {
    return absl::InvalidArgumentError("the piece list's signature is too long");
  }
  absl::MutexLock lock(&mu_);
  signature_ = std::move(signature);
  return absl::OkStatus();
}

absl::Status PartialBlobImpl::MarkVerified(PieceIndex piece) {
  {
    absl::MutexLock lock(&mu_);
    KH_RETURN_IF_ERROR(CheckWritableLocked());
    bool changed;
    KH_RETURN_IF_ERROR(table_.MarkVerified(piece, &changed));
    if (!changed) return absl::OkStatus();
    dirty_.push_back(piece);
  }
  // One small write into the page cache beside those of the piece's bytes. What can't be written
  // down now is only forgotten by a crash.
  Flush().IgnoreError();
  listeners_.Notify({.kind = PartialBlobEvent::Kind::kPieceVerified, .piece = piece, .status = {}});
  return absl::OkStatus();
}

bool PartialBlobImpl::Has(PieceIndex piece) const {
  absl::MutexLock lock(&mu_);
  return table_.Has(piece);
}

PieceCount PartialBlobImpl::verified_count() const {
  absl::MutexLock lock(&mu_);
  return PieceCount(table_.verified_count());
}

bool PartialBlobImpl::all_verified() const {
  absl::MutexLock lock(&mu_);
  return table_.all_verified();
}

VerifiedPrefix PartialBlobImpl::verified_prefix() const {
  absl::MutexLock lock(&mu_);
  VerifiedPrefix prefix;
  prefix.bytes = ByteCount(table_.PrefixBytes());
  prefix.state = table_.all_verified()
                     ? InitialSha256State()
                     : table_.StateBefore(PieceIndex(table_.prefix_pieces())).value();
  return prefix;
}

bool PartialBlobImpl::IsVerifiedRange(ByteOffset offset, ByteCount length) const {
  absl::MutexLock lock(&mu_);
  return table_.VerifiedEnd(offset.value()) >= offset.value() + length.value();
}

ByteOffset PartialBlobImpl::VerifiedEnd(ByteOffset offset) const {
  absl::MutexLock lock(&mu_);
  return ByteOffset(table_.VerifiedEnd(offset.value()));
}

// --- The map file.

absl::Status PartialBlobImpl::WriteHeader(std::optional<int64_t> size) {
  const PieceMapHeader header{
      .digest = digest_, .piece_length = piece_length_, .size = size, .boot_id = core_->boot_id()};
  return core_->files().WriteMetadata(map_.get(), 0, header.Encode(), FilePath(kPieceMapFile));
}

absl::Status PartialBlobImpl::Flush() {
  absl::MutexLock flushing(&flush_mu_);
  std::vector<PieceIndex> pieces;
  std::vector<PieceMapRecord> records;
  {
    absl::MutexLock lock(&mu_);
    KH_RETURN_IF_ERROR(CheckWritableLocked());
    pieces.swap(dirty_);
    std::sort(pieces.begin(), pieces.end());
    pieces.erase(std::unique(pieces.begin(), pieces.end()), pieces.end());
    for (const PieceIndex piece : pieces) records.push_back(table_.RecordOf(piece));
  }
  absl::Status written = WriteRecords(pieces, records);
  if (written.ok()) return written;
  absl::MutexLock lock(&mu_);
  dirty_.insert(dirty_.end(), pieces.begin(), pieces.end());
  return written;
}

absl::Status PartialBlobImpl::WriteRecords(const std::vector<PieceIndex>& pieces,
                                           const std::vector<PieceMapRecord>& records) {
  for (size_t begin = 0; begin < pieces.size();) {
    // One write per run of neighbours.
    std::string bytes;
    size_t end = begin;
    while (end < pieces.size() &&
           pieces[end] == pieces[begin] + PieceCount(static_cast<int32_t>(end - begin))) {
      records[end].AppendTo(bytes, pieces[end]);
      ++end;
    }
    KH_RETURN_IF_ERROR(core_->files().WriteMetadata(
        map_.get(), static_cast<uint64_t>(PieceMapRecord::OffsetOf(pieces[begin])), bytes,
        FilePath(kPieceMapFile)));
    begin = end;
  }
  return absl::OkStatus();
}

// --- The end: commit or abandon.

absl::Status PartialBlobImpl::SetKeep(bool keep) {
  // Under the digest's lock the directory stays where it is.
  const DigestLock digest_lock(core_->digest_locks(), digest_);
  bool installed;
  {
    absl::MutexLock lock(&mu_);
    KH_RETURN_IF_ERROR(CheckWritableLocked());
    installed = installed_;
  }
  if (installed) return core_->SetKeep(digest_, keep);
  const std::string path = FilePath(kKeepFile);
  if (keep) {
    KH_RETURN_IF_ERROR(core_->files().Open(path, O_CREAT | O_WRONLY).status());
  } else if (absl::Status removed = core_->files().Unlink(path);
             !removed.ok() && !absl::IsNotFound(removed)) {
    return removed;
  }
  absl::MutexLock lock(&mu_);
  keep_ = keep;
  return absl::OkStatus();
}

void PartialBlobImpl::Commit(CommitDone done) {
  auto shared_done = std::make_shared<CommitDone>(std::move(done));
  absl::Status submitted = core_->pool().Submit(
      [self = shared_from_this(), shared_done] { (*shared_done)(self->CommitNow()); });
  if (!submitted.ok()) (*shared_done)(Annotate(submitted, absl::StrCat("commit of ", Name())));
}

absl::StatusOr<std::shared_ptr<const Blob>> PartialBlobImpl::CommitNow() {
  {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(this, &PartialBlobImpl::NotCommitting));
    if (phase_ == Phase::kCommitted) {
      if (blob_ != nullptr) return blob_;
      return core_->Find(digest_);
    }
    KH_RETURN_IF_ERROR(CheckWritableLocked());
    if (!table_.all_verified()) {
      return absl::FailedPreconditionError(absl::StrCat(
          "blob ", Name(), " is not complete: ", table_.verified_count(), " pieces are verified"));
    }
    phase_ = Phase::kCommitting;
  }
  bool gone = false;
  absl::StatusOr<std::shared_ptr<const Blob>> blob = CommitFiles(&gone);
  bool installed;
  {
    absl::MutexLock lock(&mu_);
    installed = installed_;
    // Installed, it is complete even if it could not be opened.
    phase_ = installed ? Phase::kCommitted : Phase::kOpen;
    if (blob.ok()) blob_ = *blob;
  }
  if (installed) {
    listeners_.Notify({.kind = PartialBlobEvent::Kind::kCommitted, .piece = {}, .status = {}});
  } else if (gone) {
    Abandon(blob.status());
  }
  return blob;
}

absl::Status PartialBlobImpl::WritePieceList() {
  std::string bytes;
  {
    absl::MutexLock lock(&mu_);
    KH_ASSIGN_OR_RETURN(const PieceList list,
                        PieceList::Create(digest_, *table_.layout(), table_.States(), signature_));
    bytes = list.Encode();
  }
  const std::string path = FilePath(kPieceListFile);
  KH_ASSIGN_OR_RETURN(const UniqueFd fd, core_->files().Open(path, O_CREAT | O_TRUNC | O_WRONLY));
  KH_RETURN_IF_ERROR(core_->files().WriteMetadata(fd.get(), 0, bytes, path));
  return core_->files().Sync(fd.get(), path);
}

absl::StatusOr<std::shared_ptr<const Blob>> PartialBlobImpl::CommitFiles(bool* gone) {
  // A crash from here on finds all pieces in the map.
  Flush().IgnoreError();
  core_->StampAccess(data_.get());
  if (absl::Status synced = core_->files().Sync(data_.get(), FilePath(kDataFile)); !synced.ok()) {
    // The kernel reports a failed write-back once and then takes the pages for clean: no second try
    // could be believed.
    *gone = true;
    return synced;
  }
  KH_RETURN_IF_ERROR(WritePieceList());
  const DigestLock digest_lock(core_->digest_locks(), digest_);
  const PieceLayout layout = *this->layout();
  bool keep;
  {
    absl::MutexLock lock(&mu_);
    keep = keep_;
  }
  if (core_->Contains(digest_)) {
    // Somebody stored it whole meanwhile.
    KH_RETURN_IF_ERROR(core_->Settle(digest_));
    if (keep) KH_RETURN_IF_ERROR(core_->SetKeep(digest_, true));
    core_->RemovePartialDirectory(digest_, /*durable=*/false).IgnoreError();
  } else {
    KH_RETURN_IF_ERROR(core_->Install(digest_, core_->paths().PartialDirectory(digest_),
                                      core_->paths().partials(), gone));
    core_->files()
        .Unlink(JoinPath(core_->paths().BlobDirectory(digest_), kPieceMapFile))
        .IgnoreError();
  }
  {
    absl::MutexLock lock(&mu_);
    installed_ = true;
  }
  return core_->Installed(digest_, {.size = layout.size().value(),
                                    .piece_count = layout.piece_count().value(),
                                    .keep = keep,
                                    .partial = this});
}

absl::Status PartialBlobImpl::HashWhole(std::vector<Sha256State>* states) {
  const std::optional<PieceLayout> known = layout();
  if (!known.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat("blob ", Name(), ": the size is not known"));
  }
  const int64_t size = known->size().value();
  Sha256 hash;
  std::vector<uint8_t> buffer(kHashBufferBytes);
  for (int64_t position = 0; position < size;) {
    const int64_t piece_end = (position / piece_length_ + 1) * piece_length_;
    const int64_t length =
        std::min({static_cast<int64_t>(kHashBufferBytes), size - position, piece_end - position});
    const auto part = absl::MakeSpan(buffer).first(static_cast<size_t>(length));
    KH_RETURN_IF_ERROR(ReadFully(data_.get(), position, part, Name()));
    hash.Update(part);
    position += length;
    if (position == piece_end && position < size) states->push_back(hash.state());
  }
  if (hash.Finish() == digest_) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("the bytes received for blob ", Name(), " do not have this digest"));
}

absl::StatusOr<std::shared_ptr<const Blob>> PartialBlobImpl::HashAndCommitNow() {
  std::vector<Sha256State> states;
  absl::Status status = HashWhole(&states);
  if (status.ok()) status = SetStates(PieceIndex(0), states);
  if (absl::IsDataLoss(status)) Abandon(status);
  KH_RETURN_IF_ERROR(status);
  for (size_t i = 0; i <= states.size(); ++i) {
    KH_RETURN_IF_ERROR(MarkVerified(PieceIndex(static_cast<int32_t>(i))));
  }
  return CommitNow();
}

void PartialBlobImpl::Abandon(const absl::Status& why) {
  {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(this, &PartialBlobImpl::NotCommitting));
    if (phase_ == Phase::kCommitted || phase_ == Phase::kAbandoned) return;
    phase_ = Phase::kAbandoned;
    abandoned_ = why;
    writable_ = false;
  }
  {
    const DigestLock digest_lock(core_->digest_locks(), digest_);
    RemoveAbandoned();
  }
  listeners_.Notify({.kind = PartialBlobEvent::Kind::kAbandoned, .piece = {}, .status = why});
}

void PartialBlobImpl::RemoveAbandoned() {
  // Unless somebody who wanted to begin anew did so already.
  if (!core_->UnregisterPartial(this, digest_, /*dormant=*/false)) return;
  core_->RemovePartialDirectory(digest_, /*durable=*/true).IgnoreError();
}

bool PartialBlobImpl::abandoned() const {
  absl::MutexLock lock(&mu_);
  return phase_ == Phase::kAbandoned;
}

}  // namespace kraken::storage
