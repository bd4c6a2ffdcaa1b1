#include "kraken/storage/store_fixture.h"

#include "absl/strings/str_format.h"

namespace kraken::storage {

StoreFixture::StoreFixture() {
  const std::string directory = MakeTestDir();
  options_.root = directory + "/store";
  options_.clock = &clock_;
  options_.boot_id_path = directory + "/boot_id";
  Reboot();
}

StoreFixture::~StoreFixture() { Close(); }

void StoreFixture::Open() {
  ASSERT_OK_AND_ASSIGN(store_, BlobStore::Open(options_, pool_));
  store_->WaitUntilLoaded();
}

void StoreFixture::Close() {
  store_ = nullptr;
  pool_.WaitIdle();
}

void StoreFixture::Reboot() {
  WriteTestFile(options_.boot_id_path,
                absl::StrFormat("00000000-0000-4000-8000-%012d\n", ++boots_));
}

std::string StoreFixture::PathOf(const Digest& digest, std::string_view file) const {
  const std::string hex = digest.hex();
  return absl::StrFormat("%s/blobs/%s/%s/%s/%s", options_.root, hex.substr(0, 2), hex.substr(2, 2),
                         hex, file);
}

std::string StoreFixture::PartialPathOf(const Digest& digest, std::string_view file) const {
  return absl::StrFormat("%s/partial/%s/%s", options_.root, digest.hex(), file);
}

std::shared_ptr<PartialBlob> StoreFixture::Begin(const TestBlob& blob) {
  absl::StatusOr<std::shared_ptr<PartialBlob>> partial =
      store_->OpenPartial(blob.digest, blob.size(), {.piece_length = blob.layout.piece_length()});
  EXPECT_OK(partial);
  if (!partial.ok()) return nullptr;
  EXPECT_OK((*partial)->SetStates(PieceIndex(0), blob.states));
  return *std::move(partial);
}

void StoreFixture::Deliver(PartialBlob& partial, const TestBlob& blob, int piece) {
  ASSERT_OK_AND_ASSIGN(const auto writer, partial.StartPiece(PieceIndex(piece)));
  ASSERT_OK(writer->Write(blob.Piece(piece)));
  ASSERT_OK(writer->Finish());
}

void StoreFixture::Store(const TestBlob& blob) {
  const std::shared_ptr<PartialBlob> partial = Begin(blob);
  ASSERT_NE(partial, nullptr);
  for (int i = 0; i < blob.layout.piece_count().value(); ++i) Deliver(*partial, blob, i);
  ASSERT_OK(partial->CommitNow());
}

void StoreFixture::ExpectStored(const TestBlob& blob) {
  ASSERT_OK_AND_ASSIGN(const std::shared_ptr<const Blob> found, store_->Find(blob.digest));
  EXPECT_EQ(found->size(), blob.size());
  EXPECT_EQ(ReadAll(*found), blob.bytes);
  ASSERT_OK_AND_ASSIGN(const auto list, found->piece_list());
  EXPECT_EQ(list->digest(), blob.digest);
}

std::vector<uint8_t> ReadAll(const Blob& blob) {
  std::vector<uint8_t> bytes(static_cast<size_t>(blob.size().value()));
  EXPECT_OK(blob.ReadAt(ByteOffset(0), absl::MakeSpan(bytes)));
  return bytes;
}

}  // namespace kraken::storage
