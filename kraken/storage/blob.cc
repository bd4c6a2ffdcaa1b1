#include "kraken/storage/blob.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/files/read_whole_file.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/storage/file_io.h"

namespace kraken::storage {
namespace {

// The largest list: kMaxPieceCount states and a signature.
constexpr int64_t kMaxPieceListBytes = int64_t{kMaxPieceCount} * 32 + (1 << 20);

}  // namespace

Blob::Blob(const Digest& digest, ByteCount size, UniqueFd fd, std::string piece_list_path)
    : digest_(digest),
      size_(size),
      fd_(std::move(fd)),
      piece_list_path_(std::move(piece_list_path)) {}

absl::Status Blob::ReadAt(ByteOffset offset, absl::Span<uint8_t> out) const {
  if (offset.value() < 0 || static_cast<int64_t>(out.size()) > size_.value() - offset.value()) {
    return absl::OutOfRangeError(absl::StrCat("blob ", digest_.ToString(), " has ", size_.value(),
                                              " bytes, asked for ", out.size(), " at ",
                                              offset.value()));
  }
  return ReadFully(fd_.get(), offset.value(), out, digest_.ToString());
}

absl::StatusOr<std::shared_ptr<const PieceList>> Blob::piece_list() const {
  absl::MutexLock lock(&mu_);
  if (std::shared_ptr<const PieceList> list = piece_list_.lock()) return list;
  KH_ASSIGN_OR_RETURN(const std::string bytes, ReadWholeFile(piece_list_path_, kMaxPieceListBytes));
  absl::StatusOr<PieceList> list = PieceList::Decode(bytes);
  if (!list.ok()) return Annotate(list.status(), piece_list_path_);
  if (list->digest() != digest_ || list->layout().size() != size_) {
    return absl::DataLossError(absl::StrCat(piece_list_path_, " is of another blob"));
  }
  auto shared = std::make_shared<const PieceList>(*std::move(list));
  piece_list_ = shared;
  return shared;
}

}  // namespace kraken::storage
