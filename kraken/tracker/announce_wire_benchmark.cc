// A whole tracker's announce service over mutual TLS: a process that is pinned to one core, its
// gRPC threads included, and clients on another.
//
//   announce_wire_benchmark [--streams=500] [--torrents=2000] [--seconds=5] [--rate=100000]
//                           [--samples=2000] [--idle=10000] [--server_core=1] [--client_core=0]
//                           [--redis=0]
//
//   flat out   `streams` peers, each in `torrents` swarms, send messages of 64 records one after
//   the
//              other: records that the tracker takes in a second, on its core
//   paced      the same at `rate` records a second; the tracker's CPU time
//   push       meanwhile: from a newcomer's announce to the push at a peer that waits for one, both
//              ends measured on the clients' core
//   idle       memory and CPU time of `idle` streams that only say that they live
//
// Clients and server are processes of their own; what a message holds is said in announce_load.h.
// With `--redis=1` the tracker of the loaded streams shares its swarms in a real redis-server,
// which has the clients' core.

#include <grpcpp/grpcpp.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kraken/base/check.h"
#include "kraken/base/test_util.h"
#include "kraken/daemon/test_origin.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/test_certificates.h"
#include "kraken/redis/test_redis.h"
#include "kraken/rpc/announce_service.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/credentials.h"
#include "kraken/rpc/rpc_server.h"
#include "kraken/rpc/tracker.grpc.pb.h"
#include "kraken/tracker/announce_hub.h"
#include "kraken/tracker/announce_load.h"
#include "kraken/tracker/redis_peer_store.h"

namespace kraken::tracker {
namespace {

using rpc::v1::AnnounceRecord;
using rpc::v1::AnnounceReply;
using rpc::v1::AnnounceRequest;

struct Flags {
  int streams = 500;
  int torrents = 2'000;
  int seconds = 5;
  int rate = 100'000;
  int samples = 2'000;
  int idle = 10'000;
  int server_core = 1;
  int client_core = 0;
  int redis = 0;
};

void PinTo(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<size_t>(core), &cores);
  KH_CHECK(sched_setaffinity(0, sizeof(cores), &cores) == 0);
}

absl::Duration ProcessCpuTime() {
  timespec time;
  KH_CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0);
  return absl::DurationFromTimespec(time);
}

// ---- The server's process ----

struct ServerReport {
  uint64_t records = 0;
  uint64_t streams = 0;
  uint64_t entries = 0;
  int64_t cpu_nanos = 0;
  PeerStoreStats store;
};

template <typename T>
void WriteAll(int fd, const T& value) {
  KH_CHECK(write(fd, &value, sizeof(value)) == static_cast<ssize_t>(sizeof(value)));
}
template <typename T>
bool ReadAll(int fd, T* value) {
  return read(fd, value, sizeof(*value)) == static_cast<ssize_t>(sizeof(*value));
}

// Says its port, then reports for each byte that it reads, until there are no more. `redis`: null
// for none.
void RunServer(int core, const std::shared_ptr<rpc::Certificates>& tls,
               const redis::RedisClientOptions* redis, int requests, int reports) {
  PinTo(core);
  net::LoopThread loop("tracker");
  std::unique_ptr<daemon::OriginAccess> access;
  std::unique_ptr<AnnounceHub> hub;
  std::unique_ptr<RedisPeerStore> store;
  loop.RunAndWait([&] {
    access = std::make_unique<daemon::OriginAccess>(&loop.loop(),
                                                    std::vector<std::string>{"127.0.0.1:1"},
                                                    /*max_replica=*/3);
    TrackerServerConfig config;
    // What the clients make of their time is theirs.
    config.lease = absl::Hours(1);
    config.peer_timeout = absl::Hours(1);
    hub =
        std::make_unique<AnnounceHub>(&loop.loop(), &access->client, access->cluster.get(), config);
    if (redis == nullptr) return;
    store = std::make_unique<RedisPeerStore>(&loop.loop(), RedisPeerStoreOptions{.redis = *redis},
                                             hub.get());
    hub->SetStore(store.get());
  });
  rpc::AnnounceService service(loop.loop().handle(), hub.get());
  auto server = rpc::RpcServer::Start({.address = "127.0.0.1:0", .tls = tls}, {&service});
  KH_CHECK(server.ok());
  WriteAll(reports, (*server)->port());
  char request = 0;
  while (ReadAll(requests, &request)) {
    ServerReport report;
    loop.RunAndWait([&] {
      const AnnounceHubStats stats = hub->stats();
      report = {.records = stats.records, .streams = stats.streams, .entries = stats.peers};
      if (store != nullptr) report.store = store->stats();
    });
    report.cpu_nanos = absl::ToInt64Nanoseconds(ProcessCpuTime());
    WriteAll(reports, report);
  }
  (*server)->Shutdown(absl::ZeroDuration());
  loop.RunAndWait([&] {
    hub->SetStore(nullptr);
    store.reset();
    hub.reset();
    access.reset();
  });
}

class Server {
 public:
  // Forks: before anything of gRPC.
  Server(int core, const std::shared_ptr<rpc::Certificates>& tls,
         const redis::RedisClientOptions* redis) {
    int requests[2];
    int reports[2];
    KH_CHECK(pipe(requests) == 0 && pipe(reports) == 0);
    pid_ = fork();
    KH_CHECK(pid_ >= 0);
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      close(requests[1]);
      close(reports[0]);
      RunServer(core, tls, redis, requests[0], reports[1]);
      _exit(0);
    }
    close(requests[0]);
    close(reports[1]);
    requests_ = requests[1];
    reports_ = reports[0];
    KH_CHECK(ReadAll(reports_, &port_));
  }
  ~Server() {
    close(requests_);
    waitpid(pid_, nullptr, 0);
    close(reports_);
  }

  int port() const { return port_; }
  int64_t resident_bytes() const { return ResidentBytes(pid_); }
  ServerReport Report() const {
    WriteAll(requests_, 'r');
    ServerReport report;
    KH_CHECK(ReadAll(reports_, &report));
    return report;
  }

 private:
  pid_t pid_ = 0;
  int requests_ = -1;
  int reports_ = -1;
  int port_ = 0;
};

// ---- The clients' process ----

// A connection of its own for each channel.
std::shared_ptr<grpc::Channel> NewChannel(int port, const std::shared_ptr<rpc::Certificates>& tls) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port),
                                   rpc::ChannelCredentials(tls).current(), arguments);
}

// A peer that sends prepared messages and throws the answers away. Thread-safe.
class LoadPeer final : public grpc::ClientBidiReactor<AnnounceRequest, AnnounceReply> {
 public:
  LoadPeer(const std::shared_ptr<grpc::Channel>& channel, uint32_t number)
      : hello_(AnnounceLoad::Hello(number)), stub_(rpc::v1::Tracker::NewStub(channel)) {
    stub_->async()->Announce(&context_, this);
    AddHold();
    StartCall();
    StartRead(&reply_);
    TrySend({&hello_});
  }
  // Blocks until the stream has ended.
  ~LoadPeer() override {
    context_.TryCancel();
    RemoveHold();
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&done_));
  }

  // Sends the messages one after the other, unless others are still being sent.
  bool TrySend(std::vector<const AnnounceRequest*> messages) {
    absl::MutexLock lock(&mu_);
    if (!messages_.empty()) return false;
    messages_ = std::move(messages);
    next_ = 0;
    StartWrite(messages_[next_]);
    return true;
  }
  // Goes on for ever with the messages that it is given, until told otherwise.
  void Repeat(bool repeat) { repeat_ = repeat; }
  bool idle() {
    absl::MutexLock lock(&mu_);
    return messages_.empty();
  }
  void WaitUntilConnected() {
    absl::MutexLock lock(&mu_);
    mu_.Await(absl::Condition(&connected_));
    KH_CHECK(!done_);
  }

 private:
  void OnReadDone(bool ok) override {
    absl::MutexLock lock(&mu_);
    connected_ = true;
    if (ok) StartRead(&reply_);
  }
  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mu_);
    if (++next_ == messages_.size() && repeat_) next_ = 0;
    if (!ok || next_ >= messages_.size()) {
      messages_.clear();
      return;
    }
    StartWrite(messages_[next_]);
  }
  void OnDone(const grpc::Status&) override {
    absl::MutexLock lock(&mu_);
    connected_ = true;
    done_ = true;
  }

  const AnnounceRequest hello_;
  const std::unique_ptr<rpc::v1::Tracker::Stub> stub_;
  grpc::ClientContext context_;
  AnnounceReply reply_;
  std::atomic<bool> repeat_{false};
  absl::Mutex mu_;
  std::vector<const AnnounceRequest*> messages_ ABSL_GUARDED_BY(mu_);
  size_t next_ ABSL_GUARDED_BY(mu_) = 0;
  bool connected_ ABSL_GUARDED_BY(mu_) = false;
  bool done_ ABSL_GUARDED_BY(mu_) = false;
};

using Peers = std::vector<std::unique_ptr<LoadPeer>>;

Peers Connect(const Server& server, const std::shared_ptr<rpc::Certificates>& tls, int count) {
  constexpr size_t kAtOnce = 50;
  Peers peers;
  for (int i = 0; i < count; ++i) {
    peers.push_back(
        std::make_unique<LoadPeer>(NewChannel(server.port(), tls), static_cast<uint32_t>(i)));
    if (peers.size() >= kAtOnce) peers[peers.size() - kAtOnce]->WaitUntilConnected();
  }
  for (auto& peer : peers) peer->WaitUntilConnected();
  return peers;
}

std::vector<const AnnounceRequest*> Pointers(const std::vector<AnnounceRequest>& messages) {
  std::vector<const AnnounceRequest*> pointers;
  pointers.reserve(messages.size());
  for (const AnnounceRequest& message : messages) pointers.push_back(&message);
  return pointers;
}

// What the server did between two reports.
struct Work {
  double records_per_second = 0;
  double cores = 0;
  // Entries that went into the store, and that did not.
  double stored_per_second = 0;
  uint64_t dropped = 0;
};
class Stopwatch {
 public:
  explicit Stopwatch(const Server& server)
      : server_(server), before_(server.Report()), start_(absl::Now()) {}
  Work Read() const {
    const ServerReport now = server_.Report();
    const double seconds = absl::ToDoubleSeconds(absl::Now() - start_);
    return {static_cast<double>(now.records - before_.records) / seconds,
            static_cast<double>(now.cpu_nanos - before_.cpu_nanos) / 1e9 / seconds,
            static_cast<double>(now.store.written - before_.store.written) / seconds,
            now.store.dropped - before_.store.dropped};
  }

 private:
  const Server& server_;
  const ServerReport before_;
  const absl::Time start_;
};

void PrintStored(const Work& work) {
  if (work.stored_per_second == 0 && work.dropped == 0) return;
  std::printf("                 %.0f entries/s into Redis, %lu dropped\n", work.stored_per_second,
              work.dropped);
}

// Sends at a rate, on a thread of its own, while it lives.
class Pacer {
 public:
  // `messages_of(i)` is what peer `i` sends next.
  template <typename MessageOf>
  Pacer(Peers& peers, double messages_per_second, MessageOf message_of)
      : thread_([this, &peers, messages_per_second, message_of] {
          const absl::Time start = absl::Now();
          size_t sent = 0;
          while (!stop_) {
            const auto due = static_cast<size_t>(absl::ToDoubleSeconds(absl::Now() - start) *
                                                 messages_per_second);
            for (; sent < due; ++sent) {
              if (!peers[sent % peers.size()]->TrySend({message_of(sent)})) ++missed_;
            }
            absl::SleepFor(absl::Milliseconds(1));
          }
        }) {}
  ~Pacer() {
    stop_ = true;
    thread_.join();
  }
  uint64_t missed() const { return missed_; }

 private:
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> missed_{0};
  std::thread thread_;
};

// A stream whose user waits for each answer.
class TalkingPeer {
 public:
  TalkingPeer(const Server& server, const std::shared_ptr<rpc::Certificates>& tls, uint32_t number)
      : hello_(AnnounceLoad::Hello(number)),
        stub_(rpc::v1::Tracker::NewStub(NewChannel(server.port(), tls))),
        stream_(stub_->Announce(&context_)) {}
  ~TalkingPeer() {
    context_.TryCancel();
    stream_->Finish();
  }

  // Says it and does not wait.
  void Say(const AnnounceRecord& record) {
    AnnounceRequest request = hello_;
    *request.add_records() = record;
    KH_CHECK(stream_->Write(request));
  }
  // The next answer.
  AnnounceReply Hear() {
    AnnounceReply reply;
    KH_CHECK(stream_->Read(&reply));
    return reply;
  }

 private:
  const AnnounceRequest hello_;
  grpc::ClientContext context_;
  std::unique_ptr<rpc::v1::Tracker::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<AnnounceRequest, AnnounceReply>> stream_;
};

void MeasurePushes(const char* what, const Server& server,
                   const std::shared_ptr<rpc::Certificates>& tls, int samples) {
  constexpr uint32_t kWaits = 1'000'001;
  constexpr uint32_t kComes = 1'000'002;
  TalkingPeer waits(server, tls, kWaits);
  TalkingPeer comes(server, tls, kComes);
  std::vector<double> millis;
  for (int i = 0; i < samples; ++i) {
    Digest::Bytes bytes{};
    for (size_t at = 0; at < sizeof(i); ++at) bytes[at] = static_cast<uint8_t>(i >> (8 * at));
    AnnounceRecord record;
    record.set_digest(rpc::ToBytes(Digest::FromBytes(bytes)));
    record.set_piece_length_bytes(1 << 20);
    record.set_piece_count(1);
    record.set_want_peers(1);
    waits.Say(record);
    KH_CHECK(waits.Hear().torrents().empty());
    record.set_want_peers(0);
    const absl::Time start = absl::Now();
    comes.Say(record);
    KH_CHECK(waits.Hear().torrents_size() == 1);
    millis.push_back(absl::ToDoubleMilliseconds(absl::Now() - start));
    comes.Hear();
    record.set_event(rpc::v1::ANNOUNCE_EVENT_LEAVE);
    comes.Say(record);
    comes.Hear();
    waits.Say(record);
    waits.Hear();
  }
  std::sort(millis.begin(), millis.end());
  const auto quantile = [&](double q) {
    return millis[static_cast<size_t>(q * static_cast<double>(millis.size() - 1))];
  };
  std::printf("push, %-10s p50 %.2f ms, p99 %.2f ms, max %.2f ms (%d pushes)\n", what,
              quantile(0.5), quantile(0.99), millis.back(), samples);
}

// Until the server has taken what is under way, and its store too.
void WaitUntilQuiet(const Server& server) {
  const auto done = [&] {
    const ServerReport report = server.Report();
    return report.records + report.store.written;
  };
  uint64_t before = 0;
  for (uint64_t now = done(); now != before; now = done()) {
    before = now;
    absl::SleepFor(absl::Milliseconds(200));
  }
}

void MeasureLoad(const Flags& flags, const Server& server,
                 const std::shared_ptr<rpc::Certificates>& tls) {
  const AnnounceLoad load(1, flags.torrents);
  Peers peers = Connect(server, tls, flags.streams);
  for (auto& peer : peers) {
    while (!peer->TrySend(Pointers(load.joins(0)))) absl::SleepFor(absl::Milliseconds(1));
  }
  const auto expected =
      static_cast<uint64_t>(flags.streams) * static_cast<uint64_t>(load.torrents_per_peer());
  while (server.Report().entries < expected) absl::SleepFor(absl::Milliseconds(100));
  std::printf("entries %lu of %d peers, server's memory %.1f MiB\n", expected, flags.streams,
              static_cast<double>(server.resident_bytes()) / (1 << 20));
  WaitUntilQuiet(server);
  const PeerStoreStats store = server.Report().store;
  if (store.up) std::printf("of them in Redis %lu, dropped %lu\n", store.written, store.dropped);
  MeasurePushes("no load:", server, tls, flags.samples);

  for (auto& peer : peers) {
    peer->Repeat(true);
    while (!peer->TrySend(Pointers(load.renewals(0)))) absl::SleepFor(absl::Milliseconds(1));
  }
  absl::SleepFor(absl::Seconds(1));
  {
    const Stopwatch watch(server);
    absl::SleepFor(absl::Seconds(flags.seconds));
    const Work work = watch.Read();
    std::printf("flat out         %.0f records/s, %.2f of a core\n", work.records_per_second,
                work.cores);
    PrintStored(work);
  }
  for (auto& peer : peers) peer->Repeat(false);
  for (auto& peer : peers) {
    while (!peer->idle()) absl::SleepFor(absl::Milliseconds(1));
  }
  WaitUntilQuiet(server);
  const std::vector<const AnnounceRequest*> renewals = Pointers(load.renewals(0));
  const Pacer pacer(
      peers, flags.rate / static_cast<double>(AnnounceLoad::kRecordsPerMessage),
      [&, count = peers.size()](size_t i) { return renewals[i / count % renewals.size()]; });
  absl::SleepFor(absl::Seconds(1));
  const Stopwatch watch(server);
  MeasurePushes("paced:", server, tls, flags.samples);
  const Work work = watch.Read();
  std::printf("paced            %.0f records/s, %.2f of a core, %lu messages left out\n",
              work.records_per_second, work.cores, pacer.missed());
  PrintStored(work);
}

void MeasureIdle(const Flags& flags, const Server& server,
                 const std::shared_ptr<rpc::Certificates>& tls) {
  Connect(server, tls, 1).clear();  // what the first stream needs, all share
  const int64_t before = server.resident_bytes();
  Peers peers = Connect(server, tls, flags.idle);
  const AnnounceRequest alive;
  constexpr double kHeartbeatSeconds = 2;
  const Pacer pacer(peers, flags.idle / kHeartbeatSeconds, [&](size_t) { return &alive; });
  absl::SleepFor(absl::Seconds(1));
  const Stopwatch watch(server);
  absl::SleepFor(absl::Seconds(flags.seconds));
  const Work work = watch.Read();
  const auto bytes = static_cast<double>(server.resident_bytes() - before);
  std::printf("idle             %d streams: %.1f MiB, %.1f KiB each; %.2f of a core\n", flags.idle,
              bytes / (1 << 20), bytes / flags.idle / (1 << 10), work.cores);
}

void AllowManyFiles() {
  rlimit files{};
  KH_CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0);
  files.rlim_cur = files.rlim_max;
  KH_CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
}

std::shared_ptr<rpc::Certificates> MakeCertificates() {
  net::TestCa authority(testing::TempDir(), "ca");
  const net::TlsIdentity identity = authority.Issue("node", {.ip_sans = {"127.0.0.1"}});
  auto certificates = rpc::Certificates::Load({.authority_files = {authority.ca_file()},
                                               .certificate_file = identity.certificate_file,
                                               .key_file = identity.key_file,
                                               .server_name = ""});
  KH_CHECK(certificates.ok());
  return *std::move(certificates);
}

void Run(const Flags& flags) {
  AllowManyFiles();
  const std::shared_ptr<rpc::Certificates> tls = MakeCertificates();
  redis::TestRedis redis;
  const redis::RedisClientOptions redis_options = redis.options();
  const Server for_load(flags.server_core, tls, flags.redis != 0 ? &redis_options : nullptr);
  const Server for_idle(flags.server_core, tls, nullptr);
  PinTo(flags.client_core);
  if (flags.redis != 0) {
    redis.Start();
    while (!for_load.Report().store.up) absl::SleepFor(absl::Milliseconds(10));
  }
  if (flags.streams > 0) MeasureLoad(flags, for_load, tls);
  if (flags.idle > 0) MeasureIdle(flags, for_idle, tls);
}

}  // namespace
}  // namespace kraken::tracker

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);  // a row as soon as it is known
  kraken::tracker::Flags flags;
  const std::vector<std::pair<absl::string_view, int*>> known = {
      {"--streams=", &flags.streams},
      {"--torrents=", &flags.torrents},
      {"--seconds=", &flags.seconds},
      {"--rate=", &flags.rate},
      {"--samples=", &flags.samples},
      {"--idle=", &flags.idle},
      {"--server_core=", &flags.server_core},
      {"--client_core=", &flags.client_core},
      {"--redis=", &flags.redis},
  };
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    bool taken = false;
    for (const auto& [name, value] : known) {
      taken = taken || (absl::ConsumePrefix(&argument, name) && absl::SimpleAtoi(argument, value));
    }
    KH_CHECK(taken);
  }
  kraken::tracker::Run(flags);
}
