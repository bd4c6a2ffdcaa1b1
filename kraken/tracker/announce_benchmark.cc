// The tracker's core without a network: the hub with its sessions, audiences, and hand-out, on one
// thread. What it costs to know 1,000,000 peer-torrent entries, and how many announce records it
// takes in a second. Messages come as gRPC would hand them over, each a copy, and answers go where
// gRPC would take them.
//
//   announce_benchmark [--peers=10000] [--torrents=100] [--seconds=5]
//
// `--torrents` of each peer. announce_load.h says what a message holds.

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "kraken/base/check.h"
#include "kraken/daemon/test_origin.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/announce_service.h"
#include "kraken/rpc/stream.h"
#include "kraken/tracker/announce_hub.h"
#include "kraken/tracker/announce_load.h"

namespace kraken::tracker {
namespace {

constexpr int kPeersPerSwarm = 500;

struct Options {
  int peers = 10'000;
  int torrents = 100;
  int seconds = 5;
};

absl::Duration CpuTime() {
  timespec time;
  KH_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return absl::DurationFromTimespec(time);
}

void Run(const Options& options) {
  const AnnounceLoad load(std::max(1, options.peers / kPeersPerSwarm), options.torrents);
  net::EventLoop loop;
  daemon::OriginAccess access(&loop, {"127.0.0.1:1"}, /*max_replica=*/3);
  TrackerServerConfig config;
  // The benchmark measures announces, and decides itself how long it takes to come round.
  config.lease = absl::Hours(1);
  AnnounceHub hub(&loop, &access.client, access.cluster.get(), config);

  const int64_t before = ResidentBytes(getpid());
  std::vector<std::shared_ptr<rpc::AnnounceOutlet>> streams;
  uint64_t written = 0;
  absl::Duration start = CpuTime();
  for (int peer = 0; peer < options.peers; ++peer) {
    streams.push_back(std::make_shared<rpc::AnnounceOutlet>(rpc::kMaxQueuedMessages));
    rpc::AnnounceOutlet* stream = streams.back().get();
    stream->Attach(
        [&written, stream](const rpc::v1::AnnounceReply*) {
          ++written;
          stream->OnWriteDone(true);
        },
        [](const absl::Status&) {}, [] {});
    hub.OnAnnounce(streams.back(), AnnounceLoad::Hello(static_cast<uint32_t>(peer)));
    for (const auto& join : load.joins(static_cast<size_t>(peer % load.groups()))) {
      hub.OnAnnounce(streams.back(), join);
    }
  }
  const AnnounceHubStats filled = hub.stats();
  const int64_t bytes = ResidentBytes(getpid()) - before;
  std::printf("peers %zu, entries %zu in %zu swarms\n", filled.streams, filled.peers,
              filled.swarms);
  std::printf("memory %.1f MiB, %.0f bytes an entry\n", static_cast<double>(bytes) / (1 << 20),
              static_cast<double>(bytes) / static_cast<double>(filled.peers));
  std::printf("records/s: %.0f while filling,\n",
              static_cast<double>(filled.records) / absl::ToDoubleSeconds(CpuTime() - start));

  start = CpuTime();
  const uint64_t written_before = written;
  absl::Duration passed;
  size_t peer = 0;
  size_t message = 0;
  do {
    const auto& renewals = load.renewals(peer % static_cast<size_t>(load.groups()));
    hub.OnAnnounce(streams[peer], renewals[message]);
    if (++message == renewals.size()) {
      message = 0;
      peer = (peer + 1) % streams.size();
    }
    passed = CpuTime() - start;
  } while (passed < absl::Seconds(options.seconds));
  const uint64_t records = hub.stats().records - filled.records;
  std::printf("           %.0f of the mix (%.0f answers/s)\n",
              static_cast<double>(records) / absl::ToDoubleSeconds(passed),
              static_cast<double>(written - written_before) / absl::ToDoubleSeconds(passed));
  std::printf("entries at the end %zu, memory %.1f MiB\n", hub.stats().peers,
              static_cast<double>(ResidentBytes(getpid()) - before) / (1 << 20));
}

}  // namespace
}  // namespace kraken::tracker

int main(int argc, char** argv) {
  kraken::tracker::Options options;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    int* const value = absl::ConsumePrefix(&argument, "--peers=")      ? &options.peers
                       : absl::ConsumePrefix(&argument, "--torrents=") ? &options.torrents
                       : absl::ConsumePrefix(&argument, "--seconds=")  ? &options.seconds
                                                                       : nullptr;
    KH_CHECK(value != nullptr && absl::SimpleAtoi(argument, value) && *value > 0);
  }
  kraken::tracker::Run(options);
}
