#include "kraken/storage/volumes/volume_set.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "kraken/base/manual_clock.h"
#include "kraken/base/test_util.h"
#include "kraken/base/worker_pool.h"
#include "kraken/storage/crash/fault_file_system.h"
#include "kraken/storage/crash/scratch_tree.h"
#include "kraken/storage/forwarding_file_system.h"
#include "kraken/storage/piece_writer.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::storage {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int64_t kPiece = 64 << 10;
constexpr int kBlobs = 40;

// Two volumes, whose disks can be made to fail.
class VolumeSetTest : public testing::Test {
 protected:
  struct Disk {
    std::string root;
    std::atomic<absl::StatusCode> failing{absl::StatusCode::kOk};
    std::string failing_operation;  // empty: all that may change something
    std::unique_ptr<FaultFileSystem> files;
    int64_t quota = 1 << 30;
    double weight = 1;
  };

  VolumeSetTest() {
    for (size_t i = 0; i < disks_.size(); ++i) {
      Disk& disk = disks_[i];
      disk.root = absl::StrCat(scratch_.path(), "/disk", i);
      EXPECT_EQ(::mkdir(disk.root.c_str(), 0755), 0);
      disk.files = std::make_unique<FaultFileSystem>(
          [&disk](std::string_view operation, const std::string& path) -> absl::Status {
            if (disk.failing == absl::StatusCode::kOk) return absl::OkStatus();
            const bool asks = operation == "stat" || operation == "list" || operation == "space";
            const bool hit =
                disk.failing_operation.empty() ? !asks : operation == disk.failing_operation;
            if (!hit) return absl::OkStatus();
            return absl::Status(disk.failing, absl::StrCat(operation, " ", path, ": injected"));
          });
    }
  }
  ~VolumeSetTest() override { Close(); }

  absl::Status TryOpen() {
    VolumeSetOptions options;
    options.clock = &clock_;
    options.allow_missing = allow_missing_;
    options.must_be_mount_points = must_be_mount_points_;
    for (const Disk& disk : disks_) {
      options.volumes.push_back({.store = {.root = disk.root,
                                           .quota = ByteCount(disk.quota),
                                           .min_free = ByteCount(0),
                                           .file_system = disk.files.get(),
                                           .clock = &clock_},
                                 .weight = disk.weight});
    }
    absl::StatusOr<OpenedVolumes> opened = OpenVolumes(std::move(options), pool_);
    if (!opened.ok()) return opened.status();
    store_ = std::move(opened->store);
    warnings_ = std::move(opened->warnings);
    store_->WaitUntilLoaded();
    return absl::OkStatus();
  }
  void Open() { ASSERT_OK(TryOpen()); }
  void Close() {
    store_ = nullptr;
    pool_.WaitIdle();
  }

  static TestBlob Small(int i) { return TestBlob(100 + i, kPiece, static_cast<uint64_t>(i)); }
  void PutAll() {
    for (int i = 0; i < kBlobs; ++i) {
      const TestBlob blob = Small(i);
      ASSERT_OK(store_->PutSmall(blob.digest, blob.bytes));
    }
  }
  // Whether the volume holds the complete blob, or some of it.
  bool Holds(int disk, const Digest& digest) const {
    const std::string hex = digest.hex();
    return ::access(absl::StrCat(disks_[static_cast<size_t>(disk)].root, "/blobs/",
                                 hex.substr(0, 2), "/", hex.substr(2, 2), "/", hex)
                        .c_str(),
                    F_OK) == 0;
  }
  bool HoldsPartial(int disk, const Digest& digest) const {
    return ::access(absl::StrCat(disks_[static_cast<size_t>(disk)].root, "/partial/", digest.hex())
                        .c_str(),
                    F_OK) == 0;
  }
  int CountOn(int disk) const {
    int count = 0;
    for (int i = 0; i < kBlobs; ++i) count += Holds(disk, Small(i).digest) ? 1 : 0;
    return count;
  }

  std::shared_ptr<PartialBlob> Begin(const TestBlob& blob) {
    auto partial =
        store_->OpenPartial(blob.digest, blob.size(), {.piece_length = ByteCount(kPiece)});
    EXPECT_OK(partial);
    EXPECT_OK((*partial)->SetStates(PieceIndex(0), blob.states));
    return *partial;
  }
  void Deliver(PartialBlob& partial, const TestBlob& blob, int piece) {
    ASSERT_OK_AND_ASSIGN(const auto writer, partial.StartPiece(PieceIndex(piece)));
    ASSERT_OK(writer->Write(blob.Piece(piece)));
    ASSERT_OK(writer->Finish());
  }
  int DiskOfPartial(const Digest& digest) const {
    EXPECT_NE(HoldsPartial(0, digest), HoldsPartial(1, digest));
    return HoldsPartial(0, digest) ? 0 : 1;
  }

  const ScratchTree scratch_;
  WorkerPool pool_{2, 1000};
  ManualClock clock_;
  std::array<Disk, 2> disks_;
  bool allow_missing_ = true;
  bool must_be_mount_points_ = false;
  std::unique_ptr<BlobStore> store_;
  std::vector<std::string> warnings_;
};

TEST_F(VolumeSetTest, EachBlobIsOnOneVolumeAndFoundAgainAfterARestart) {
  Open();
  EXPECT_THAT(warnings_, IsEmpty());
  PutAll();
  EXPECT_GT(CountOn(0), kBlobs / 5);
  EXPECT_GT(CountOn(1), kBlobs / 5);
  EXPECT_EQ(CountOn(0) + CountOn(1), kBlobs);
  EXPECT_EQ(store_->stats().volumes, 2u);
  EXPECT_EQ(store_->stats().unhealthy_volumes, 0u);
  Close();
  // Another weight moves places, not blobs.
  disks_[0].weight = 100;
  Open();
  EXPECT_EQ(store_->stats().blobs, static_cast<uint64_t>(kBlobs));
  for (int i = 0; i < kBlobs; ++i) {
    const TestBlob blob = Small(i);
    EXPECT_THAT(store_->GetSmall(blob.digest), IsOkAndHolds(ToString(blob.bytes)));
    EXPECT_OK(store_->PutSmall(blob.digest, blob.bytes));
  }
  EXPECT_EQ(CountOn(0) + CountOn(1), kBlobs);
}

TEST_F(VolumeSetTest, ListsAreMergedInOrder) {
  Open();
  PutAll();
  std::vector<Digest> seen;
  std::optional<Digest> after;
  while (true) {
    ASSERT_OK_AND_ASSIGN(const std::vector<Digest> some, store_->List(after, 7));
    if (some.empty()) break;
    EXPECT_LE(some.size(), 7u);
    seen.insert(seen.end(), some.begin(), some.end());
    after = seen.back();
  }
  EXPECT_THAT(seen, SizeIs(kBlobs));
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
}

TEST_F(VolumeSetTest, WhatIsAskedOfOneBlobGoesToItsVolume) {
  Open();
  PutAll();
  for (int i = 0; i < kBlobs; ++i) {
    const Digest digest = Small(i).digest;
    ASSERT_OK(store_->SetKeep(digest, true));
    EXPECT_THAT(store_->IsKept(digest), IsOkAndHolds(true));
    store_->Touch(digest);
    store_->Demote(digest);
    EXPECT_THAT(store_->Delete(digest, /*force=*/false),
                StatusIs(absl::StatusCode::kFailedPrecondition));
    ASSERT_OK(store_->Delete(digest, /*force=*/true));
    EXPECT_FALSE(store_->Contains(digest));
    EXPECT_THAT(store_->Find(digest), StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(store_->IsKept(digest), StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(store_->SetKeep(digest, true), StatusIs(absl::StatusCode::kNotFound));
    EXPECT_THAT(store_->Delete(digest, /*force=*/false), StatusIs(absl::StatusCode::kNotFound));
  }
}

TEST_F(VolumeSetTest, AFullVolumeSendsBlobsToTheOther) {
  disks_[0].quota = 1;
  Open();
  PutAll();
  EXPECT_EQ(CountOn(0), 0);
  EXPECT_EQ(CountOn(1), kBlobs);
  const TestBlob large(3 * kPiece, kPiece, 1000);
  Begin(large);
  EXPECT_EQ(DiskOfPartial(large.digest), 1);
}

TEST_F(VolumeSetTest, WithoutRoomAnywhereTheErrorNamesEachVolume) {
  disks_[0].quota = disks_[1].quota = 1;
  Open();
  const TestBlob blob = Small(0);
  EXPECT_THAT(store_->PutSmall(blob.digest, blob.bytes),
              StatusIs(absl::StatusCode::kResourceExhausted,
                       AllOf(HasSubstr(disks_[0].root), HasSubstr(disks_[1].root))));
}

TEST_F(VolumeSetTest, AFailingVolumeIsLeftAloneForATime) {
  Open();
  for (const absl::StatusCode code :
       {absl::StatusCode::kDataLoss, absl::StatusCode::kResourceExhausted,
        absl::StatusCode::kPermissionDenied}) {
    disks_[0].failing = code;
    PutAll();
    EXPECT_EQ(CountOn(1), kBlobs);
    EXPECT_EQ(store_->stats().unhealthy_volumes, 1u);
    disks_[0].failing = absl::StatusCode::kOk;
    for (int i = 0; i < kBlobs; ++i) ASSERT_OK(store_->Delete(Small(i).digest, /*force=*/false));
    PutAll();
    EXPECT_EQ(CountOn(0), 0);
    for (int i = 0; i < kBlobs; ++i) ASSERT_OK(store_->Delete(Small(i).digest, /*force=*/false));
    clock_.Advance(absl::Minutes(1));
    EXPECT_EQ(store_->stats().unhealthy_volumes, 0u);
    PutAll();
    EXPECT_GT(CountOn(0), kBlobs / 5);
    for (int i = 0; i < kBlobs; ++i) ASSERT_OK(store_->Delete(Small(i).digest, /*force=*/false));
  }
}

TEST_F(VolumeSetTest, WhatAFailingVolumeHoldsIsStillRead) {
  Open();
  PutAll();
  disks_[0].failing = absl::StatusCode::kDataLoss;
  disks_[0].failing_operation = "rename";
  int held = 0;
  while (held < kBlobs && !Holds(0, Small(held).digest)) ++held;
  ASSERT_LT(held, kBlobs);
  EXPECT_THAT(store_->Delete(Small(held).digest, /*force=*/false),
              StatusIs(absl::StatusCode::kDataLoss));
  for (int i = 0; i < kBlobs; ++i) {
    if (i == held) continue;
    EXPECT_OK(store_->Find(Small(i).digest)) << i;
  }
}

TEST_F(VolumeSetTest, AVolumeThatCannotBeReadCostsItsBlobsAndNoMore) {
  Open();
  PutAll();
  disks_[0].failing = absl::StatusCode::kDataLoss;
  disks_[0].failing_operation = "open";
  Close();
  disks_[0].failing = absl::StatusCode::kOk;
  Open();
  disks_[0].failing = absl::StatusCode::kDataLoss;
  for (int i = 0; i < kBlobs; ++i) {
    const Digest digest = Small(i).digest;
    if (Holds(0, digest)) {
      EXPECT_THAT(store_->Find(digest), StatusIs(absl::StatusCode::kNotFound));
    } else {
      EXPECT_OK(store_->Find(digest));
    }
  }
}

TEST_F(VolumeSetTest, ALostVolumeIsNamedAndTheOthersGoOn) {
  Open();
  PutAll();
  const int on_second = CountOn(1);
  Close();
  const std::string elsewhere = disks_[0].root + ".unmounted";
  ASSERT_EQ(::rename(disks_[0].root.c_str(), elsewhere.c_str()), 0);
  Open();
  EXPECT_THAT(warnings_, testing::ElementsAre(
                             AllOf(HasSubstr(disks_[0].root), HasSubstr("is the disk mounted?"))));
  EXPECT_NE(::access(disks_[0].root.c_str(), F_OK), 0);
  EXPECT_EQ(store_->stats().volumes, 2u);
  EXPECT_EQ(store_->stats().unhealthy_volumes, 1u);
  EXPECT_EQ(store_->stats().blobs, static_cast<uint64_t>(on_second));
  PutAll();
  EXPECT_EQ(CountOn(1), kBlobs);
  Close();
  // Back again: what is on both is listed once, and deleted on both.
  ASSERT_EQ(::rename(elsewhere.c_str(), disks_[0].root.c_str()), 0);
  Open();
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_THAT(store_->List(std::nullopt, 1000), IsOkAndHolds(SizeIs(kBlobs)));
  for (int i = 0; i < kBlobs; ++i) ASSERT_OK(store_->Delete(Small(i).digest, /*force=*/false));
  EXPECT_EQ(CountOn(0) + CountOn(1), 0);
}

TEST_F(VolumeSetTest, AReadOnlyVolumeIsLost) {
  disks_[1].failing = absl::StatusCode::kPermissionDenied;
  Open();
  EXPECT_THAT(warnings_, testing::ElementsAre(HasSubstr(disks_[1].root)));
  PutAll();
  EXPECT_EQ(CountOn(0), kBlobs);
}

TEST_F(VolumeSetTest, LostVolumesAreAnErrorIfTheConfigurationSaysSoOrNoneIsLeft) {
  ASSERT_EQ(::rmdir(disks_[0].root.c_str()), 0);
  allow_missing_ = false;
  EXPECT_THAT(TryOpen(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(disks_[0].root)));
  // The volume that could be opened is given up once its background count has noticed.
  pool_.WaitIdle();
  allow_missing_ = true;
  EXPECT_OK(TryOpen());
  Close();
  disks_[1].failing = absl::StatusCode::kPermissionDenied;
  EXPECT_THAT(TryOpen(), StatusIs(absl::StatusCode::kFailedPrecondition,
                                  AllOf(HasSubstr(disks_[0].root), HasSubstr(disks_[1].root))));
}

TEST_F(VolumeSetTest, ADirectoryIsNoMountPoint) {
  must_be_mount_points_ = true;
  EXPECT_THAT(TryOpen(),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no mount point")));
}

TEST_F(VolumeSetTest, VolumesOnOneFileSystemWithoutQuotaAreWarnedOf) {
  disks_[0].quota = 0;
  Open();
  EXPECT_THAT(warnings_, testing::ElementsAre(HasSubstr("are on one file system")));
}

TEST_F(VolumeSetTest, APartialIsResumedWhereItIs) {
  Open();
  const TestBlob blob(3 * kPiece, kPiece, 2000);
  {
    const std::shared_ptr<PartialBlob> partial = Begin(blob);
    Deliver(*partial, blob, 1);
    EXPECT_EQ(store_->FindPartial(blob.digest), partial);
  }
  const int disk = DiskOfPartial(blob.digest);
  Close();
  disks_[static_cast<size_t>(1 - disk)].weight = 1e9;  // it would go there now
  Open();
  EXPECT_TRUE(store_->ContainsPartial(blob.digest));
  EXPECT_THAT(store_->ListPartials(), IsOkAndHolds(testing::ElementsAre(blob.digest)));
  const std::shared_ptr<PartialBlob> partial = Begin(blob);
  EXPECT_TRUE(partial->Has(PieceIndex(1)));
  EXPECT_EQ(DiskOfPartial(blob.digest), disk);
  for (const int piece : {0, 2}) Deliver(*partial, blob, piece);
  ASSERT_OK(partial->CommitNow());
  EXPECT_TRUE(Holds(disk, blob.digest));
}

TEST_F(VolumeSetTest, ADiskThatFailsUnderADownloadIsLeftForTheOther) {
  Open();
  const TestBlob blob(3 * kPiece, kPiece, 3000);
  int disk;
  {
    const std::shared_ptr<PartialBlob> partial = Begin(blob);
    disk = DiskOfPartial(blob.digest);
    for (const int piece : {0, 1, 2}) Deliver(*partial, blob, piece);
    disks_[static_cast<size_t>(disk)].failing = absl::StatusCode::kDataLoss;
    EXPECT_THAT(partial->CommitNow(), StatusIs(absl::StatusCode::kDataLoss));
  }
  const std::shared_ptr<PartialBlob> partial = Begin(blob);
  EXPECT_EQ(partial->verified_count(), PieceCount(0));
  EXPECT_TRUE(HoldsPartial(1 - disk, blob.digest));
  for (const int piece : {0, 1, 2}) Deliver(*partial, blob, piece);
  ASSERT_OK(partial->CommitNow());
  EXPECT_TRUE(Holds(1 - disk, blob.digest));
  disks_[static_cast<size_t>(disk)].failing = absl::StatusCode::kOk;
  ASSERT_OK(store_->Delete(blob.digest, /*force=*/false));
  EXPECT_FALSE(HoldsPartial(disk, blob.digest));
}

TEST_F(VolumeSetTest, WhoeverBeginsABlobSharesOnePartial) {
  Open();
  for (int i = 0; i < 20; ++i) {
    const TestBlob blob(kPiece, kPiece, 4000 + static_cast<uint64_t>(i));
    disks_[0].failing = i % 2 == 0 ? absl::StatusCode::kOk : absl::StatusCode::kDataLoss;
    clock_.Advance(absl::Minutes(2));
    std::vector<std::shared_ptr<PartialBlob>> partials(4);
    std::vector<std::thread> threads;
    threads.reserve(partials.size());
    for (auto& partial : partials) {
      threads.emplace_back([&, this] {
        auto opened = store_->OpenPartial(blob.digest, blob.size(), {});
        ASSERT_OK(opened);
        partial = *std::move(opened);
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& partial : partials) EXPECT_EQ(partial, partials[0]);
  }
}

// A file system with little room, which is asked about itself only.
class SmallFileSystem final : public ForwardingFileSystem {
 public:
  SmallFileSystem(std::string root, uint64_t available_bytes)
      : root_(std::move(root)), available_bytes_(available_bytes) {}
  absl::StatusOr<Space> SpaceOf(const std::string& path) override {
    EXPECT_EQ(path, root_);
    return Space{.available_bytes = available_bytes_, .total_bytes = uint64_t{1} << 40};
  }

 private:
  const std::string root_;
  const uint64_t available_bytes_;
};

TEST_F(VolumeSetTest, SpaceIsMeasuredOnEachVolumesOwnFileSystem) {
  constexpr uint64_t kRoom = 5 << 20;
  SmallFileSystem full(disks_[0].root, 4096);
  SmallFileSystem roomy(disks_[1].root, kRoom);
  VolumeSetOptions options;
  for (ForwardingFileSystem* files : {&full, &roomy}) {
    options.volumes.push_back({.store = {.root = disks_[options.volumes.size()].root,
                                         .min_free = ByteCount(0),
                                         .file_system = files}});
  }
  ASSERT_OK_AND_ASSIGN(OpenedVolumes opened, OpenVolumes(std::move(options), pool_));
  store_ = std::move(opened.store);
  store_->WaitUntilLoaded();
  EXPECT_EQ(store_->stats().quota_bytes, 4096 + kRoom);
  PutAll();
  EXPECT_EQ(CountOn(0), 0);
  EXPECT_EQ(CountOn(1), kBlobs);
  Close();
}

}  // namespace
}  // namespace kraken::storage
