// A blob from one node to another over loopback, against the bare loop.
//
//   bare   one thread: sendfile; another: recv into 64 KiB, SHA256_Update, pwrite; fsync, rename
//   nodes  two whole nodes in this process: handshake, requests, chunks, the engine, pieces hashed,
//          written and verified; commit (fsync, rename, fsync of both directories)
// in pairs that alternate in order. CPU time is the whole process's, both sides included.
//
//   loopback_transfer_benchmark [--size=512MB] [--pairs=5]
// Files go to $TEST_TMPDIR or the system's place for temporary files.

#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "kraken/base/byte_size.h"
#include "kraken/base/check.h"
#include "kraken/base/test_util.h"
#include "kraken/peer_wire/test_swarm.h"
#include "kraken/storage/blob.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/piece_layout.h"
#include "kraken/storage/storage_test_util.h"
#include "kraken/storage/testing/transfer_benchmark.h"

namespace kraken::peer_wire {
namespace {

using storage::TransferCost;

constexpr double kGiB = 1 << 30;

TransferCost RunBare(TestNode& seeder, const storage::TestBlob& blob,
                     const std::string& directory) {
  const auto source = *seeder.store().Find(blob.digest);
  return storage::MeasureBareTransfer(source->fd(), blob.size().value(), blob.digest, directory);
}

TransferCost RunNodes(TestTracker& tracker, const storage::TestBlob& blob) {
  TestNode leecher(&tracker);
  const TransferCost cost =
      storage::MeasureCost([&] { KH_CHECK(leecher.Leech(blob)->Wait().ok()); });
  KH_CHECK(leecher.store().Delete(blob.digest, /*force=*/false).ok());
  return cost;
}

void Run(int64_t size, int pairs) {
  const std::string directory = MakeTestDir();
  const storage::TestBlob blob(size, storage::PieceLengthFor(ByteCount(size)).value());
  TestTracker tracker;
  TestNode seeder(&tracker, {.origin = true});
  seeder.Store(blob);
  seeder.Run([&] {
    seeder.node().SeedComplete(blob.digest, [](absl::Status status) { KH_CHECK(status.ok()); });
  });
  const double gib = static_cast<double>(size) / kGiB;
  std::printf("%.2f GiB in pieces of %ld KiB\n", gib,
              static_cast<long>(blob.layout.piece_length().value() >> 10));
  std::printf("pair  bare GiB/s  nodes GiB/s  ratio   bare CPU s/GiB  nodes CPU s/GiB  ratio\n");
  std::vector<double> rates, cpus;
  for (int i = 0; i < pairs; ++i) {
    TransferCost bare;
    if (i % 2 == 0) bare = RunBare(seeder, blob, directory);
    const TransferCost nodes = RunNodes(tracker, blob);
    if (i % 2 == 1) bare = RunBare(seeder, blob, directory);
    rates.push_back(bare.wall_s / nodes.wall_s);
    cpus.push_back(nodes.cpu_s / bare.cpu_s);
    std::printf("%4d  %10.2f  %11.2f  %5.2f  %15.2f  %15.2f  %5.2f\n", i + 1, gib / bare.wall_s,
                gib / nodes.wall_s, rates.back(), bare.cpu_s / gib, nodes.cpu_s / gib, cpus.back());
  }
  std::printf("median ratio: rate %.2f, CPU %.2f\n", storage::Median(rates), storage::Median(cpus));
}

}  // namespace
}  // namespace kraken::peer_wire

int main(int argc, char** argv) {
  int64_t size = 512 << 20;
  int pairs = 5;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (absl::ConsumePrefix(&argument, "--size=")) {
      const auto parsed = kraken::ParseByteSize(argument);
      KH_CHECK(parsed.ok());
      size = *parsed;
    } else {
      KH_CHECK(absl::ConsumePrefix(&argument, "--pairs=") && absl::SimpleAtoi(argument, &pairs));
    }
  }
  kraken::peer_wire::Run(size, pairs);
}
