// The single-pass piece path against the bare loop.
//
// A thread sends a file over loopback TCP with sendfile. The receiver takes it, from a 64 KiB
// buffer, into a durable file:
//   bare   recv, SHA256_Update, pwrite; fsync, rename
//   store  recv, PieceWriter (hash, pwrite at the piece's offset, verify, mark); commit (fsync of
//   the
//          data, piece list, rename, fsync of both directories)
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
#include "kraken/base/random.h"
#include "kraken/base/sha256.h"
#include "kraken/base/unique_fd.h"
#include "kraken/base/worker_pool.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/piece_layout.h"
#include "kraken/storage/piece_writer.h"
#include "kraken/storage/testing/transfer_benchmark.h"

namespace kraken::storage {
namespace {

constexpr size_t kBufferBytes = 64 << 10;
constexpr double kGiB = 1 << 30;

// The file to send, with its digest and piece states; in the page cache.
struct Source {
  UniqueFd file;
  int64_t size;
  PieceLayout layout;
  std::vector<Sha256State> states;
  Digest digest;
};

Source MakeSource(const std::string& path, int64_t size) {
  const PieceLayout layout =
      PieceLayout::Create(ByteCount(size), PieceLengthFor(ByteCount(size))).value();
  UniqueFd fd(::open(path.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600));
  KH_CHECK(fd.valid());
  SeededBitGen random(1);
  Sha256 hash;
  std::vector<uint8_t> piece(static_cast<size_t>(layout.piece_length().value()));
  std::vector<Sha256State> states;
  for (int32_t i = 0; i < layout.piece_count().value(); ++i) {
    const auto part =
        absl::MakeSpan(piece).first(static_cast<size_t>(layout.LengthOf(PieceIndex(i)).value()));
    random.Fill(part);
    hash.Update(part);
    if (PieceIndex(i) != layout.last_piece()) states.push_back(hash.state());
    KH_CHECK(::write(fd.get(), part.data(), part.size()) == static_cast<ssize_t>(part.size()));
  }
  KH_CHECK(::fsync(fd.get()) == 0);
  return {.file = std::move(fd),
          .size = size,
          .layout = layout,
          .states = std::move(states),
          .digest = hash.Finish()};
}

TransferCost RunBare(const Source& source, const std::string& directory) {
  return MeasureBareTransfer(source.file.get(), source.size, source.digest, directory);
}

void ReceiveIntoStore(const Source& source, BlobStore& store, int in) {
  const auto partial = store.OpenPartial(source.digest, ByteCount(source.size), {});
  KH_CHECK(partial.ok());
  KH_CHECK((*partial)->SetStates(PieceIndex(0), source.states).ok());
  std::vector<uint8_t> buffer(kBufferBytes);
  for (int32_t i = 0; i < source.layout.piece_count().value(); ++i) {
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
  const TransferCost cost = MeasureTransfer(source.file.get(), source.size,
                                            [&](int in) { ReceiveIntoStore(source, store, in); });
  KH_CHECK(store.Delete(source.digest, /*force=*/false).ok());
  return cost;
}

void PrintLine(const char* name, const std::vector<double>& values) {
  std::printf("%-34s median %6.3f   min %6.3f   max %6.3f\n", name, Median(values),
              *std::min_element(values.begin(), values.end()),
              *std::max_element(values.begin(), values.end()));
}

void Run(int64_t size, int pairs, const std::string& parent) {
  std::string directory = absl::StrCat(parent, "/piece_path.XXXXXX");
  KH_CHECK(::mkdtemp(directory.data()) != nullptr);
  const std::string source_path = absl::StrCat(directory, "/source");
  const Source source = MakeSource(source_path, size);
  WorkerPool pool(1, 100);
  auto store = BlobStore::Open({.root = absl::StrCat(directory, "/store")}, pool);
  KH_CHECK(store.ok());
  const double gib = static_cast<double>(size) / kGiB;
  std::printf("%.2f GiB in %d pieces of %d KiB, %d interleaved pairs in %s\n\n", gib,
              source.layout.piece_count().value(),
              static_cast<int>(source.layout.piece_length().value() >> 10), pairs,
              directory.c_str());
  std::printf("pair  bare GiB/s  store GiB/s  ratio   bare CPU s/GiB  store CPU s/GiB  ratio\n");
  std::vector<double> bare_rates, store_rates, rate_ratios, cpu_ratios;
  RunBare(source, directory);  // warms up
  RunStore(source, **store);
  for (int i = 0; i < pairs; ++i) {
    TransferCost bare, ours;
    if (i % 2 == 0) bare = RunBare(source, directory);
    ours = RunStore(source, **store);
    if (i % 2 == 1) bare = RunBare(source, directory);
    bare_rates.push_back(gib / bare.wall_s);
    store_rates.push_back(gib / ours.wall_s);
    rate_ratios.push_back(bare.wall_s / ours.wall_s);
    cpu_ratios.push_back(ours.cpu_s / bare.cpu_s);
    std::printf("%4d  %10.3f  %11.3f  %5.3f   %14.3f  %15.3f  %5.3f\n", i + 1, bare_rates.back(),
                store_rates.back(), rate_ratios.back(), bare.cpu_s / gib, ours.cpu_s / gib,
                cpu_ratios.back());
    std::fflush(stdout);
  }
  std::printf("\n");
  PrintLine("bare loop, GiB/s", bare_rates);
  PrintLine("store, GiB/s", store_rates);
  PrintLine("store / bare, rate", rate_ratios);
  PrintLine("store / bare, CPU", cpu_ratios);
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
