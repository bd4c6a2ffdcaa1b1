// The tracker's core without a network: the hub with its sessions, audiences, and hand-out, on one
// thread. What it costs to know 1,000,000 peer-torrent entries, and how many announce records it
// takes in a second. Messages come as gRPC would hand them over, each a copy, and answers go where
// gRPC would take them.
//
//   announce_benchmark [--peers=10000] [--torrents=100] [--seconds=5] [--redis=0]
//
// `--torrents` of each peer. announce_load.h says what a message holds. With `--redis=1` the swarms
// are shared in a real redis-server, and peers join no faster than it takes them; the store's
// thread and the server are counted apart.

#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kraken/base/check.h"
#include "kraken/daemon/test_origin.h"
#include "kraken/net/event_loop.h"
#include "kraken/redis/test_redis.h"
#include "kraken/rpc/announce_service.h"
#include "kraken/rpc/stream.h"
#include "kraken/tracker/announce_hub.h"
#include "kraken/tracker/announce_load.h"
#include "kraken/tracker/redis_peer_store.h"

namespace kraken::tracker {
namespace {

constexpr int kPeersPerSwarm = 500;

struct Options {
  int peers = 10'000;
  int torrents = 100;
  int seconds = 5;
  int redis = 0;
};

absl::Duration CpuTime(clockid_t clock = CLOCK_THREAD_CPUTIME_ID) {
  timespec time;
  KH_CHECK(clock_gettime(clock, &time) == 0);
  return absl::DurationFromTimespec(time);
}

// Of all processes that this one has started and that have ended.
absl::Duration CpuTimeOfChildren() {
  rusage usage{};
  KH_CHECK(getrusage(RUSAGE_CHILDREN, &usage) == 0);
  return absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
}

// A redis-server, and the hub's way to it.
class SharedStore {
 public:
  SharedStore(net::EventLoop* loop, AnnounceHub* hub) : loop_(*loop), hub_(*hub) {
    redis_.Start();
    store_ = std::make_unique<RedisPeerStore>(
        loop, RedisPeerStoreOptions{.redis = redis_.options()}, hub);
    hub->SetStore(store_.get());
    while (!store_->stats().up) TurnAndWait();
  }
  ~SharedStore() { hub_.SetStore(nullptr); }

  // What a tracker's loop does between two messages.
  void Turn() {
    loop_.Stop();
    loop_.Run();
  }
  // Waits as long as `records`, since `start`, would be more than Redis takes.
  void Pace(uint64_t records, absl::Time start) {
    constexpr double kRecordsPerSecond = 30'000;
    const absl::Duration least = absl::Seconds(static_cast<double>(records) / kRecordsPerSecond);
    do {
      Turn();
      absl::SleepFor(std::min(start + least - absl::Now(), absl::Milliseconds(2)));
    } while (absl::Now() - start < least);
  }
  // Until nothing is written any more.
  void Settle() {
    uint64_t before = 0;
    do {
      before = store_->stats().written;
      for (int i = 0; i < 100; ++i) TurnAndWait();
    } while (store_->stats().written != before);
  }
  PeerStoreStats stats() const { return store_->stats(); }
  // Ends it; returns what the server has used.
  absl::Duration Kill() {
    const absl::Duration before = CpuTimeOfChildren();
    redis_.Kill();
    return CpuTimeOfChildren() - before;
  }

 private:
  void TurnAndWait() {
    Turn();
    absl::SleepFor(absl::Milliseconds(2));
  }

  net::EventLoop& loop_;
  AnnounceHub& hub_;
  redis::TestRedis redis_;
  std::unique_ptr<RedisPeerStore> store_;
};

void PrintShared(const char* what, const PeerStoreStats& before, const PeerStoreStats& after,
                 absl::Duration store_cpu, absl::Duration passed) {
  std::printf(
      "Redis, %s: %lu entries written, %lu dropped; the store's thread %.2f s of CPU, "
      "%.2f of the core's time\n",
      what, after.written - before.written, after.dropped - before.dropped,
      absl::ToDoubleSeconds(store_cpu), absl::FDivDuration(store_cpu, passed));
}

void Run(const Options& options) {
  const AnnounceLoad load(std::max(1, options.peers / kPeersPerSwarm), options.torrents);
  net::EventLoop loop;
  daemon::OriginAccess access(&loop, {"127.0.0.1:1"}, /*max_replica=*/3);
  TrackerServerConfig config;
  // The benchmark measures announces, and decides itself how long it takes to come round.
  config.lease = absl::Hours(1);
  config.peer_timeout = absl::Hours(1);
  AnnounceHub hub(&loop, &access.client, access.cluster.get(), config);
  std::unique_ptr<SharedStore> shared;
  if (options.redis != 0) shared = std::make_unique<SharedStore>(&loop, &hub);
  const auto others_cpu = [] { return CpuTime(CLOCK_PROCESS_CPUTIME_ID) - CpuTime(); };

  const int64_t before = ResidentBytes(getpid());
  std::vector<std::shared_ptr<rpc::AnnounceOutlet>> streams;
  uint64_t written = 0;
  absl::Duration start = CpuTime();
  absl::Duration store_cpu = others_cpu();
  const absl::Time began = absl::Now();
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
    if (shared != nullptr) shared->Pace(hub.stats().records, began);
  }
  const AnnounceHubStats filled = hub.stats();
  const int64_t bytes = ResidentBytes(getpid()) - before;
  std::printf("peers %zu, entries %zu in %zu swarms\n", filled.streams, filled.peers,
              filled.swarms);
  std::printf("memory %.1f MiB, %.0f bytes an entry\n", static_cast<double>(bytes) / (1 << 20),
              static_cast<double>(bytes) / static_cast<double>(filled.peers));
  std::printf("records/s: %.0f while filling,\n",
              static_cast<double>(filled.records) / absl::ToDoubleSeconds(CpuTime() - start));
  PeerStoreStats stored;
  if (shared != nullptr) {
    shared->Settle();
    PrintShared("while filling", stored, shared->stats(), others_cpu() - store_cpu,
                CpuTime() - start);
    stored = shared->stats();
    store_cpu = others_cpu();
  }

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
      if (shared != nullptr) shared->Turn();
    }
    passed = CpuTime() - start;
  } while (passed < absl::Seconds(options.seconds));
  const uint64_t records = hub.stats().records - filled.records;
  std::printf("           %.0f of the mix (%.0f answers/s)\n",
              static_cast<double>(records) / absl::ToDoubleSeconds(passed),
              static_cast<double>(written - written_before) / absl::ToDoubleSeconds(passed));
  if (shared != nullptr) {
    shared->Settle();
    PrintShared("the mix", stored, shared->stats(), others_cpu() - store_cpu, passed);
    const uint64_t written = shared->stats().written;
    std::printf("redis-server in all: %.2f s of CPU for %lu entries\n",
                absl::ToDoubleSeconds(shared->Kill()), written);
  }
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
                       : absl::ConsumePrefix(&argument, "--redis=")    ? &options.redis
                                                                       : nullptr;
    KH_CHECK(value != nullptr && absl::SimpleAtoi(argument, value) && *value >= 0);
  }
  KH_CHECK(options.peers > 0 && options.torrents > 0);
  kraken::tracker::Run(options);
}
