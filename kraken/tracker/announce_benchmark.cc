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
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
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

absl::Duration OthersCpuTime() { return CpuTime(CLOCK_PROCESS_CPUTIME_ID) - CpuTime(); }

// A hub, and peers that announce to it as fast as it takes it.
class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        load_(std::max(1, options.peers / kPeersPerSwarm), options.torrents),
        access_(&loop_, {"127.0.0.1:1"}, /*max_replica=*/3),
        hub_(&loop_, &access_.client, access_.cluster.get(), Config()) {
    if (options.redis != 0) shared_ = std::make_unique<SharedStore>(&loop_, &hub_);
  }

  void Run() {
    Fill();
    Mix();
    std::printf("entries at the end %zu, memory %.1f MiB\n", hub_.stats().peers,
                static_cast<double>(ResidentBytes(getpid()) - before_) / (1 << 20));
  }

 private:
  static TrackerServerConfig Config() {
    TrackerServerConfig config;
    // The benchmark measures announces, and decides itself how long it takes to come round.
    config.lease = absl::Hours(1);
    config.peer_timeout = absl::Hours(1);
    return config;
  }

  void Connect(int peer) {
    streams_.push_back(std::make_shared<rpc::AnnounceOutlet>(rpc::kMaxQueuedMessages));
    rpc::AnnounceOutlet* stream = streams_.back().get();
    stream->Attach(
        [this, stream](const rpc::v1::AnnounceReply*) {
          ++written_;
          stream->OnWriteDone(true);
        },
        [](const absl::Status&) {}, [] {});
    hub_.OnAnnounce(streams_.back(), AnnounceLoad::Hello(static_cast<uint32_t>(peer)));
    for (const auto& join : load_.joins(static_cast<size_t>(peer % load_.groups()))) {
      hub_.OnAnnounce(streams_.back(), join);
    }
  }

  void Fill() {
    const absl::Duration start = CpuTime();
    const absl::Duration store_cpu = OthersCpuTime();
    const absl::Time began = absl::Now();
    for (int peer = 0; peer < options_.peers; ++peer) {
      Connect(peer);
      if (shared_ != nullptr) shared_->Pace(hub_.stats().records, began);
    }
    const AnnounceHubStats filled = hub_.stats();
    const int64_t bytes = ResidentBytes(getpid()) - before_;
    std::printf("peers %zu, entries %zu in %zu swarms\n", filled.streams, filled.peers,
                filled.swarms);
    std::printf("memory %.1f MiB, %.0f bytes an entry\n", static_cast<double>(bytes) / (1 << 20),
                static_cast<double>(bytes) / static_cast<double>(filled.peers));
    std::printf("records/s: %.0f while filling,\n",
                static_cast<double>(filled.records) / absl::ToDoubleSeconds(CpuTime() - start));
    if (shared_ == nullptr) return;
    shared_->Settle();
    PrintShared("while filling", stored_, shared_->stats(), OthersCpuTime() - store_cpu,
                CpuTime() - start);
    stored_ = shared_->stats();
  }

  void Mix() {
    const absl::Duration start = CpuTime();
    const absl::Duration store_cpu = OthersCpuTime();
    const uint64_t records_before = hub_.stats().records;
    const uint64_t written_before = written_;
    absl::Duration passed;
    size_t peer = 0;
    size_t message = 0;
    do {
      const auto& renewals = load_.renewals(peer % static_cast<size_t>(load_.groups()));
      hub_.OnAnnounce(streams_[peer], renewals[message]);
      if (++message == renewals.size()) {
        message = 0;
        peer = (peer + 1) % streams_.size();
        if (shared_ != nullptr) shared_->Turn();
      }
      passed = CpuTime() - start;
    } while (passed < absl::Seconds(options_.seconds));
    const uint64_t records = hub_.stats().records - records_before;
    std::printf("           %.0f of the mix (%.0f answers/s)\n",
                static_cast<double>(records) / absl::ToDoubleSeconds(passed),
                static_cast<double>(written_ - written_before) / absl::ToDoubleSeconds(passed));
    if (shared_ == nullptr) return;
    shared_->Settle();
    PrintShared("the mix", stored_, shared_->stats(), OthersCpuTime() - store_cpu, passed);
    const uint64_t written = shared_->stats().written;
    std::printf("redis-server in all: %.2f s of CPU for %lu entries\n",
                absl::ToDoubleSeconds(shared_->Kill()), written);
  }

  const Options options_;
  const AnnounceLoad load_;
  net::EventLoop loop_;
  daemon::OriginAccess access_;
  AnnounceHub hub_;
  std::unique_ptr<SharedStore> shared_;
  const int64_t before_ = ResidentBytes(getpid());
  uint64_t written_ = 0;
  std::vector<std::shared_ptr<rpc::AnnounceOutlet>> streams_;
  PeerStoreStats stored_;
};

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
  kraken::tracker::Bench(options).Run();
}
