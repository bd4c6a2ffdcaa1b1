// Kills a process that stores blobs before each of its file-system operations in turn, and looks at
// what the next process finds.

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/sha256.h"
#include "kraken/base/test_util.h"
#include "kraken/base/worker_pool.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/fault_file_system.h"
#include "kraken/storage/piece_writer.h"
#include "kraken/storage/sequential_writer.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::storage {
namespace {

constexpr int64_t kPiece = 64 << 10;
constexpr int kMaxOperations = 2000;
constexpr std::string_view kManifest = R"({"schemaVersion": 2})";

// Everything a store does, once. `blob` counts only when its digest is acknowledged.
struct Scenario {
  TestBlob pieces{4 * kPiece + 5, kPiece, 1};
  TestBlob sequential{3 * kPiece, kPiece, 2};
  TestBlob unknown_size{2 * kPiece + 9, kPiece, 3};
  TestBlob evicted{2 * kPiece, kPiece, 4};
  Digest manifest = Sha256Digest(kManifest);

  std::vector<const TestBlob*> blobs() const {
    return {&pieces, &sequential, &unknown_size, &evicted};
  }
};

// Tells the parent, through a pipe, what was acknowledged.
class Acknowledgements {
 public:
  explicit Acknowledgements(int fd) : fd_(fd) {}
  void Add(char what) { KH_CHECK(::write(fd_, &what, 1) == 1); }

 private:
  const int fd_;
};

absl::Status StorePieces(BlobStore& store, const TestBlob& blob) {
  auto partial = store.OpenPartial(blob.digest, blob.size(), {.piece_length = ByteCount(kPiece)});
  if (!partial.ok()) return partial.status();
  absl::Status status = (*partial)->SetStates(PieceIndex(0), blob.states);
  for (const int piece : {3, 0, 4, 1, 2}) {
    if (!status.ok()) return status;
    auto writer = (*partial)->StartPiece(PieceIndex(piece));
    if (absl::IsAlreadyExists(writer.status())) continue;
    if (!writer.ok()) return writer.status();
    status = (*writer)->Write(blob.Piece(piece));
    if (status.ok()) status = (*writer)->Finish();
    if (status.ok()) status = (*partial)->Flush();
  }
  return status.ok() ? (*partial)->CommitNow().status() : status;
}

absl::Status StoreInOrder(BlobStore& store, const TestBlob& blob, bool size_known) {
  auto partial = store.OpenPartial(
      blob.digest, size_known ? std::optional<ByteCount>(blob.size()) : std::nullopt,
      {.piece_length = ByteCount(kPiece), .keep = true});
  if (!partial.ok()) return partial.status();
  SequentialWriter writer(*partial);
  const absl::Status status = writer.Append(
      absl::MakeConstSpan(blob.bytes).subspan(static_cast<size_t>(writer.next_offset().value())));
  return status.ok() ? writer.Finish().status() : status;
}

// A blob that an earlier life has stored is as good as one stored now.
absl::Status OrStoredBefore(absl::Status status) {
  return absl::IsAlreadyExists(status) ? absl::OkStatus() : status;
}

// One life of a process. Returns the first error.
absl::Status Live(const BlobStoreOptions& options, const Scenario& scenario,
                  Acknowledgements& acknowledged) {
  WorkerPool pool(1, 1000);
  auto opened = BlobStore::Open(options, pool);
  if (!opened.ok()) return opened.status();
  BlobStore& store = **opened;
  store.WaitUntilLoaded();
  absl::Status status = OrStoredBefore(StoreInOrder(store, scenario.evicted, true));
  if (status.ok()) status = store.SetKeep(scenario.evicted.digest, false);
  if (status.ok()) status = store.PutSmall(scenario.manifest, ToBytes(kManifest));
  if (status.ok()) acknowledged.Add('m');
  if (status.ok()) status = OrStoredBefore(StorePieces(store, scenario.pieces));
  if (status.ok()) acknowledged.Add('p');
  if (status.ok()) status = OrStoredBefore(StoreInOrder(store, scenario.sequential, true));
  if (status.ok()) acknowledged.Add('s');
  if (status.ok()) status = OrStoredBefore(StoreInOrder(store, scenario.unknown_size, false));
  if (status.ok()) acknowledged.Add('u');
  if (status.ok()) status = store.Delete(scenario.evicted.digest, /*force=*/false);
  return status;
}

// Runs Live in a child that ends before its operation number `fatal`. Returns whether it came to
// the end, and what was acknowledged.
bool RunChild(const BlobStoreOptions& options, const Scenario& scenario, int fatal,
              std::string* acknowledged) {
  int pipe_fds[2];
  KH_CHECK(::pipe2(pipe_fds, O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  KH_CHECK(child >= 0);
  if (child == 0) {
    ::close(pipe_fds[0]);
    std::atomic<int> operations{0};
    FaultFileSystem files([&operations, fatal](std::string_view, const std::string&) {
      if (operations.fetch_add(1) == fatal) ::kill(::getpid(), SIGKILL);
      return absl::OkStatus();
    });
    BlobStoreOptions own = options;
    own.file_system = &files;
    Acknowledgements acknowledgements(pipe_fds[1]);
    const absl::Status status = Live(own, scenario, acknowledgements);
    if (!status.ok()) fprintf(stderr, "child: %s\n", status.ToString().c_str());
    ::_exit(status.ok() ? 0 : 1);
  }
  ::close(pipe_fds[1]);
  char what;
  while (::read(pipe_fds[0], &what, 1) == 1) acknowledged->push_back(what);
  ::close(pipe_fds[0]);
  int wait_status;
  KH_CHECK(::waitpid(child, &wait_status, 0) == child);
  if (WIFSIGNALED(wait_status)) {
    EXPECT_EQ(WTERMSIG(wait_status), SIGKILL);
    return false;
  }
  EXPECT_EQ(WEXITSTATUS(wait_status), 0);
  return true;
}

// Complete and right, or resumable, or gone.
void ExpectSound(BlobStore& store, const TestBlob& blob, bool must_be_there) {
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
  ASSERT_OK_AND_ASSIGN(const auto partial, store.OpenPartial(blob.digest, blob.size(),
                                                             {.piece_length = ByteCount(kPiece)}));
  for (int i = 0; i < blob.layout.piece_count().value(); ++i) {
    if (!partial->Has(PieceIndex(i))) continue;
    std::vector<uint8_t> bytes(blob.Piece(i).size());
    ASSERT_OK(partial->ReadAt(blob.layout.OffsetOf(PieceIndex(i)), absl::MakeSpan(bytes)));
    EXPECT_EQ(absl::MakeConstSpan(bytes), blob.Piece(i)) << "piece " << i;
  }
}

void ExpectAllSound(const BlobStoreOptions& options, const Scenario& scenario,
                    const std::string& acknowledged) {
  WorkerPool pool(1, 1000);
  ASSERT_OK_AND_ASSIGN(const auto store, BlobStore::Open(options, pool));
  store->WaitUntilLoaded();
  ExpectSound(*store, scenario.pieces, absl::StrContains(acknowledged, 'p'));
  ExpectSound(*store, scenario.sequential, absl::StrContains(acknowledged, 's'));
  ExpectSound(*store, scenario.unknown_size, absl::StrContains(acknowledged, 'u'));
  ExpectSound(*store, scenario.evicted, false);
  const auto manifest = store->GetSmall(scenario.manifest);
  if (manifest.ok()) {
    EXPECT_EQ(*manifest, kManifest);
  }
  if (absl::StrContains(acknowledged, 'm')) {
    EXPECT_OK(manifest);
  }
  for (const auto& [letter, blob] :
       {std::pair('s', &scenario.sequential), std::pair('u', &scenario.unknown_size)}) {
    if (absl::StrContains(acknowledged, letter)) {
      EXPECT_THAT(store->IsKept(blob->digest), IsOkAndHolds(true));
    }
  }
}

TEST(BlobStoreCrashTest, KilledBeforeAnyOperationWhatIsThereIsCompleteOrResumableOrGone) {
  const Scenario scenario;
  bool completed = false;
  int fatal = 0;
  for (; !completed && fatal < kMaxOperations; ++fatal) {
    SCOPED_TRACE(absl::StrCat("killed before operation ", fatal));
    BlobStoreOptions options;
    options.root = MakeTestDir() + "/store";
    std::string acknowledged;
    completed = RunChild(options, scenario, fatal, &acknowledged);
    ExpectAllSound(options, scenario, acknowledged);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_TRUE(completed);
  EXPECT_GT(fatal, 100);
}

TEST(BlobStoreCrashTest, KilledAgainAndAgainTheWorkGetsDone) {
  const Scenario scenario;
  BlobStoreOptions options;
  options.root = MakeTestDir() + "/store";
  // Each life gets a little further than the last.
  bool completed = false;
  for (int fatal = 5; !completed && fatal < kMaxOperations; fatal += 9) {
    std::string acknowledged;
    completed = RunChild(options, scenario, fatal, &acknowledged);
  }
  EXPECT_TRUE(completed);
  ExpectAllSound(options, scenario, "mpsu");
}

}  // namespace
}  // namespace kraken::storage
