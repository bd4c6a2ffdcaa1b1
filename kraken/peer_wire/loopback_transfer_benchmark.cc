// A blob from one node to another over loopback, against the bare loop.
//
//   bare   one thread: sendfile; another: recv into 64 KiB, SHA256_Update, pwrite; fsync, rename
//   nodes  two whole nodes in this process: handshake, requests, chunks, the engine, pieces hashed,
//          written and verified; commit (fsync, rename, fsync of both directories)
// in pairs that alternate in order. CPU time is the whole process's, both sides included.
//
//   loopback_transfer_benchmark [--size=512MB] [--pairs=5]
// Files go to $TEST_TMPDIR or the system's place for temporary files.

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "kraken/base/byte_size.h"
#include "kraken/base/check.h"
#include "kraken/base/sha256.h"
#include "kraken/base/test_util.h"
#include "kraken/base/unique_fd.h"
#include "kraken/peer_wire/test_swarm.h"
#include "kraken/storage/blob.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/piece_layout.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::peer_wire {
namespace {

constexpr size_t kBufferBytes = 64 << 10;
constexpr double kGiB = 1 << 30;

struct Cost {
  double wall_s = 0;
  double cpu_s = 0;
};

double CpuSeconds() {
  rusage usage;
  KH_CHECK(::getrusage(RUSAGE_SELF, &usage) == 0);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <typename Body>
Cost Measure(Body body) {
  const double cpu = CpuSeconds();
  const auto start = std::chrono::steady_clock::now();
  body();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  return {.wall_s = wall.count(), .cpu_s = CpuSeconds() - cpu};
}

std::pair<UniqueFd, UniqueFd> Connect() {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  KH_CHECK(::bind(listener.get(), generic, length) == 0);
  KH_CHECK(::listen(listener.get(), 1) == 0);
  KH_CHECK(::getsockname(listener.get(), generic, &length) == 0);
  UniqueFd out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  KH_CHECK(::connect(out.get(), generic, length) == 0);
  UniqueFd in(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  KH_CHECK(in.valid());
  return {std::move(out), std::move(in)};
}

void ReceiveBare(int in, int64_t size, const Digest& digest, const std::string& directory) {
  const std::string partial = absl::StrCat(directory, "/bare.partial");
  const UniqueFd file(::open(partial.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600));
  KH_CHECK(file.valid());
  std::vector<uint8_t> buffer(kBufferBytes);
  Sha256 hash;
  for (int64_t at = 0; at < size;) {
    const ssize_t n = ::recv(in, buffer.data(), buffer.size(), 0);
    KH_CHECK(n > 0);
    hash.Update(absl::MakeConstSpan(buffer).first(static_cast<size_t>(n)));
    KH_CHECK(::pwrite(file.get(), buffer.data(), static_cast<size_t>(n), at) == n);
    at += n;
  }
  KH_CHECK(hash.Finish() == digest);
  KH_CHECK(::fsync(file.get()) == 0);
  KH_CHECK(::rename(partial.c_str(), absl::StrCat(directory, "/bare").c_str()) == 0);
}

Cost RunBare(TestNode& seeder, const storage::TestBlob& blob, const std::string& directory) {
  const auto source = *seeder.store().Find(blob.digest);
  auto [out, in] = Connect();
  return Measure([&, &out = out, &in = in] {
    std::thread sender([&] {
      off_t offset = 0;
      while (offset < blob.size().value()) {
        const auto left = static_cast<size_t>(blob.size().value() - offset);
        KH_CHECK(::sendfile(out.get(), source->fd(), &offset, left) > 0);
      }
    });
    ReceiveBare(in.get(), blob.size().value(), blob.digest, directory);
    sender.join();
  });
}

Cost RunNodes(TestTracker& tracker, const storage::TestBlob& blob) {
  TestNode leecher(&tracker);
  const Cost cost = Measure([&] { KH_CHECK(leecher.Leech(blob)->Wait().ok()); });
  KH_CHECK(leecher.store().Delete(blob.digest).ok());
  return cost;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
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
    Cost bare;
    if (i % 2 == 0) bare = RunBare(seeder, blob, directory);
    const Cost nodes = RunNodes(tracker, blob);
    if (i % 2 == 1) bare = RunBare(seeder, blob, directory);
    rates.push_back(bare.wall_s / nodes.wall_s);
    cpus.push_back(nodes.cpu_s / bare.cpu_s);
    std::printf("%4d  %10.2f  %11.2f  %5.2f  %15.2f  %15.2f  %5.2f\n", i + 1, gib / bare.wall_s,
                gib / nodes.wall_s, rates.back(), bare.cpu_s / gib, nodes.cpu_s / gib, cpus.back());
  }
  std::printf("median ratio: rate %.2f, CPU %.2f\n", Median(rates), Median(cpus));
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
