#include "kraken/tracker/kraken_hub.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "kraken/net/socket_address.h"

namespace kraken::tracker {
namespace {

// As many as the hub gives.
constexpr int kWantPeers = std::numeric_limits<int>::max();
constexpr absl::Duration kAskAgain = absl::Milliseconds(200);

swarm::AnnounceRecord RecordOf(const swarm::TorrentKey& key, const swarm::PeerInfo& peer,
                               int want_peers) {
  swarm::AnnounceRecord record;
  record.key = key;
  record.event = peer.complete ? swarm::AnnounceEvent::kComplete : swarm::AnnounceEvent::kProgress;
  record.want_peers = want_peers;
  return record;
}

}  // namespace

KrakenHub::KrakenHub(net::EventLoop* loop, AnnounceHub* hub, net::CidrSet allowed,
                     KrakenHubOptions options)
    : loop_(loop),
      hub_(hub),
      allowed_(std::move(allowed)),
      options_(options),
      alive_(std::make_shared<KrakenHub*>(this)) {
  hub_->set_kraken_observer(this);
  renewal_timer_ = loop_->RunAfter(options_.renewal / kSlices, [this] { Renew(); });
}

KrakenHub::~KrakenHub() {
  *alive_ = nullptr;
  hub_->set_kraken_observer(nullptr);
  loop_->CancelTimer(renewal_timer_);
  while (!waiting_.empty()) {
    Tell(Digest(waiting_.begin()->first), absl::UnavailableError("the tracker is shutting down"));
  }
}

// ---- Those who wait ----

void KrakenHub::Wait(const Digest& digest, Waiter waiter) {
  const absl::Status no_news = absl::DeadlineExceededError(
      absl::StrCat("blob ", digest.ToString(), ": its origins do not know its sums yet"));
  if (waiting_count_ >= options_.max_waiting) return waiter(no_news);
  ++waiting_count_;
  const uint64_t id = next_waiting_++;
  const net::TimerId timer = loop_->RunAfter(options_.patience, [this, digest, id, no_news] {
    std::vector<Waiting>& list = waiting_[digest];
    const auto it = std::find_if(list.begin(), list.end(),
                                 [id](const Waiting& waiting) { return waiting.id == id; });
    const Waiter late = std::move(it->waiter);
    list.erase(it);
    if (list.empty()) waiting_.erase(digest);
    --waiting_count_;
    late(no_news);
  });
  waiting_[digest].push_back({id, std::move(waiter), timer});
}

void KrakenHub::Tell(const Digest& digest, const absl::Status& status) {
  const auto it = waiting_.find(digest);
  if (it == waiting_.end()) return;
  const std::vector<Waiting> list = std::move(it->second);
  waiting_.erase(it);
  waiting_count_ -= list.size();
  for (const Waiting& waiting : list) {
    loop_->CancelTimer(waiting.timer);
    waiting.waiter(status);
  }
}

void KrakenHub::OnKrakenNews(const Digest& digest, const absl::Status& status) {
  Tell(digest, status);
}

// ---- Metainfo ----

void KrakenHub::GetMetainfo(const Digest& digest, const std::string& ns, MetainfoDone done) {
  AskForMetainfo(digest, ns, net::EventLoop::MonotonicNow() + options_.patience, std::move(done));
}

// Origins that can't be reached are asked again until `deadline`: who hears of it gives up.
void KrakenHub::AskForMetainfo(const Digest& digest, const std::string& ns, MonotonicTime deadline,
                               MetainfoDone done) {
  hub_->relay().Want(digest, ns);
  if (const MetainfoPtr known = hub_->relay().FindKraken(digest)) return done(known);
  Wait(digest, [this, digest, ns, deadline, done = std::move(done)](const absl::Status& status) {
    if (absl::IsDeadlineExceeded(status)) return done(MetainfoPtr());
    if (absl::IsUnavailable(status) && net::EventLoop::MonotonicNow() + kAskAgain < deadline) {
      loop_->RunAfter(kAskAgain, [alive = alive_, digest, ns, deadline, done] {
        if (*alive != nullptr) (*alive)->AskForMetainfo(digest, ns, deadline, done);
      });
      return;
    }
    if (!status.ok()) return done(status);
    done(hub_->relay().FindKraken(digest));
  });
}

// ---- Announces ----

void KrakenHub::Announce(const KrakenAnnounce& announce, AnnounceDone done) {
  const swarm::PeerInfo& peer = announce.peer;
  const auto address = net::SocketAddress::FromIp(peer.ip, peer.port);
  if (!address.ok() || !allowed_.Contains(*address)) {
    return done(absl::PermissionDeniedError(
        absl::StrCat("peers at ", peer.ip, " are not in compat.allowed_cidrs")));
  }
  hub_->relay().Want(announce.digest, /*ns=*/"");
  if (hub_->relay().FindKraken(announce.digest) != nullptr) return done(Join(announce));
  Wait(announce.digest, [this, announce, done = std::move(done)](const absl::Status& status) {
    if (absl::IsDeadlineExceeded(status)) {
      return done(absl::UnavailableError(status.message()));
    }
    done(status.ok() ? Join(announce) : status);
  });
}

// REQUIRES: the blob's metainfo is known.
absl::StatusOr<std::vector<swarm::PeerInfo>> KrakenHub::Join(const KrakenAnnounce& announce) {
  const swarm::PeerInfo& peer = announce.peer;
  const MetainfoPtr metainfo = hub_->relay().FindKraken(announce.digest);
  if (metainfo->info_hash() != announce.info_hash) {
    return absl::InvalidArgumentError(
        absl::StrCat("blob ", announce.digest.ToString(), " has info hash ",
                     metainfo->info_hash().hex(), ", not ", announce.info_hash.hex(),
                     ": metainfogen.piece_lengths must be the same at all "
                     "origins, also at Kraken's"));
  }
  if (hub_->IsOurs(peer.id)) {
    return absl::PermissionDeniedError(absl::StrCat(
        "peer id ", peer.id.hex(), " is that of a process which does not speak version 1"));
  }
  const EntryKey key{hub_->relay().KeyOf(*metainfo), peer.id};
  Entry* entry = FindOrAdd(key);
  if (entry == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat(options_.max_entries, " peers of version 1 are known already"));
  }
  entry->peer = peer;
  entry->expires = net::EventLoop::MonotonicNow() +
                   (peer.complete ? options_.seeder_lease : options_.leecher_lease);
  return hub_->AnnounceKraken(peer, RecordOf(key.first, peer, peer.complete ? 0 : kWantPeers));
}

KrakenHub::Entry* KrakenHub::FindOrAdd(const EntryKey& key) {
  Slice& slice = slices_[absl::HashOf(key) % kSlices];
  const auto it = slice.find(key);
  if (it != slice.end()) return &it->second;
  if (entry_count_ >= options_.max_entries) return nullptr;
  ++entry_count_;
  return &slice[key];
}

// Announces those of the next slice who may still be there.
void KrakenHub::Renew() {
  Slice& slice = slices_[next_slice_];
  next_slice_ = (next_slice_ + 1) % kSlices;
  const MonotonicTime now = net::EventLoop::MonotonicNow();
  entry_count_ -= slice.size();
  // A process of version 1 that has been replaced by one of ours keeps its address, and so its id.
  absl::erase_if(slice, [&](const auto& item) {
    const auto& [key, peer] = item.first;
    const bool expired = item.second.expires <= now;
    if (expired) hub_->ForgetKraken(key, peer);
    return expired || hub_->IsOurs(peer);
  });
  entry_count_ += slice.size();
  for (const auto& [key, entry] : slice) {
    hub_->AnnounceKraken(entry.peer, RecordOf(key.first, entry.peer, /*want_peers=*/0));
  }
  renewal_timer_ = loop_->RunAfter(options_.renewal / kSlices, [this] { Renew(); });
}

}  // namespace kraken::tracker
