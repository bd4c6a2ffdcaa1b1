#include "kraken/tracker/redis_peer_store.h"

#include <limits>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/random.h"
#include "kraken/rpc/convert.h"
#include "kraken/telemetry/log.h"
#include "kraken/tracker/shared_peer_codec.h"

namespace kraken::tracker {

using redis::RedisClient;
using redis::RedisValue;

namespace {

// Orders are gathered for so long, and at most so many wait for the thread.
constexpr absl::Duration kGather = absl::Milliseconds(5);
constexpr int64_t kMaxOrders = 1 << 20;
constexpr int kLeasesBelieved = 2;
constexpr int kSignsPerLease = 3;
// Of a swarm, when somebody asks who is in it: far more than one peer is told of.
constexpr absl::string_view kMaxLoaded = "200";
constexpr absl::Duration kAskTimeEach = absl::Minutes(1);

std::string RandomName() {
  SystemBitGen random;
  return absl::StrCat(
      absl::Hex(random.Uniform(std::numeric_limits<uint64_t>::max()), absl::kZeroPad16));
}

int64_t ToMillis(MonotonicTime time) { return absl::ToInt64Milliseconds(time.since_origin()); }

}  // namespace

// What the control loop wants of Redis.
struct RedisPeerStore::Order {
  enum class Kind { kPut, kPutNew, kRemove, kLoad };

  Kind kind = Kind::kPut;
  swarm::TorrentKey key;
  std::shared_ptr<const rpc::v1::Peer> peer;
  bool complete = false;
};

// Seen by both threads.
struct RedisPeerStore::Shared {
  std::atomic<bool> up{false};
  std::atomic<uint64_t> written{0};
  std::atomic<uint64_t> dropped{0};
  std::atomic<uint64_t> heard{0};
  std::atomic<uint64_t> failures{0};
  std::atomic<int64_t> waiting{0};
  // Null in the control loop once the store is gone.
  PeerStoreObserver* observer = nullptr;
};

// Two connections: one that subscribes to the news can do nothing else.
class RedisPeerStore::Worker {
 public:
  Worker(net::EventLoop* loop, net::LoopHandle control, const RedisPeerStoreOptions& options,
         std::shared_ptr<Shared> shared)
      : loop_(loop),
        control_(std::move(control)),
        lease_(options.lease),
        kept_(options.entry_lease),
        shared_(std::move(shared)),
        tracker_(RandomName()),
        commands_(loop, options.redis,
                  {.on_connected = [this] { AskTime(); },
                   .on_disconnected = [this](const absl::Status& why) { OnDown(why); }}),
        news_(loop, options.redis,
              {.on_connected =
                   [this] {
                     news_.Send({"SUBSCRIBE", kNewsRedisChannel}, nullptr);
                   },
               .on_message = [this](const RedisValue& message) { OnNews(message); }}) {}
  ~Worker() {
    loop_->CancelTimer(time_timer_);
    loop_->CancelTimer(life_timer_);
  }

  void Take(std::vector<Order> orders);

 private:
  struct Batch {
    std::vector<std::string> put;  // fields and values in turn
    std::vector<std::string> removed;
  };
  // A swarm's peers, until it is known which of the trackers live that have put them there.
  struct Loading {
    swarm::TorrentKey key;
    std::vector<StoredPeer> peers;
    size_t unanswered = 0;
  };

  void AskTime();
  void OnTime(const absl::StatusOr<RedisValue>& time);
  void ShowLife();
  void OnDown(const absl::Status& why);
  void OnNews(const RedisValue& message);
  void Load(const swarm::TorrentKey& key);
  void OnLoaded(const swarm::TorrentKey& key, const absl::StatusOr<RedisValue>& answer);
  void AskWhoLives(const std::shared_ptr<Loading>& loading);
  bool Lives(const std::string& tracker) const;
  void Deliver(const Loading& loading);
  void Publish(const Order& order, StoredPeer stored);
  void SendBatch(const swarm::TorrentKey& key, const Batch& batch);
  bool SendWords(const std::vector<std::string>& words);
  StoredPeer Stored(const Order& order) const;
  int64_t RedisNow() const { return ToMillis(net::EventLoop::MonotonicNow()) + offset_ms_; }
  template <typename Tell>
  void TellObserver(Tell tell);

  net::EventLoop* const loop_;
  const net::LoopHandle control_;
  const absl::Duration lease_;
  const absl::Duration kept_;
  const std::shared_ptr<Shared> shared_;
  // This process's life: what an earlier one has stored counts as another's.
  const std::string tracker_;
  // From our monotonic clock to Redis's.
  int64_t offset_ms_ = 0;
  bool was_down_ = false;
  // How long other trackers are believed, by Redis's clock.
  absl::flat_hash_map<std::string, int64_t> alive_until_ms_;
  net::TimerId time_timer_ = net::TimerId::kNone;
  net::TimerId life_timer_ = net::TimerId::kNone;
  RedisClient commands_;
  RedisClient news_;
};

template <typename Tell>
void RedisPeerStore::Worker::TellObserver(Tell tell) {
  control_.Post([shared = shared_, tell = std::move(tell)] {
    if (shared->observer != nullptr) tell(*shared->observer);
  });
}

// All trackers reckon in Redis's time, so that their own clocks do not matter.
void RedisPeerStore::Worker::AskTime() {
  loop_->CancelTimer(time_timer_);
  time_timer_ = loop_->RunAfter(kAskTimeEach, [this] { AskTime(); });
  commands_.Send({"TIME"}, [this](const absl::StatusOr<RedisValue>& time) { OnTime(time); });
}

void RedisPeerStore::Worker::OnTime(const absl::StatusOr<RedisValue>& time) {
  int64_t seconds = 0;
  int64_t micros = 0;
  if (!time.ok() || time->elements.size() != 2 ||
      !absl::SimpleAtoi(time->elements[0].text, &seconds) ||
      !absl::SimpleAtoi(time->elements[1].text, &micros)) {
    ++shared_->failures;
    if (!was_down_) telemetry::LogWarn("Redis does not tell the time", {});
    was_down_ = true;
    return;
  }
  const int64_t now_ms = absl::ToUnixMillis(absl::FromUnixSeconds(seconds)) + micros / 1'000;
  offset_ms_ = now_ms - ToMillis(net::EventLoop::MonotonicNow());
  if (shared_->up.exchange(true)) return;
  ShowLife();
  telemetry::LogInfo("swarms are shared in Redis", {});
  was_down_ = false;
  TellObserver([](PeerStoreObserver& observer) { observer.OnStoreUp(); });
}

void RedisPeerStore::Worker::ShowLife() {
  loop_->CancelTimer(life_timer_);
  life_timer_ = loop_->RunAfter(lease_ / kSignsPerLease, [this] { ShowLife(); });
  if (!shared_->up) return;
  SendWords({"SET", TrackerRedisKey(tracker_), "1", "PX",
             absl::StrCat(absl::ToInt64Milliseconds(kLeasesBelieved * lease_))});
}

void RedisPeerStore::Worker::OnDown(const absl::Status& why) {
  shared_->up = false;
  ++shared_->failures;
  // Once, not with each try.
  if (!std::exchange(was_down_, true)) {
    telemetry::LogWarn("Redis is not there: this tracker knows its own peers only",
                       {{"reason", why.ToString()}});
  }
}

StoredPeer RedisPeerStore::Worker::Stored(const Order& order) const {
  StoredPeer stored;
  *stored.mutable_peer() = *order.peer;
  stored.mutable_peer()->set_complete(order.complete);
  stored.set_expires_ms(RedisNow() + absl::ToInt64Milliseconds(kept_));
  stored.set_tracker(tracker_);
  return stored;
}

void RedisPeerStore::Worker::Take(std::vector<Order> orders) {
  shared_->waiting -= static_cast<int64_t>(orders.size());
  if (!shared_->up) {
    shared_->dropped += orders.size();
    return;
  }
  absl::flat_hash_map<swarm::TorrentKey, Batch> batches;
  for (const Order& order : orders) {
    if (order.kind == Order::Kind::kLoad) {
      Load(order.key);
      continue;
    }
    Batch& batch = batches[order.key];
    const std::string field = PeerRedisField(order.peer->id(), tracker_);
    StoredPeer stored = Stored(order);
    if (order.kind == Order::Kind::kRemove) {
      // Of what came and left within one batch, neither is told.
      batch.removed.push_back(field);
    } else {
      // It may have left and come back.
      std::erase(batch.removed, field);
      batch.put.push_back(field);
      batch.put.push_back(stored.SerializeAsString());
    }
    if (order.kind != Order::Kind::kPut) Publish(order, std::move(stored));
  }
  for (const auto& [key, batch] : batches) SendBatch(key, batch);
}

void RedisPeerStore::Worker::SendBatch(const swarm::TorrentKey& key, const Batch& batch) {
  const std::string redis_key = SwarmRedisKey(key);
  bool sent = true;
  if (!batch.put.empty()) {
    std::vector<std::string> words = {"HSET", redis_key};
    words.insert(words.end(), batch.put.begin(), batch.put.end());
    sent = SendWords(words);
    // The whole hash goes when nobody has put anything for so long.
    sent =
        SendWords({"PEXPIRE", redis_key, absl::StrCat(absl::ToInt64Milliseconds(kept_))}) && sent;
  }
  if (!batch.removed.empty()) {
    std::vector<std::string> words = {"HDEL", redis_key};
    words.insert(words.end(), batch.removed.begin(), batch.removed.end());
    sent = SendWords(words) && sent;
  }
  const uint64_t entries = batch.put.size() / 2 + batch.removed.size();
  (sent ? shared_->written : shared_->dropped) += entries;
}

bool RedisPeerStore::Worker::SendWords(const std::vector<std::string>& words) {
  return commands_.Send({words.begin(), words.end()},
                        [shared = shared_](const absl::StatusOr<RedisValue>& answer) {
                          if (!answer.ok()) ++shared->failures;
                        });
}

void RedisPeerStore::Worker::Publish(const Order& order, StoredPeer stored) {
  SwarmNews news;
  news.set_digest(rpc::ToBytes(order.key.digest));
  news.set_piece_length_bytes(static_cast<uint64_t>(order.key.piece_length.value()));
  *news.mutable_stored() = std::move(stored);
  news.set_gone(order.kind == Order::Kind::kRemove);
  SendWords({"PUBLISH", std::string(kNewsRedisChannel), news.SerializeAsString()});
}

// ["message", channel, payload]
void RedisPeerStore::Worker::OnNews(const RedisValue& message) {
  if (message.elements.size() != 3) return;
  absl::StatusOr<ParsedNews> news = ParseSwarmNews(message.elements[2].text);
  if (!news.ok()) {
    ++shared_->failures;
    return;
  }
  if (news->stored.tracker() == tracker_) return;
  ++shared_->heard;
  TellObserver([key = news->key, gone = news->gone,
                peer = std::move(*news->stored.mutable_peer())](PeerStoreObserver& observer) {
    if (gone) {
      observer.OnSharedPeerLeft(key, peer);
    } else {
      observer.OnSharedPeerCame(key, peer);
    }
  });
}

void RedisPeerStore::Worker::Load(const swarm::TorrentKey& key) {
  const std::string redis_key = SwarmRedisKey(key);
  commands_.Send({"HRANDFIELD", redis_key, kMaxLoaded, "WITHVALUES"},
                 [this, key](const absl::StatusOr<RedisValue>& answer) { OnLoaded(key, answer); });
}

void RedisPeerStore::Worker::OnLoaded(const swarm::TorrentKey& key,
                                      const absl::StatusOr<RedisValue>& answer) {
  if (!answer.ok()) {
    ++shared_->failures;
    return;
  }
  auto loading = std::make_shared<Loading>(Loading{.key = key});
  // What trackers leave behind that have died.
  std::vector<std::string> expired = {"HDEL", SwarmRedisKey(key)};
  const size_t nothing_expired = expired.size();
  for (size_t i = 0; i + 1 < answer->elements.size(); i += 2) {
    absl::StatusOr<StoredPeer> stored = ParseStoredPeer(answer->elements[i + 1].text);
    if (stored.ok() && stored->tracker() == tracker_) continue;
    if (!stored.ok() || stored->expires_ms() <= RedisNow()) {
      expired.push_back(answer->elements[i].text);
    } else {
      loading->peers.push_back(*std::move(stored));
    }
  }
  if (expired.size() > nothing_expired) SendWords(expired);
  AskWhoLives(loading);
}

void RedisPeerStore::Worker::AskWhoLives(const std::shared_ptr<Loading>& loading) {
  absl::flat_hash_set<std::string> unknown;
  for (const StoredPeer& stored : loading->peers) {
    if (!Lives(stored.tracker())) unknown.insert(stored.tracker());
  }
  for (const std::string& tracker : unknown) {
    const bool sent =
        commands_.Send({"PTTL", TrackerRedisKey(tracker)},
                       [this, loading, tracker](const absl::StatusOr<RedisValue>& left_ms) {
                         // Negative: there is no such tracker any more.
                         if (left_ms.ok() && left_ms->integer > 0) {
                           alive_until_ms_[tracker] = RedisNow() + left_ms->integer;
                         } else {
                           alive_until_ms_.erase(tracker);
                         }
                         if (--loading->unanswered == 0) Deliver(*loading);
                       });
    if (sent) ++loading->unanswered;
  }
  if (loading->unanswered == 0) Deliver(*loading);
}

bool RedisPeerStore::Worker::Lives(const std::string& tracker) const {
  auto until = alive_until_ms_.find(tracker);
  return until != alive_until_ms_.end() && until->second > RedisNow();
}

void RedisPeerStore::Worker::Deliver(const Loading& loading) {
  std::vector<rpc::v1::Peer> peers;
  for (const StoredPeer& stored : loading.peers) {
    if (Lives(stored.tracker())) peers.push_back(stored.peer());
  }
  TellObserver([key = loading.key, peers = std::move(peers)](PeerStoreObserver& observer) {
    observer.OnSharedPeers(key, peers);
  });
}

RedisPeerStore::RedisPeerStore(net::EventLoop* control, const RedisPeerStoreOptions& options,
                               PeerStoreObserver* observer)
    : control_(control),
      shared_(std::make_shared<Shared>()),
      thread_(std::make_unique<net::LoopThread>("redis")) {
  shared_->observer = observer;
  thread_->RunAndWait([&] {
    worker_ = std::make_unique<Worker>(&thread_->loop(), control_->handle(), options, shared_);
  });
}

RedisPeerStore::~RedisPeerStore() {
  control_->CancelTimer(flush_timer_);
  shared_->observer = nullptr;
  Flush();
  // After what was posted, and sent in the turn of the loop that took it.
  thread_->RunAndWait([] {});
  thread_->RunAndWait([this] { worker_ = nullptr; });
}

bool RedisPeerStore::Put(const swarm::TorrentKey& key, std::shared_ptr<const rpc::v1::Peer> peer,
                         bool complete, bool is_new) {
  return Add({.kind = is_new ? Order::Kind::kPutNew : Order::Kind::kPut,
              .key = key,
              .peer = std::move(peer),
              .complete = complete});
}

void RedisPeerStore::Remove(const swarm::TorrentKey& key,
                            std::shared_ptr<const rpc::v1::Peer> peer) {
  Add({.kind = Order::Kind::kRemove, .key = key, .peer = std::move(peer)});
}

void RedisPeerStore::Load(const swarm::TorrentKey& key) {
  Add({.kind = Order::Kind::kLoad, .key = key});
}

bool RedisPeerStore::Add(Order order) {
  if (!shared_->up || shared_->waiting >= kMaxOrders) {
    ++shared_->dropped;
    return false;
  }
  ++shared_->waiting;
  orders_.push_back(std::move(order));
  if (flush_timer_ == net::TimerId::kNone) {
    flush_timer_ = control_->RunAfter(kGather, [this] {
      flush_timer_ = net::TimerId::kNone;
      Flush();
    });
  }
  return true;
}

void RedisPeerStore::Flush() {
  if (orders_.empty()) return;
  thread_->loop().Post(
      [this, orders = std::exchange(orders_, {})]() mutable { worker_->Take(std::move(orders)); });
}

PeerStoreStats RedisPeerStore::stats() const {
  return {.up = shared_->up,
          .written = shared_->written,
          .dropped = shared_->dropped,
          .heard = shared_->heard,
          .failures = shared_->failures};
}

}  // namespace kraken::tracker
