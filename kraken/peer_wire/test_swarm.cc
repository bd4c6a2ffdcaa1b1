#include "kraken/peer_wire/test_swarm.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "kraken/base/test_util.h"
#include "kraken/net/socket_address.h"
#include "kraken/net/tls_context.h"
#include "kraken/storage/blob.h"
#include "kraken/storage/partial_blob.h"
#include "kraken/storage/sequential_writer.h"
#include "kraken/swarm/metainfo.h"

namespace kraken::peer_wire {

void TestTracker::Announce(TestNode* from, const swarm::AnnounceRecord& record) {
  absl::MutexLock lock(&mu_);
  std::vector<TestNode*>& peers = peers_[record.key];
  const auto it = std::find(peers.begin(), peers.end(), from);
  if (record.event == swarm::AnnounceEvent::kLeave) {
    if (it != peers.end()) peers.erase(it);
    return;
  }
  if (it == peers.end()) peers.push_back(from);
  if (record.want_peers == 0) return;
  std::vector<swarm::PeerInfo> answer;
  for (TestNode* peer : peers) {
    if (peer != from) answer.push_back(peer->self());
  }
  from->loop().Post([from, key = record.key, answer] { from->node_->OnTrackerPeers(key, answer); });
}

void TestTracker::Forget(TestNode* node) {
  absl::MutexLock lock(&mu_);
  for (auto& [key, peers] : peers_) {
    peers.erase(std::remove(peers.begin(), peers.end(), node), peers.end());
  }
}

TestNode::TestNode(TestTracker* tracker, const TestNodeOptions& options)
    : tracker_(tracker),
      store_root_(options.store_root.empty() ? MakeTestDir() + "/store" : options.store_root),
      disk_(2, 1000, "disk"),
      io_("io", 2),
      control_("control") {
  auto store = storage::BlobStore::Open({.root = store_root_, .quota = options.quota}, disk_);
  EXPECT_OK(store);
  store_ = *std::move(store);
  SwarmNodeOptions node_options;
  node_options.control = &control_.loop();
  node_options.io = &io_;
  node_options.store = store_.get();
  node_options.disk = &disk_;
  node_options.announcer = this;
  node_options.swarm = options.swarm;
  node_options.self.id = options.id == PeerId() ? PeerId::Random() : options.id;
  node_options.self.ip = options.ip;
  node_options.self.origin = options.origin;
  node_options.listen_address = net::JoinHostPort(options.ip, 0);
  node_options.security = options.security;
  node_options.limits = options.limits;
  node_options.verifier = options.verifier;
  node_options.on_missing = options.on_missing;
  node_options.faults = options.faults;
  auto node = SwarmNode::Create(std::move(node_options));
  EXPECT_OK(node);
  node_ = *std::move(node);
  self_ = node_->self();
  Run([this] { node_->Start(); });
}

TestNode::~TestNode() {
  tracker_->Forget(this);
  absl::Notification done;
  loop().Post([this, &done] {
    node_->Shutdown([this, &done](absl::Status) {
      node_ = nullptr;
      done.Notify();
    });
  });
  EXPECT_TRUE(done.WaitForNotificationWithTimeout(kTestPatience));
  // Work that outlives the node: commits, listeners' posts.
  disk_.WaitIdle();
  control_.Join();
  io_.Join();
  disk_.WaitIdle();
  store_ = nullptr;
}

void TestNode::Run(std::function<void()> fn) { control_.RunAndWait(std::move(fn)); }

SwarmNodeStats TestNode::Stats() {
  SwarmNodeStats stats;
  Run([&] { stats = node_->stats(); });
  return stats;
}

void TestNode::Store(const storage::TestBlob& blob) {
  ASSERT_OK_AND_ASSIGN(
      auto partial,
      store_->OpenPartial(blob.digest, blob.size(), {.piece_length = blob.layout.piece_length()}));
  storage::SequentialWriter writer(partial);
  ASSERT_OK(writer.Append(blob.bytes));
  ASSERT_OK(writer.Finish());
}

std::shared_ptr<TestNode::Fetch> TestNode::Leech(const storage::TestBlob& blob) {
  return Leech(MetainfoOf(blob));
}

std::shared_ptr<TestNode::Fetch> TestNode::Leech(swarm::Metainfo metainfo) {
  auto fetch = std::make_shared<Fetch>();
  LeechCallbacks callbacks;
  callbacks.on_done = [fetch](absl::Status status) { fetch->End(std::move(status)); };
  auto shared = std::make_shared<LeechCallbacks>(std::move(callbacks));
  Run([&, shared] { node_->Leech(std::move(metainfo), std::move(*shared)); });
  return fetch;
}

void TestNode::ExpectStored(const storage::TestBlob& blob) {
  ASSERT_OK_AND_ASSIGN(const auto stored, store_->Find(blob.digest));
  ASSERT_EQ(stored->size(), blob.size());
  std::vector<uint8_t> bytes(blob.bytes.size());
  ASSERT_OK(stored->ReadAt(ByteOffset(0), absl::MakeSpan(bytes)));
  EXPECT_TRUE(bytes == blob.bytes);
}

void TestNode::Announce(swarm::TorrentId, const swarm::AnnounceRecord& record) {
  tracker_->Announce(this, record);
}

absl::Status TestNode::Fetch::Wait(absl::Duration patience) {
  if (!done_.WaitForNotificationWithTimeout(patience)) {
    return absl::DeadlineExceededError("the fetch has not ended");
  }
  return status_;
}

void TestNode::Fetch::End(absl::Status status) {
  status_ = std::move(status);
  done_.Notify();
}

TransportSecurity MakeTestSecurity(const net::TestCa& trusted, net::TestCa& issuer,
                                   const std::string& name) {
  const net::TlsIdentity identity =
      issuer.Issue(name, {.common_name = name, .dns_sans = {name}, .ip_sans = {"127.0.0.1"}});
  auto server = net::TlsContext::CreateServer({.identity = identity,
                                               .client_ca_files = {trusted.ca_file()},
                                               .client_auth = net::ClientAuth::kRequired});
  auto client =
      net::TlsContext::CreateClient({.ca_files = {trusted.ca_file()}, .identity = identity});
  EXPECT_OK(server);
  EXPECT_OK(client);
  TransportSecurity security;
  security.server = *std::move(server);
  security.client = *std::move(client);
  return security;
}

swarm::Metainfo MetainfoOf(const storage::TestBlob& blob) {
  auto metainfo = swarm::Metainfo::Create(blob.digest, blob.size(), blob.layout.piece_length());
  EXPECT_OK(metainfo);
  EXPECT_OK(metainfo->Merge(PieceIndex(0), blob.states));
  return *std::move(metainfo);
}

bool WaitFor(std::function<bool()> condition) {
  const absl::Time end = absl::Now() + kTestPatience;
  while (!condition()) {
    if (absl::Now() > end) return false;
    absl::SleepFor(absl::Milliseconds(2));
  }
  return true;
}

namespace {

// A client on the control loop.
struct Client {
  std::unique_ptr<BlobReader> reader;
  net::EventLoop* loop;
  std::string* out;
  absl::Status status;
  absl::Notification done;

  void Pump() {
    while (reader->available() > reader->cursor()) {
      const ByteOffset from = reader->cursor();
      std::string bytes(static_cast<size_t>((reader->available() - from).value()), '\0');
      const ssize_t n = ::pread(reader->fd(), bytes.data(), bytes.size(), from.value());
      if (n <= 0) return End(absl::DataLossError("pread"));
      bytes.resize(static_cast<size_t>(n));
      out->append(bytes);
      reader->Advance(from + ByteCount(n));
    }
    if (reader->cursor() == reader->end()) return End(absl::OkStatus());
    if (!reader->status().ok()) return End(reader->status());
    reader->Wait(loop->handle(), [this] { Pump(); });
  }

  void End(absl::Status why) {
    status = std::move(why);
    reader = nullptr;
    done.Notify();
  }
};

}  // namespace

absl::Status ReadToEnd(TestNode& node, const Digest& digest, ByteOffset offset, ByteCount length,
                       std::string* out) {
  Client client{.loop = &node.loop(), .out = out};
  node.loop().Post([&] {
    auto reader = node.node().OpenReader(digest, offset, length);
    if (!reader.ok()) return client.End(reader.status());
    client.reader = *std::move(reader);
    client.Pump();
  });
  if (client.done.WaitForNotificationWithTimeout(kTestPatience)) return client.status;
  node.Run([&] { client.reader = nullptr; });
  return absl::DeadlineExceededError("the reader has not ended");
}

}  // namespace kraken::peer_wire
