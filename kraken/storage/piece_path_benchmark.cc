// The single-pass piece path against the bare loop.
//
// A thread sends a file over loopback TCP with sendfile. The receiver takes it, from a 64 KiB
// buffer, into a durable file:
//   bare   recv, SHA256_Update, pwrite; fsync, rename
//   store  recv, PieceWriter (hash, pwrite at the piece's offset, verify, mark); commit (fsync
//          of the data, piece list, rename, fsync of both directories)
// in pairs that alternate in order. CPU time is the whole process's, the sender's included.
//
//   piece_path_benchmark [--size=1GB] [--pairs=9] [--directory=/tmp]

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "kraken/base/byte_size.h"
#include "kraken/base/check.h"
#include "kraken/base/unique_fd.h"
#include "kraken/base/worker_pool.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/piece_layout.h"
#include "kraken/storage/piece_writer.h"
#include "kraken/storage/testing/generated_blob.h"
#include "kraken/storage/testing/transfer_benchmark.h"

namespace kraken::storage {
namespace {

constexpr size_t kBufferBytes = 64 << 10;
constexpr double kGiB = 1 << 30;

// The file to send; in the page cache.
struct Source {
  UniqueFd file;
  GeneratedBlob blob;

  int64_t size() const { return blob.layout().size().value(); }
};

Source MakeSource(const std::string& path, int64_t size) {
  Source source{
      .file = UniqueFd(::open(path.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600)),
      .blob = GeneratedBlob(ByteCount(size), 1)};
  KH_CHECK(source.file.valid());
  source.blob.ForEachPiece([&](absl::Span<const uint8_t> piece) {
    KH_CHECK(::write(source.file.get(), piece.data(), piece.size()) ==
             static_cast<ssize_t>(piece.size()));
  });
  KH_CHECK(::fsync(source.file.get()) == 0);
  return source;
}

TransferCost RunBare(const Source& source, const std::string& directory) {
  return MeasureBareTransfer(source.file.get(), source.size(), source.blob.digest(), directory);
}

void ReceiveIntoStore(const Source& source, BlobStore& store, int in) {
  const auto partial = store.OpenPartial(source.blob.digest(), source.blob.layout().size(), {});
  KH_CHECK(partial.ok());
  KH_CHECK((*partial)->SetStates(PieceIndex(0), source.blob.states()).ok());
  std::vector<uint8_t> buffer(kBufferBytes);
  for (int32_t i = 0; i < source.blob.layout().piece_count().value(); ++i) {
    const auto writer = (*partial)->StartPiece(PieceIndex(i));
    KH_CHECK(writer.ok());
    while ((*writer)->received() < (*writer)->expected()) {
      const auto left =
          static_cast<size_t>(((*writer)->expected() - (*writer)->received()).value());
      const ssize_t length = ::recv(in, buffer.data(), std::min(buffer.size(), left), 0);
      KH_CHECK(length > 0);
      const auto part = absl::MakeConstSpan(buffer).first(static_cast<size_t>(length));
      KH_CHECK((*writer)->Write(part).ok());
    }
    KH_CHECK((*writer)->Finish().ok());
  }
  KH_CHECK((*partial)->CommitNow().ok());
}

TransferCost RunStore(const Source& source, BlobStore& store) {
  const TransferCost cost = MeasureTransfer(source.file.get(), source.size(),
                                            [&](int in) { ReceiveIntoStore(source, store, in); });
  KH_CHECK(store.Delete(source.blob.digest(), /*force=*/false).ok());
  return cost;
}

void Run(int64_t size, int pairs, const std::string& parent) {
  std::string directory = absl::StrCat(parent, "/piece_path.XXXXXX");
  KH_CHECK(::mkdtemp(directory.data()) != nullptr);
  const std::string source_path = absl::StrCat(directory, "/source");
  const Source source = MakeSource(source_path, size);
  WorkerPool pool(1, 100);
  auto store = BlobStore::Open({.root = absl::StrCat(directory, "/store")}, pool);
  KH_CHECK(store.ok());
  std::printf("%.2f GiB in %d pieces of %d KiB, %d interleaved pairs in %s\n\n",
              static_cast<double>(size) / kGiB, source.blob.layout().piece_count().value(),
              static_cast<int>(source.blob.layout().piece_length().value() >> 10), pairs,
              directory.c_str());
  ComparePairs(
      "store", size, pairs, [&] { return RunBare(source, directory); },
      [&] { return RunStore(source, **store); });
  store->reset();
  pool.WaitIdle();
  const std::string remove = absl::StrCat("rm -rf '", directory, "'");
  KH_CHECK(std::system(remove.c_str()) == 0);
}

int Main(int argc, char** argv) {
  int64_t size = int64_t{1} << 30;
  int pairs = 9;
  std::string directory = "/tmp";
  for (int i = 1; i < argc; ++i) {
    absl::string_view flag = argv[i];
    if (absl::ConsumePrefix(&flag, "--size=")) {
      const auto parsed = ParseByteSize(flag);
      if (parsed.ok() && *parsed > 0) {
        size = static_cast<int64_t>(*parsed);
        continue;
      }
    } else if (absl::ConsumePrefix(&flag, "--pairs=")) {
      if (absl::SimpleAtoi(flag, &pairs) && pairs > 0) continue;
    } else if (absl::ConsumePrefix(&flag, "--directory=")) {
      directory = std::string(flag);
      continue;
    }
    std::fprintf(stderr, "usage: %s [--size=1GB] [--pairs=9] [--directory=/tmp]\n", argv[0]);
    return 2;
  }
  Run(size, pairs, directory);
  return 0;
}

}  // namespace
}  // namespace kraken::storage

int main(int argc, char** argv) { return kraken::storage::Main(argc, argv); }
