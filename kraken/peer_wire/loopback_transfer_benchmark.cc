// A blob from one node to another over loopback, against the bare loop that does the same system
// calls with the same number of threads.
//
//   bare   one thread: sendfile; another: recv into 64 KiB, SHA256_Update, pwrite; fsync, rename
//   nodes  two whole nodes in this process: handshake, requests, chunks, the engine, pieces hashed,
//          written and verified; commit (fsync, rename, fsync of both directories)
//
// and with --tls
//
//   bare   pread of 64 KiB, seal, send; recv, open, SHA256_Update, pwrite; fsync, rename
//   nodes  the same two with mutual TLS
//
// in pairs that alternate in order. CPU time is the whole process's, both sides included.
//
//   loopback_transfer_benchmark [--size=512MB] [--pairs=5] [--tls]
// Files go to $TEST_TMPDIR or the system's place for temporary files.

#include <cstdio>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "kraken/base/byte_size.h"
#include "kraken/base/check.h"
#include "kraken/base/test_util.h"
#include "kraken/net/test_certificates.h"
#include "kraken/peer_wire/test_swarm.h"
#include "kraken/storage/blob.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/testing/generated_blob.h"
#include "kraken/storage/testing/transfer_benchmark.h"
#include "kraken/swarm/metainfo.h"

namespace kraken::peer_wire {
namespace {

using storage::GeneratedBlob;
using storage::TransferCost;

constexpr double kGiB = 1 << 30;
constexpr absl::Duration kPatience = absl::Minutes(10);

struct Flags {
  int64_t size = 512 << 20;
  int pairs = 5;
  bool tls = false;
};

void Seed(TestNode& seeder, const GeneratedBlob& blob) {
  storage::StoreBlob(seeder.store(), blob);
  seeder.Run([&] {
    seeder.node().SeedComplete(blob.digest(), [](absl::Status status) { KH_CHECK(status.ok()); });
  });
}

TransferCost RunBare(TestNode& seeder, const GeneratedBlob& blob, const std::string& directory,
                     bool tls) {
  const auto source = *seeder.store().Find(blob.digest());
  const int64_t size = blob.layout().size().value();
  return tls ? storage::MeasureBareTlsTransfer(source->fd(), size, blob.digest(), directory)
             : storage::MeasureBareTransfer(source->fd(), size, blob.digest(), directory);
}

TransferCost RunNodes(TestTracker& tracker, const GeneratedBlob& blob,
                      const TransportSecurity& security) {
  TestNode leecher(&tracker, {.security = security});
  auto metainfo =
      swarm::Metainfo::Create(blob.digest(), blob.layout().size(), blob.layout().piece_length());
  KH_CHECK(metainfo.ok() && metainfo->Merge(PieceIndex(0), blob.states()).ok());
  const TransferCost cost = storage::MeasureCost(
      [&] { KH_CHECK(leecher.Leech(*std::move(metainfo))->Wait(kPatience).ok()); });
  KH_CHECK(leecher.store().Delete(blob.digest(), /*force=*/false).ok());
  return cost;
}

void Run(const Flags& flags) {
  const std::string directory = MakeTestDir();
  const GeneratedBlob blob(ByteCount(flags.size), /*seed=*/1);
  TransportSecurity seeder_security, leecher_security;
  net::TestCa ca(directory, "cluster");
  if (flags.tls) {
    seeder_security = MakeTestSecurity(ca, ca, "origin");
    leecher_security = MakeTestSecurity(ca, ca, "agent");
  }
  TestTracker tracker;
  TestNode seeder(&tracker, {.origin = true, .security = seeder_security});
  Seed(seeder, blob);
  std::printf("%.2f GiB in pieces of %ld KiB%s\n", static_cast<double>(flags.size) / kGiB,
              static_cast<long>(blob.layout().piece_length().value() >> 10),
              flags.tls ? ", TLS" : "");
  storage::ComparePairs(
      "nodes", flags.size, flags.pairs, [&] { return RunBare(seeder, blob, directory, flags.tls); },
      [&] { return RunNodes(tracker, blob, leecher_security); });
  KH_CHECK(seeder.store().Delete(blob.digest(), /*force=*/false).ok());
}

}  // namespace
}  // namespace kraken::peer_wire

int main(int argc, char** argv) {
  kraken::peer_wire::Flags flags;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (argument == "--tls") {
      flags.tls = true;
    } else if (absl::ConsumePrefix(&argument, "--size=")) {
      const auto parsed = kraken::ParseByteSize(argument);
      KH_CHECK(parsed.ok());
      flags.size = *parsed;
    } else {
      KH_CHECK(absl::ConsumePrefix(&argument, "--pairs=") &&
               absl::SimpleAtoi(argument, &flags.pairs));
    }
  }
  kraken::peer_wire::Run(flags);
}
