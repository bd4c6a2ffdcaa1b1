// How soon events are acknowledged, each durable before its 2xx, beside a bare loop that syncs as
// many records as there are events when they are due: on a quiet disk, and while the same disk is
// being filled. Medians of pairs, with the spread.
//
//   bazel run //harbor_bridge:intake_benchmark -- --dir=/var/tmp --rate=2000 --pairs=9
//
// Senders open a new connection for each event, as registries do, and send it when it is due: an
// event that had to wait for its sender counts its wait. Journal, queue and HTTP server are those
// of the bridge; nobody does the work.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/work/body_budget.h"
#include "harbor_bridge/work/intake.h"
#include "harbor_bridge/work/quarantine.h"
#include "kraken/base/check.h"
#include "kraken/base/median.h"
#include "kraken/base/unique_fd.h"
#include "kraken/config/flags.h"
#include "kraken/daemon/admin_gate.h"
#include "kraken/net/http_server.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/raw_connection.h"
#include "kraken/net/router.h"
#include "kraken/storage/crash/scratch_tree.h"
#include "kraken/storage/job_queue.h"
#include "kraken/storage/journal.h"
#include "re2/re2.h"

namespace harbor_bridge {
namespace {

constexpr size_t kRecordBytes = 1024;
constexpr size_t kBareFileBytes = 64 << 20;
constexpr size_t kFillBlockBytes = 1 << 20;
constexpr char kDigest[] =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct Options {
  std::string dir = "/var/tmp";
  int rate = 2000;
  int seconds = 5;
  int pairs = 9;
  int senders = 32;
  int fill_gib = 4;
};

struct Sample {
  std::vector<absl::Duration> latencies;

  absl::Duration Quantile(double q) {
    if (latencies.empty()) return absl::ZeroDuration();
    const auto index = static_cast<size_t>(q * static_cast<double>(latencies.size() - 1));
    std::nth_element(latencies.begin(), latencies.begin() + static_cast<std::ptrdiff_t>(index),
                     latencies.end());
    return latencies[index];
  }
};

constexpr double kQuantiles[] = {0.5, 0.99, 0.999};

std::string Told(const std::vector<double>& values) {
  const auto told = kraken::MedianAndSpread::Of(values);
  return absl::StrFormat("%.2f (%.2f-%.2f)", told.median, told.least, told.most);
}

// One quantile of all rounds, in milliseconds.
struct Rounds {
  std::vector<double> bare;
  std::vector<double> events;

  std::vector<double> Ratios() const {
    std::vector<double> ratios;
    for (size_t i = 0; i < bare.size(); ++i) ratios.push_back(events[i] / bare[i]);
    return ratios;
  }
};

// Fills the disk in the background: writes as fast as it may, over and over within one file.
class Filler {
 public:
  Filler(const std::string& dir, int gib)
      : path_(absl::StrCat(dir, "/fill")),
        file_(::open(path_.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600)) {
    KH_CHECK(file_.valid());
    thread_ = std::thread([this, limit = static_cast<int64_t>(gib) << 30] {
      const std::string block(kFillBlockBytes, 'x');
      for (int64_t offset = 0; !stop_;
           offset = (offset + static_cast<int64_t>(kFillBlockBytes)) % limit) {
        if (offset == 0) KH_CHECK(::ftruncate(file_.get(), 0) == 0);
        KH_CHECK(::pwrite(file_.get(), block.data(), block.size(), offset) ==
                 static_cast<ssize_t>(block.size()));
        written_ += static_cast<int64_t>(block.size());
      }
    });
  }
  ~Filler() {
    stop_ = true;
    thread_.join();
    ::unlink(path_.c_str());
  }
  int64_t written() const { return written_; }

 private:
  const std::string path_;
  const kraken::UniqueFd file_;
  std::atomic<bool> stop_{false};
  std::atomic<int64_t> written_{0};
  std::thread thread_;
};

// What a disk allows: records are due as the events are, one thread writes all that are due, syncs
// them together, and has nothing else to do.
Sample SyncBare(const Options& options) {
  const std::string path = absl::StrCat(options.dir, "/bare");
  const kraken::UniqueFd file(::open(path.c_str(), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600));
  KH_CHECK(file.valid());
  const std::string zeros(kFillBlockBytes, '\0');
  for (size_t offset = 0; offset < kBareFileBytes; offset += zeros.size()) {
    KH_CHECK(::pwrite(file.get(), zeros.data(), zeros.size(), static_cast<off_t>(offset)) ==
             static_cast<ssize_t>(zeros.size()));
  }
  KH_CHECK(::fsync(file.get()) == 0);
  const std::string record(kRecordBytes, 'r');
  const int total = options.rate * options.seconds;
  const absl::Duration interval = absl::Seconds(1) / options.rate;
  Sample sample;
  const absl::Time begin = absl::Now();
  size_t offset = 0;
  for (int next = 0; next < total;) {
    absl::SleepFor(begin + interval * next - absl::Now());
    const int first = next;
    for (const absl::Time now = absl::Now(); next < total && begin + interval * next <= now;
         ++next) {
      KH_CHECK(::pwrite(file.get(), record.data(), record.size(), static_cast<off_t>(offset)) ==
               static_cast<ssize_t>(record.size()));
      offset = (offset + record.size()) % kBareFileBytes;
    }
    if (next == first) continue;
    KH_CHECK(::fdatasync(file.get()) == 0);
    const absl::Time end = absl::Now();
    for (int i = first; i < next; ++i) sample.latencies.push_back(end - begin - interval * i);
  }
  ::unlink(path.c_str());
  return sample;
}

// The bridge's front door.
class FrontDoor {
 public:
  explicit FrontDoor(const std::string& dir) {
    std::vector<Harbor> harbors(1);
    harbors[0].name = "eu";
    harbors[0].plain = std::make_shared<const re2::RE2>(".*");
    harbors_ = std::make_unique<Harbors>(std::move(harbors));
    auto journal = kraken::storage::Journal::Open({.path = dir + "/journal"});
    KH_CHECK(journal.ok());
    journal_ = *std::move(journal);
    auto queue = kraken::storage::JobQueue::Open({.path = dir + "/jobs.db"});
    KH_CHECK(queue.ok());
    queue_ = *std::move(queue);
    auto quarantine = Quarantine::Open({.path = dir + "/quarantine.db"});
    KH_CHECK(quarantine.ok());
    quarantine_ = *std::move(quarantine);
    intake_ = std::make_unique<Intake>(
        Intake::Parts{.harbors = harbors_.get(),
                      .journal = journal_.get(),
                      .queue = queue_.get(),
                      .quarantine = quarantine_.get(),
                      .bodies = &bodies_,
                      .gate = &gate_,
                      .reconcile = [](const std::string&, const std::string&) {}});
    intake_->AddRoutes(router_);
    server_ = std::make_unique<kraken::net::HttpServer>(
        std::vector<kraken::net::EventLoop*>{&loop_.loop()}, kraken::net::HttpServerOptions(),
        router_.AsHandler());
    auto address = server_->Listen("127.0.0.1:0");
    KH_CHECK(address.ok());
    address_ = *address;
  }
  ~FrontDoor() {
    server_.reset();
    intake_.reset();
    journal_.reset();
    queue_.reset();
  }

  const kraken::net::SocketAddress& address() const { return address_; }
  // Events that became work, and those that still wait for it.
  uint64_t events() const { return intake_->stats().events; }
  int64_t waiting() { return journal_->Size().value_or(-1); }

 private:
  std::unique_ptr<Harbors> harbors_;
  BodyBudget bodies_{kMaxBodiesBytes};
  kraken::net::LoopThread loop_{"http"};
  std::unique_ptr<kraken::storage::Journal> journal_;
  std::unique_ptr<kraken::storage::JobQueue> queue_;
  std::unique_ptr<Quarantine> quarantine_;
  kraken::daemon::AdminGate gate_{kraken::daemon::AdminConfig()};
  std::unique_ptr<Intake> intake_;
  kraken::net::Router router_;
  kraken::net::SocketAddress address_;
  std::unique_ptr<kraken::net::HttpServer> server_;
};

// A push of an image of its own, with references, as registry 2.8 sends it.
std::string Request(int number) {
  const std::string references = absl::StrCat(
      R"({"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":31415926,"digest":")",
      kDigest, R"("})");
  const std::string body = absl::StrCat(
      R"({"events":[{"id":"4cea551e-1266-44d3-ac47-918c5f8cff09","timestamp":)",
      R"("2026-11-24T18:55:09.374156923Z","action":"push","target":{"mediaType":)",
      R"("application/vnd.oci.image.manifest.v1+json","size":412,"digest":")", kDigest,
      R"(","length":412,"repository":"library/image-)", number, R"(","url":)",
      R"("http://harbor/v2/library/image/manifests/x","tag":"v1","references":[)", references, ",",
      references, R"(]},"request":{"method":"PUT"},"actor":{"name":"harbor_registry_user"},)",
      R"("source":{"addr":"registry:5000","instanceID":"ec02e11d"}}]})");
  return absl::StrCat("POST /registry/notifications HTTP/1.1\r\nHost: bridge\r\n",
                      "User-Agent: Go-http-client/1.1\r\nConnection: close\r\n",
                      "Content-Type: application/vnd.docker.distribution.events.v1+json\r\n",
                      "Content-Length: ", body.size(), "\r\n\r\n", body);
}

Sample SendEvents(const Options& options, FrontDoor& door, int first_number) {
  const int total = options.rate * options.seconds;
  const absl::Duration interval = absl::Seconds(1) / options.rate;
  std::vector<Sample> samples(static_cast<size_t>(options.senders));
  std::vector<std::thread> threads;
  std::atomic<int> next{0};
  std::atomic<int> refused{0};
  const absl::Time begin = absl::Now() + absl::Milliseconds(10);
  for (Sample& sample : samples) {
    threads.emplace_back([&] {
      for (int i = next++; i < total; i = next++) {
        const absl::Time due = begin + interval * i;
        absl::SleepFor(due - absl::Now());
        kraken::net::RawConnection connection(door.address());
        connection.Send(Request(first_number + i));
        if (!absl::StartsWith(connection.ReadToEnd(), "HTTP/1.1 202 ")) ++refused;
        sample.latencies.push_back(absl::Now() - due);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Sample all;
  for (Sample& sample : samples) {
    all.latencies.insert(all.latencies.end(), sample.latencies.begin(), sample.latencies.end());
  }
  if (refused > 0) std::printf("%d events were refused\n", refused.load());
  return all;
}

// Rounds of the bare loop and of events, one after the other.
void Measure(const Options& options, FrontDoor& door, bool filling) {
  std::printf("%s\n  %-8s %26s %26s %20s\n",
              filling ? "while the disk is being filled" : "quiet disk", "", "bare loop, ms",
              "events, ms", "ratio");
  std::unique_ptr<Filler> filler;
  if (filling) filler = std::make_unique<Filler>(options.dir, options.fill_gib);
  const absl::Time begin = absl::Now();
  Rounds rounds[std::size(kQuantiles)];
  const int events_a_round = options.rate * options.seconds;
  for (int round = 0; round < options.pairs; ++round) {
    Sample bare = SyncBare(options);
    const int number = (filling ? options.pairs + round : round) * events_a_round;
    Sample events = SendEvents(options, door, number);
    for (size_t i = 0; i < std::size(kQuantiles); ++i) {
      rounds[i].bare.push_back(absl::ToDoubleMilliseconds(bare.Quantile(kQuantiles[i])));
      rounds[i].events.push_back(absl::ToDoubleMilliseconds(events.Quantile(kQuantiles[i])));
    }
  }
  for (size_t i = 0; i < std::size(kQuantiles); ++i) {
    absl::PrintF("  p%-7g %26s %26s %20s\n", kQuantiles[i] * 100, Told(rounds[i].bare),
                 Told(rounds[i].events), Told(rounds[i].Ratios()));
  }
  if (filling) {
    std::printf("  filled with %.0f MB/s\n", static_cast<double>(filler->written()) / 1e6 /
                                                 absl::ToDoubleSeconds(absl::Now() - begin));
  }
  std::fflush(stdout);
}

void Main(Options options) {
  options.dir = absl::StrCat(options.dir, "/intake_benchmark.", getpid());
  KH_CHECK(::mkdir(options.dir.c_str(), 0700) == 0);
  double load[1] = {};
  KH_CHECK(getloadavg(load, 1) == 1);
  std::printf("%d senders, %d events/s, a connection each, %d pairs of %d s; load before: %.2f\n",
              options.senders, options.rate, options.pairs, options.seconds, load[0]);
  {
    FrontDoor door(options.dir);
    Measure(options, door, /*filling=*/false);
    Measure(options, door, /*filling=*/true);
    std::printf("events that became work: %lld; journalled and not yet work: %lld\n",
                static_cast<long long>(door.events()), static_cast<long long>(door.waiting()));
  }
  kraken::storage::RemoveTree(options.dir);
}

}  // namespace
}  // namespace harbor_bridge

int main(int argc, char** argv) {
  harbor_bridge::Options options;
  kraken::config::FlagSet flags("intake_benchmark", "How soon events are acknowledged.");
  flags.String("dir", &options.dir, "a folder on the disk that is measured");
  flags.Int("rate", &options.rate, 1, 100'000, "events per second");
  flags.Int("seconds", &options.seconds, 1, 3600, "how long a round takes");
  flags.Int("pairs", &options.pairs, 1, 1000, "rounds of the bare loop and of events");
  flags.Int("senders", &options.senders, 1, 1000, "threads that send");
  flags.Int("fill-gib", &options.fill_gib, 1, 1000, "size of the file that fills the disk");
  flags.ParseOrExit(argc, argv);
  harbor_bridge::Main(std::move(options));
  return 0;
}
