// The tracker's hand-out with many peers in many swarms: what an entry costs, and how many announce
// records it takes in a second, on one core.
//
//   hand_out_benchmark [--entries=1000000] [--peers=10000] [--seconds=3]
//
// Each row runs for so many seconds of the core's time; virtual time goes on so that every entry is
// renewed every 5 s, as the engine's announces do. The mix: of a hundred records 84 are renewals of
// peers that want nobody, 8 of such that want 20, 4 completions, 2 leaves and 2 joins that want 20.

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "kraken/base/check.h"
#include "kraken/base/random.h"
#include "kraken/swarm/hand_out.h"

namespace kraken::swarm {
namespace {

constexpr int kWant = 20;
constexpr uint16_t kZones = 4;
constexpr int64_t kRenewalNanos = 5 * kNanosPerSecond;
constexpr int kRecordsPerClockRead = 1'000;

struct Options {
  int64_t entries = 1'000'000;
  int64_t peers = 10'000;
  int64_t seconds = 3;
};

int64_t ResidentBytes() {
  int64_t size = 0;
  int64_t resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

absl::Duration CpuTime() {
  timespec time;
  KH_CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0);
  return absl::DurationFromTimespec(time);
}

// Who announces what: peers, swarms, and which peer is in which swarm.
class Load {
 public:
  explicit Load(const Options& options)
      : options_(options), swarms_(static_cast<uint64_t>(options.entries / 500 + 1)) {
    for (int64_t i = 0; i < options.peers; ++i) {
      PeerInfo peer;
      peer.id = PeerId::Random(random_);
      peer.ip = absl::StrCat("10.", i >> 16, ".", (i >> 8) & 0xff, ".", i & 0xff);
      peer.port = 16001;
      peer.zone = static_cast<uint16_t>(1 + i % kZones);
      peers_.push_back(std::move(peer));
    }
    members_.reserve(static_cast<size_t>(options.entries));
  }

  // Returns the bytes that the process has grown by. A part of each swarm is complete.
  int64_t Fill() {
    const int64_t before = ResidentBytes();
    while (members_.size() < static_cast<size_t>(options_.entries)) {
      const Member member = Draw();
      const size_t known = hand_out_.entry_count();
      Say(member, random_.Bernoulli(0.5) ? AnnounceEvent::kComplete : AnnounceEvent::kJoin, 0);
      if (hand_out_.entry_count() > known) members_.push_back(member);
    }
    random_.Shuffle(members_);
    return ResidentBytes() - before;
  }

  // Announces for the measured time; returns records per second.
  template <typename Step>
  double Measure(Step step) {
    const absl::Duration start = CpuTime();
    absl::Duration passed;
    uint64_t records = 0;
    do {
      for (int i = 0; i < kRecordsPerClockRead; ++i) records += step();
      passed = CpuTime() - start;
    } while (passed < absl::Seconds(options_.seconds));
    return static_cast<double>(records) / absl::ToDoubleSeconds(passed);
  }

  // The steps. Each returns how many records it was.
  template <AnnounceEvent event>
  uint64_t Renew(uint32_t want) {
    Say(members_[cursor_], event, static_cast<int>(want));
    Next();
    return 1;
  }
  uint64_t LeaveAndJoin() {
    Say(members_[cursor_], AnnounceEvent::kLeave, 0);
    members_[cursor_] = Draw();
    Say(members_[cursor_], AnnounceEvent::kJoin, kWant);
    Next();
    return 2;
  }
  uint64_t Mix() {
    const uint64_t chance = random_.Uniform(98);
    if (chance < 84) return Renew<AnnounceEvent::kProgress>(0);
    if (chance < 92) return Renew<AnnounceEvent::kProgress>(kWant);
    if (chance < 96) return Renew<AnnounceEvent::kComplete>(0);
    return LeaveAndJoin();
  }

  const HandOut& hand_out() const { return hand_out_; }

 private:
  struct Member {
    uint32_t peer = 0;
    uint32_t swarm = 0;
  };

  // Popular swarms are larger than others.
  Member Draw() {
    const double at = random_.UniformDouble();
    return {.peer = static_cast<uint32_t>(random_.Uniform(peers_.size())),
            .swarm = static_cast<uint32_t>(at * at * static_cast<double>(swarms_))};
  }

  void Say(const Member& member, AnnounceEvent event, int want) {
    AnnounceRecord record;
    Digest::Bytes bytes{};
    for (size_t i = 0; i < sizeof(member.swarm); ++i) {
      bytes[i] = static_cast<uint8_t>(member.swarm >> (8 * i));
    }
    record.key = {Digest::FromBytes(bytes), ByteCount(4 << 20)};
    record.event = event;
    record.have = PieceCount(1);
    record.piece_count = PieceCount(700);
    record.want_peers = want;
    handed_out_ += hand_out_.Announce(now_, peers_[member.peer], record).peers.size();
  }

  void Next() {
    cursor_ = (cursor_ + 1) % members_.size();
    now_ = now_ + kRenewalNanos / options_.entries;
    if (now_ < next_sweep_) return;
    hand_out_.Sweep(now_);
    next_sweep_ = now_ + kNanosPerSecond;
  }

  const Options options_;
  const uint64_t swarms_;
  SeededBitGen random_{1};
  std::vector<PeerInfo> peers_;
  std::vector<Member> members_;
  size_t cursor_ = 0;
  uint64_t handed_out_ = 0;
  Instant now_;
  Instant next_sweep_;
  HandOut hand_out_{HandOutConfig(), &random_};
};

void Run(const Options& options) {
  Load load(options);
  const double bytes = static_cast<double>(load.Fill());
  const double entries = static_cast<double>(load.hand_out().entry_count());
  std::printf("entries %.0f of %ld peers in %zu swarms\n", entries, options.peers,
              load.hand_out().swarm_count());
  std::printf("memory  %.1f MiB, %.0f bytes an entry\n", bytes / (1 << 20), bytes / entries);
  std::printf("%-36s  records/s\n", "records");
  const auto print = [](const char* what, double rate) {
    std::printf("%-36s  %9.0f\n", what, rate);
  };
  print("renewals, no peers wanted",
        load.Measure([&] { return load.Renew<AnnounceEvent::kProgress>(0); }));
  print("renewals, 20 peers wanted",
        load.Measure([&] { return load.Renew<AnnounceEvent::kProgress>(kWant); }));
  print("leave, then join with 20 peers wanted", load.Measure([&] { return load.LeaveAndJoin(); }));
  print("the mix", load.Measure([&] { return load.Mix(); }));
  std::printf("entries at the end %zu\n", load.hand_out().entry_count());
}

}  // namespace
}  // namespace kraken::swarm

int main(int argc, char** argv) {
  kraken::swarm::Options options;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    if (absl::ConsumePrefix(&argument, "--entries=")) {
      KH_CHECK(absl::SimpleAtoi(argument, &options.entries));
    } else if (absl::ConsumePrefix(&argument, "--peers=")) {
      KH_CHECK(absl::SimpleAtoi(argument, &options.peers));
    } else {
      KH_CHECK(absl::ConsumePrefix(&argument, "--seconds=") &&
               absl::SimpleAtoi(argument, &options.seconds));
    }
  }
  KH_CHECK(options.entries > 0 && options.peers > 0 && options.seconds > 0);
  kraken::swarm::Run(options);
}
