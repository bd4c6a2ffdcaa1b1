#include "kraken/storage/crash/crash_scenario.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/sha256.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/test_util.h"
#include "kraken/base/worker_pool.h"
#include "kraken/storage/blob_index.h"
#include "kraken/storage/piece_writer.h"
#include "kraken/storage/sequential_writer.h"

namespace kraken::storage {
namespace {

constexpr ByteCount kPieceLength(CrashScenario::kPieceLength);
constexpr size_t kMaxQueue = 1000;

// A blob that an earlier life has stored is as good as one stored now.
absl::Status OrStoredBefore(absl::Status status) {
  return absl::IsAlreadyExists(status) ? absl::OkStatus() : status;
}

absl::Status OrGoneBefore(absl::Status status) {
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::Status WritePiece(PartialBlob& partial, const TestBlob& blob, int piece) {
  auto writer = partial.StartPiece(PieceIndex(piece));
  if (absl::IsAlreadyExists(writer.status())) return absl::OkStatus();
  KH_RETURN_IF_ERROR(writer.status());
  KH_RETURN_IF_ERROR((*writer)->Write(blob.Piece(piece)));
  KH_RETURN_IF_ERROR((*writer)->Finish());
  return partial.Flush();
}

// As an agent does: piece by piece in any order, with a pause in the middle.
absl::Status StorePieces(BlobStore& store, const TestBlob& blob) {
  {
    KH_ASSIGN_OR_RETURN(const auto partial, store.OpenPartial(blob.digest, blob.size(),
                                                              {.piece_length = kPieceLength}));
    KH_RETURN_IF_ERROR(partial->SetStates(PieceIndex(0), blob.states));
    KH_RETURN_IF_ERROR(WritePiece(*partial, blob, 2));
    KH_RETURN_IF_ERROR(WritePiece(*partial, blob, 0));
  }
  KH_ASSIGN_OR_RETURN(const auto partial, store.OpenPartial(blob.digest, blob.size(), {}));
  // Unless the pause has cost it.
  KH_RETURN_IF_ERROR(partial->SetStates(PieceIndex(0), blob.states));
  for (const int piece : {1, 0, 2}) KH_RETURN_IF_ERROR(WritePiece(*partial, blob, piece));
  return partial->CommitNow().status();
}

// As an origin does: in order.
absl::Status StoreInOrder(BlobStore& store, const TestBlob& blob, bool size_known, bool keep) {
  KH_ASSIGN_OR_RETURN(
      const auto partial,
      store.OpenPartial(blob.digest,
                        size_known ? std::optional<ByteCount>(blob.size()) : std::nullopt,
                        {.piece_length = kPieceLength, .keep = keep}));
  SequentialWriter writer(partial);
  KH_RETURN_IF_ERROR(writer.Append(
      absl::MakeConstSpan(blob.bytes).subspan(static_cast<size_t>(writer.next_offset().value()))));
  return writer.Finish().status();
}

absl::Status BeginAndAbandon(BlobStore& store, const TestBlob& blob) {
  KH_ASSIGN_OR_RETURN(const auto partial,
                      store.OpenPartial(blob.digest, blob.size(), {.piece_length = kPieceLength}));
  KH_RETURN_IF_ERROR(partial->SetStates(PieceIndex(0), blob.states));
  KH_RETURN_IF_ERROR(WritePiece(*partial, blob, 0));
  partial->Abandon(absl::DataLossError("revoked"));
  return absl::OkStatus();
}

void ExpectBlobSound(BlobStore& store, const TestBlob& blob, bool must_be_there) {
  const auto found = store.Find(blob.digest);
  if (found.ok()) {
    std::vector<uint8_t> bytes(blob.bytes.size());
    ASSERT_EQ((*found)->size(), blob.size());
    ASSERT_OK((*found)->ReadAt(ByteOffset(0), absl::MakeSpan(bytes)));
    EXPECT_EQ(bytes, blob.bytes);
    ASSERT_OK_AND_ASSIGN(const auto list, (*found)->piece_list());
    EXPECT_EQ(list->layout().size(), blob.size());
    return;
  }
  ASSERT_THAT(found, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_FALSE(must_be_there);
  ASSERT_OK_AND_ASSIGN(const auto partial,
                       store.OpenPartial(blob.digest, blob.size(), {.piece_length = kPieceLength}));
  for (int i = 0; i < blob.layout.piece_count().value(); ++i) {
    if (!partial->Has(PieceIndex(i))) continue;
    std::vector<uint8_t> bytes(blob.Piece(i).size());
    ASSERT_OK(partial->ReadAt(blob.layout.OffsetOf(PieceIndex(i)), absl::MakeSpan(bytes)));
    EXPECT_EQ(absl::MakeConstSpan(bytes), blob.Piece(i)) << "piece " << i;
  }
}

void ExpectManifestSound(BlobStore& store, const Digest& digest, bool must_be_there) {
  const auto manifest = store.GetSmall(digest);
  if (manifest.ok()) {
    EXPECT_EQ(*manifest, CrashScenario::kManifest);
  }
  if (must_be_there) {
    EXPECT_OK(manifest);
    EXPECT_THAT(store.IsKept(digest), IsOkAndHolds(true));
  }
}

// What is counted is what is there, and nothing else is.
void ExpectBooksAgree(BlobStore& store, const std::string& root) {
  ASSERT_OK_AND_ASSIGN(const std::vector<Digest> blobs, store.List(std::nullopt, 1000));
  EXPECT_EQ(store.stats().blobs, blobs.size());
  ASSERT_OK_AND_ASSIGN(const std::vector<Digest> partials, store.ListPartials());
  EXPECT_EQ(store.stats().partials, partials.size());
  for (const Digest& partial : partials) EXPECT_FALSE(store.Contains(partial));
  EXPECT_OK(PosixFileSystem().List(root + "/trash", [](std::string_view name) {
    ADD_FAILURE() << "left in the trash: " << name;
    return true;
  }));
}

}  // namespace

CrashScenario::CrashScenario() : manifest(Sha256Digest(kManifest)) {}

ByteCount CrashScenario::Quota() const {
  int64_t all = ChargeOf(static_cast<int64_t>(kManifest.size()), 1);
  for (const TestBlob* blob : {&victim, &doomed, &pieces, &unknown_size, &sequential}) {
    all += ChargeOf(blob->size().value(), blob->layout.piece_count().value());
  }
  return ByteCount(all - victim.size().value() / 2);
}

absl::Status CrashScenario::Live(const BlobStoreOptions& options, int tries,
                                 const std::function<void(char)>& promise) const {
  WorkerPool pool(1, kMaxQueue);
  std::unique_ptr<BlobStore> store;
  absl::Status status;
  // Runs `step` until it succeeds, then makes the promise (0: none).
  const auto run = [&](char letter, const std::function<absl::Status()>& step) {
    if (!status.ok()) return;
    for (int i = 0; i < tries; ++i) {
      status = step();
      if (!status.ok()) continue;
      if (letter != 0) promise(letter);
      return;
    }
  };
  run(0, [&] {
    auto opened = BlobStore::Open(options, pool);
    if (!opened.ok()) return opened.status();
    store = *std::move(opened);
    store->WaitUntilLoaded();
    return absl::OkStatus();
  });
  run(0, [&] { return OrStoredBefore(StoreInOrder(*store, victim, true, /*keep=*/false)); });
  run('D', [&] {
    KH_RETURN_IF_ERROR(OrStoredBefore(StoreInOrder(*store, doomed, true, /*keep=*/false)));
    return store->SetKeep(doomed.digest, true);
  });
  if (status.ok()) promise('-');
  run(0, [&] { return store->SetKeep(doomed.digest, false); });
  run('m', [&] {
    KH_RETURN_IF_ERROR(store->PutSmall(manifest, ToBytes(kManifest)));
    return store->SetKeep(manifest, true);
  });
  run('p', [&] {
    KH_RETURN_IF_ERROR(OrStoredBefore(StorePieces(*store, pieces)));
    return store->SetKeep(pieces.digest, true);
  });
  run('a', [&] { return BeginAndAbandon(*store, abandoned); });
  run('u', [&] {
    absl::Status stored = StoreInOrder(*store, unknown_size, false, /*keep=*/true);
    // Stored before the promise to keep it was heard of.
    if (absl::IsAlreadyExists(stored)) return store->SetKeep(unknown_size.digest, true);
    return stored;
  });
  run('s', [&] {
    absl::Status stored = StoreInOrder(*store, sequential, true, /*keep=*/true);
    if (absl::IsAlreadyExists(stored)) return store->SetKeep(sequential.digest, true);
    return stored;
  });
  run('d', [&] { return OrGoneBefore(store->Delete(doomed.digest, /*force=*/false)); });
  store = nullptr;
  pool.WaitIdle();
  return status;
}

void CrashScenario::ExpectSound(BlobStoreOptions options, const std::string& promises) const {
  const auto promised = [&promises](char letter) { return absl::StrContains(promises, letter); };
  {
    WorkerPool pool(1, kMaxQueue);
    ASSERT_OK_AND_ASSIGN(const auto store, BlobStore::Open(options, pool));
    store->WaitUntilLoaded();
    ExpectBooksAgree(*store, options.root);
    if (promised('d')) {
      EXPECT_FALSE(store->Contains(doomed.digest));
    }
    ExpectBlobSound(*store, doomed, promised('D') && !promised('-'));
    ExpectBlobSound(*store, victim, false);
    ExpectBlobSound(*store, pieces, promised('p'));
    ExpectBlobSound(*store, abandoned, false);
    ExpectBlobSound(*store, unknown_size, promised('u'));
    ExpectBlobSound(*store, sequential, promised('s'));
    ExpectManifestSound(*store, manifest, promised('m'));
    for (const auto& [letter, blob] :
         {std::pair('p', &pieces), std::pair('u', &unknown_size), std::pair('s', &sequential)}) {
      if (promised(letter)) {
        EXPECT_THAT(store->IsKept(blob->digest), IsOkAndHolds(true));
      }
    }
    if (promised('D') && !promised('-')) {
      EXPECT_THAT(store->IsKept(doomed.digest), IsOkAndHolds(true));
    }
    if (promised('a')) {
      ASSERT_OK_AND_ASSIGN(const auto partial,
                           store->OpenPartial(abandoned.digest, abandoned.size(), {}));
      EXPECT_EQ(partial->verified_count(), PieceCount(0));
    }
  }
  if (testing::Test::HasFailure()) return;
  EXPECT_OK(Live(options, /*tries=*/1, [](char) {}));
  WorkerPool pool(1, kMaxQueue);
  ASSERT_OK_AND_ASSIGN(const auto store, BlobStore::Open(options, pool));
  store->WaitUntilLoaded();
  ExpectBooksAgree(*store, options.root);
  for (const TestBlob* blob : {&pieces, &unknown_size, &sequential}) {
    ExpectBlobSound(*store, *blob, true);
  }
  ExpectManifestSound(*store, manifest, true);
}

}  // namespace kraken::storage
