#include "kraken/sim/world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/prefetch.h"

namespace kraken::sim {

using swarm::kNanosPerSecond;

World::World(const SimConfig& config)
    : config_(config),
      random_(config.seed),
      payload_(this),
      tracker_random_(config.seed ^ 0x7261636b6572),
      tracker_(std::make_unique<swarm::HandOut>(config.hand_out, &tracker_random_)) {
  SweepTracker();
}

World::~World() = default;

uint32_t World::AddHost(const HostSpec& spec) {
  const uint32_t number = static_cast<uint32_t>(hosts_.size());
  payload_.AddHost(spec);
  hosts_.push_back(std::make_unique<SimHost>(this, number, spec, random_.Next()));
  engines_.push_back(hosts_.back()->engine());
  host_by_id_[hosts_.back()->peer().id] = number;
  connected_.push_back(true);
  return number;
}

void World::At(int64_t at, absl::AnyInvocable<void()> call) {
  uint32_t index;
  if (free_calls_.empty()) {
    index = static_cast<uint32_t>(calls_.size());
    calls_.push_back(std::move(call));
  } else {
    index = free_calls_.back();
    free_calls_.pop_back();
    calls_[index] = std::move(call);
  }
  queue_.Schedule(at, EventKind::kCall, index);
}

int64_t World::Latency() {
  int64_t delay = config_.rtt_nanos / 2;
  if (config_.jitter_nanos > 0) {
    delay += static_cast<int64_t>(random_.Uniform(static_cast<uint64_t>(config_.jitter_nanos)));
  }
  if (config_.loss > 0 && random_.Bernoulli(config_.loss)) delay += config_.loss_delay_nanos;
  return delay;
}

int64_t World::LongestLatency() const {
  return config_.rtt_nanos / 2 + config_.jitter_nanos +
         (config_.loss > 0 ? config_.loss_delay_nanos : 0);
}

int64_t World::Delay(uint32_t from, uint32_t to) {
  return std::max<int64_t>(EndOfLastCut(from, to) - now(), 0) + Latency();
}

// When a message sent now to `end` arrives: never before one sent earlier.
int64_t World::ArrivalAt(uint32_t end) {
  int64_t& last = ends_[end].last_arrival;
  last = std::max(now() + Delay(ends_[OtherEnd(end)].host, ends_[end].host), last);
  return last;
}

void World::Kill(uint32_t host, bool silent) {
  SimHost& dead = *hosts_[host];
  if (!dead.alive()) return;
  const std::vector<uint32_t> ends = dead.OpenEnds();
  for (uint32_t end : ends) {
    if (!silent) {
      CloseLink(end);
      continue;
    }
    payload_.CloseLink(end);
    // Only the lack of answers tells the peers, in the end.
    At(now() + config_.dial_timeout_nanos, [this, end] { CloseLink(end); });
  }
  dead.Die();
  engines_[host] = nullptr;
  if (silent || !ReachesTracker(host)) return;
  // Its announce streams break.
  At(now() + Latency(), [this, host] { tracker_->Forget(hosts_[host]->peer().id); });
}

void World::Leave(uint32_t host) {
  if (!hosts_[host]->alive()) return;
  hosts_[host]->Leave();
  hosts_[host]->Die();
  engines_[host] = nullptr;
}

void World::CutHost(uint32_t host, int64_t nanos) {
  outages_.CutHost(host, now() + nanos);
  BreakDeadLinksLater(nanos);
}

void World::CutZones(uint16_t a, uint16_t b, int64_t nanos) {
  outages_.CutZones(a, b, now() + nanos);
  BreakDeadLinksLater(nanos);
}

void World::BreakDeadLinksLater(int64_t cut_nanos) {
  if (cut_nanos <= config_.dead_link_nanos) return;
  At(now() + config_.dead_link_nanos, [this] { BreakDeadLinks(); });
}

// Each side notices by itself, for nothing gets through.
void World::BreakDeadLinks() {
  for (uint32_t end = 0; end < end_count(); ++end) {
    if (!ends_[end].closed && EndOfLastCut(ends_[end].host, ends_[OtherEnd(end)].host) > now()) {
      BreakLink(end);
    }
  }
}

void World::BreakLink(uint32_t end) {
  MarkClosed(end);
  payload_.CloseLink(end);
  hosts_[ends_[end].host]->OnLinkClosed(end, absl::UnavailableError("nothing gets through"));
}

void World::MarkClosed(uint32_t end) {
  ends_[end].closed = true;
  hosts_[ends_[end].host]->UnbindLink(end);
}

void World::Report(std::string what) {
  reports_.push_back(absl::StrCat(static_cast<double>(now()) / 1e9, " s: ", what));
}

void World::Revoke(const swarm::TorrentKey& key) {
  revoked_[key] = now();
  for (uint32_t host = 0; host < hosts_.size(); ++host) {
    if (hosts_[host]->spec().origin) {
      hosts_[host]->OnRevoked(key);
    } else if (ReachesTracker(host)) {
      At(now() + Latency() + Latency(), [this, host, key] { hosts_[host]->OnRevoked(key); });
    }
  }
}

int64_t World::RevokedAt(const swarm::TorrentKey& key) const {
  const auto it = revoked_.find(key);
  return it == revoked_.end() ? 0 : it->second;
}

void World::ReviveTracker() {
  tracker_ = std::make_unique<swarm::HandOut>(config_.hand_out, &tracker_random_);
  tracker_alive_ = true;
  tracker_since_ = now();
  connected_.assign(hosts_.size(), false);
}

void World::SweepTracker() {
  At(now() + kNanosPerSecond, [this] {
    const auto when = swarm::Instant::FromNanos(now());
    for (uint32_t host = 0; host < hosts_.size(); ++host) RenewAtTracker(host);
    tracker_->Sweep(when);
    SweepTracker();
  });
}

// Its announce stream stands, and says so, or is opened again after a cut.
void World::RenewAtTracker(uint32_t host) {
  const bool was_connected = connected_[host];
  connected_[host] = hosts_[host]->alive() && ReachesTracker(host);
  if (!connected_[host]) return;
  tracker_->Renew(swarm::Instant::FromNanos(now()), hosts_[host]->peer().id);
  if (!was_connected) hosts_[host]->AnnounceAgain();
}

bool World::RunUntil(const std::function<bool()>& done, int64_t limit) {
  while (!queue_.empty() && queue_.next_at() <= limit) {
    const Event event = queue_.Pop();
    PrefetchAhead();
    Dispatch(event);
    const bool may_change = event.kind == EventKind::kCall || event.kind == EventKind::kPieceDone;
    if (!reports_.empty()) return false;
    if (may_change && done()) return true;
  }
  return false;
}

// The hosts' state is far larger than the cache, and an event reads a chain of places in it, each
// found in the one before. Each place is asked for some events before the one that needs it.
void World::PrefetchAhead() const {
  constexpr size_t kEventsPerStep = 4;
  constexpr int kSteps = 2 + swarm::Scheduler::kPrefetchSteps;
  static_assert(kEventsPerStep * kSteps <= EventQueue::kAhead);
  for (int step = 0; step < kSteps; ++step) {
    const Event* event = queue_.Ahead(kEventsPerStep * static_cast<size_t>(kSteps - step) - 1);
    if (event == nullptr) continue;
    switch (event->kind) {
      case EventKind::kHave:
      case EventKind::kRequest:
        PrefetchForLink(*event, step);
        break;
      case EventKind::kChunkSent:
      case EventKind::kChunkCrossed:
      case EventKind::kChunkArrived:
      case EventKind::kChunkAcked:
      case EventKind::kPieceDone:
        payload_.Prefetch(*event, step);
        break;
      default:
        break;
    }
  }
}

void World::PrefetchForLink(const Event& event, int step) const {
  const LinkEnd& end = ends_[event.a];
  if (step == 0) return Prefetch(&end);
  const swarm::Scheduler* engine = engines_[end.host];
  if (engine == nullptr) return;
  if (step == 1) {
    Prefetch(engine);
    return hosts_[end.host]->PrefetchClock();
  }
  engine->Prefetch(end.id, PieceIndex(static_cast<int32_t>(event.b)), step - 2);
}

void World::Dispatch(const Event& event) {
  ++event_count_;
  constexpr uint64_t kPrime = 0x100000001b3;
  trace_hash_ = (trace_hash_ ^ static_cast<uint64_t>(event.at)) * kPrime;
  trace_hash_ = (trace_hash_ ^
                 (static_cast<uint64_t>(event.kind) << 56 | uint64_t{event.a} << 24 | event.b)) *
                kPrime;
  switch (event.kind) {
    case EventKind::kCall: {
      absl::AnyInvocable<void()> call = std::move(calls_[event.a]);
      free_calls_.push_back(event.a);
      return call();
    }
    case EventKind::kWake:
      return hosts_[event.a]->OnWake(event.b);
    case EventKind::kHave:
      return DeliverHave(event);
    case EventKind::kHaveBatch:
      return DeliverHaveBatch(event);
    case EventKind::kChunkSent:
      return payload_.OnChunkSent(event);
    case EventKind::kChunkCrossed:
      return payload_.OnChunkCrossed(event);
    case EventKind::kChunkArrived:
      return payload_.OnChunkArrived(event);
    case EventKind::kChunkAcked:
      return payload_.OnChunkAcked(event);
    case EventKind::kPieceDone:
      return payload_.OnPieceDone(event);
    case EventKind::kRequest:
      return HostOfEnd(event.a).OnRequest(event.a, PieceIndex(static_cast<int32_t>(event.b)));
    case EventKind::kCancel:
      return HostOfEnd(event.a).OnCancel(event.a, PieceIndex(static_cast<int32_t>(event.b)));
    case EventKind::kReject:
      return HostOfEnd(event.a).OnReject(event.a, PieceIndex(static_cast<int32_t>(event.b)));
  }
}

void World::DeliverHave(const Event& event) {
  swarm::Scheduler* engine = EngineOf(event.a);
  if (engine == nullptr || ends_[event.a].closed) return;
  const PieceIndex piece(static_cast<int32_t>(event.b));
  engine->OnHave(ends_[event.a].id, {&piece, 1}, {event.c});
}

void World::DeliverHaveBatch(const Event& event) {
  swarm::Scheduler* engine = EngineOf(event.a);
  if (engine != nullptr && !ends_[event.a].closed) {
    engine->OnHave(ends_[event.a].id, batches_[event.b]->pieces, batches_[event.b]->load);
  }
  if (--batches_[event.b]->references == 0) {
    batches_[event.b].reset();
    free_batches_.push_back(event.b);
  }
}

void World::Dial(uint32_t from, swarm::LinkId link, const swarm::TorrentKey& key,
                 const swarm::PeerInfo& peer) {
  const uint32_t near = static_cast<uint32_t>(ends_.size());
  ends_.emplace_back().host = from;
  ends_.emplace_back().host = HostOf(peer.id);
  keys_.push_back(key);
  hosts_[from]->BindLink(link, near);
  // SYN there, SYN-ACK back; the handshake goes with the third.
  const uint32_t far_host = ends_[near + 1].host;
  const bool answers = hosts_[far_host]->alive() &&
                       EndOfLastCut(from, far_host) < now() + config_.dial_timeout_nanos;
  const int64_t at =
      now() + (answers ? Delay(from, far_host) + Latency() : config_.dial_timeout_nanos);
  At(at, [this, near, answers] {
    swarm::Scheduler* engine = EngineOf(near);
    if (engine == nullptr || ends_[near].closed) return;
    if (answers) return engine->OnDialed(ends_[near].id);
    MarkClosed(near);
    hosts_[ends_[near].host]->OnLinkClosed(near, absl::DeadlineExceededError("no answer"));
  });
}

void World::SendHandshake(uint32_t end, const swarm::Handshake& handshake) {
  ++messages_;
  const uint32_t far = OtherEnd(end);
  At(ArrivalAt(far), [this, end, far, handshake] {
    swarm::Scheduler* engine = EngineOf(far);
    if (ends_[end].closed || ends_[far].closed) return;
    if (engine == nullptr) return CloseLink(far);
    const absl::Status accepted =
        engine->OnIncoming(swarm::IncomingId{far}, hosts_[ends_[end].host]->peer(), handshake);
    if (!accepted.ok()) CloseLink(far);
  });
}

void World::Accept(swarm::IncomingId incoming, uint32_t from, swarm::LinkId link,
                   const swarm::Handshake& handshake) {
  ++messages_;
  const uint32_t end = static_cast<uint32_t>(incoming);
  KH_CHECK(ends_[end].host == from);
  hosts_[from]->BindLink(link, end);
  const uint32_t far = OtherEnd(end);
  At(ArrivalAt(far), [this, far, handshake] {
    swarm::Scheduler* engine = EngineOf(far);
    if (engine != nullptr && !ends_[far].closed) engine->OnHandshake(ends_[far].id, handshake);
  });
}

void World::SendHave(absl::Span<const uint32_t> ends, absl::Span<const PieceIndex> pieces,
                     swarm::LoadHint load) {
  messages_ += ends.size();
  for (uint32_t end : ends) Prefetch(&ends_[OtherEnd(end)]);
  if (pieces.size() == 1) {
    for (uint32_t end : ends) {
      const uint32_t far = OtherEnd(end);
      queue_.Schedule(ArrivalAt(far), EventKind::kHave, far,
                      static_cast<uint32_t>(pieces[0].value()), load.backlog_micros);
    }
    return;
  }
  uint32_t index;
  if (free_batches_.empty()) {
    index = static_cast<uint32_t>(batches_.size());
    batches_.emplace_back();
  } else {
    index = free_batches_.back();
    free_batches_.pop_back();
  }
  batches_[index] =
      std::make_unique<HaveBatch>(HaveBatch{.pieces = {pieces.begin(), pieces.end()},
                                            .load = load,
                                            .references = static_cast<uint32_t>(ends.size())});
  for (uint32_t end : ends) {
    const uint32_t far = OtherEnd(end);
    queue_.Schedule(ArrivalAt(far), EventKind::kHaveBatch, far, index);
  }
}

void World::SendControl(EventKind kind, uint32_t end, PieceIndex piece) {
  ++messages_;
  const uint32_t far = OtherEnd(end);
  queue_.Schedule(ArrivalAt(far), kind, far, static_cast<uint32_t>(piece.value()));
}

void World::CloseLink(uint32_t end) {
  if (ends_[end].closed) return;
  MarkClosed(end);
  payload_.CloseLink(end);
  const uint32_t far = OtherEnd(end);
  At(ArrivalAt(far), [this, far] {
    if (ends_[far].closed) return;
    MarkClosed(far);
    payload_.CloseLink(far);  // What it began to send since.
    hosts_[ends_[far].host]->OnLinkClosed(far, absl::UnavailableError("closed by the peer"));
  });
}

void World::Announce(uint32_t from, const swarm::AnnounceRecord& record) {
  ++announces_;
  if (EndOfLastCutFromTracker(from) > now()) return;
  At(now() + Latency(), [this, from, record] { TrackerHears(from, record); });
}

void World::TrackerHears(uint32_t from, const swarm::AnnounceRecord& record) {
  if (!tracker_alive_) return;
  if (!revoked_.empty() && RevokedAt(record.key) > 0) {
    At(now() + Latency(), [this, from, key = record.key] { hosts_[from]->OnRevoked(key); });
    return;
  }
  swarm::AnnounceAnswer answer =
      tracker_->Announce(swarm::Instant::FromNanos(now()), hosts_[from]->peer(), record);
  if (!answer.peers.empty()) SendPeers(from, record.key, std::move(answer.peers));
  for (swarm::PeerPush& push : answer.pushes) {
    SendPeers(HostOf(push.recipient), record.key, {std::move(push.peer)});
  }
}

void World::SendPeers(uint32_t to, const swarm::TorrentKey& key,
                      std::vector<swarm::PeerInfo> peers) {
  if (EndOfLastCutFromTracker(to) > now()) return;
  At(now() + Latency(),
     [this, to, key, peers = std::move(peers)] { hosts_[to]->OnTrackerPeers(key, peers); });
}

void World::WakeAt(uint32_t host, uint32_t number, int64_t at) {
  queue_.Schedule(at, EventKind::kWake, host, number);
}

uint32_t World::HostOf(const PeerId& id) const {
  auto it = host_by_id_.find(id);
  KH_CHECK(it != host_by_id_.end());
  return it->second;
}

}  // namespace kraken::sim
