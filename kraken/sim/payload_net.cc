#include "kraken/sim/payload_net.h"

#include <algorithm>
#include <utility>

#include "kraken/base/check.h"
#include "kraken/base/prefetch.h"
#include "kraken/sim/world.h"

namespace kraken::sim {

namespace {

// 0 bytes per second: no limit.
double NanosPerByte(double rate) { return rate == 0 ? 0 : 1e9 / rate; }

// Takes a line that serves one after the other for so many bytes; returns when they are through.
int64_t Pass(int64_t& free_at, int64_t now, int64_t bytes, double nanos_per_byte) {
  free_at =
      std::max(free_at, now) + static_cast<int64_t>(static_cast<double>(bytes) * nanos_per_byte);
  return free_at;
}

}  // namespace

PayloadNet::PayloadNet(World* world) : world_(world), zones_(1) {
  for (const ZoneSpec& spec : world->config().zones) {
    zones_.push_back({.up_nanos_per_byte = NanosPerByte(spec.up_rate),
                      .down_nanos_per_byte = NanosPerByte(spec.down_rate)});
  }
}

void PayloadNet::AddHost(const HostSpec& spec) {
  Line& line = lines_.emplace_back();
  line.up_nanos_per_byte = NanosPerByte(spec.up_rate);
  line.down_nanos_per_byte = NanosPerByte(spec.down_rate);
  line.disk_nanos_per_byte = NanosPerByte(spec.disk_rate);
  line.zone = spec.zone;
  if (spec.zone >= zones_.size()) zones_.resize(spec.zone + size_t{1});
}

PayloadNet::ZoneLine& PayloadNet::ZoneOf(uint32_t host) { return zones_[lines_[host].zone]; }

void PayloadNet::Start(uint32_t end, PieceIndex piece, int64_t bytes, bool corrupt) {
  uint32_t number;
  if (free_.empty()) {
    number = static_cast<uint32_t>(transfers_.size());
    transfers_.emplace_back();
  } else {
    number = free_.back();
    free_.pop_back();
  }
  Transfer& transfer = transfers_[number];
  transfer = Transfer();
  transfer.end = end;
  transfer.piece = piece;
  transfer.unsent = transfer.not_arrived = transfer.bytes = bytes;
  transfer.corrupt = corrupt;
  transfer.from = world_->end(end).host;
  transfer.to = world_->end(World::OtherEnd(end)).host;
  const uint32_t host = transfer.from;
  world_->end(end).transfers.push_back(number);
  lines_[host].sending.push_back(number);
  Kick(host);
}

void PayloadNet::Kick(uint32_t host) {
  Line& line = lines_[host];
  if (line.up_busy) return;
  for (size_t i = 0; i < line.sending.size(); ++i) {
    if (line.turn >= line.sending.size()) line.turn = 0;
    const uint32_t number = line.sending[line.turn++];
    Transfer& transfer = transfers_[number];
    if (transfer.in_window >= static_cast<uint32_t>(world_->config().window_chunks)) continue;
    const int64_t bytes = std::min(transfer.unsent, world_->config().chunk_bytes);
    const int64_t takes = static_cast<int64_t>(static_cast<double>(bytes) * line.up_nanos_per_byte);
    transfer.unsent -= bytes;
    ++transfer.in_window;
    ++transfer.events;
    line.up_busy = true;
    line.up_busy_nanos += takes;
    line.bytes_out += static_cast<uint64_t>(bytes);
    world_->queue().Schedule(world_->now() + takes, EventKind::kChunkSent, number,
                             static_cast<uint32_t>(bytes), host);
    return;
  }
}

void PayloadNet::Prefetch(const Event& event, int step) const {
  const Transfer& transfer = transfers_[event.a];
  if (step == 0) {
    kraken::Prefetch(&transfer);
    kraken::Prefetch(reinterpret_cast<const char*>(&transfer + 1) - 1);
  } else if (step == 2) {
    const bool is_far = event.kind == EventKind::kChunkArrived;
    const char* line = reinterpret_cast<const char*>(&lines_[is_far ? transfer.to : transfer.from]);
    kraken::Prefetch(line);
    kraken::Prefetch(line + sizeof(Line) - 1);
  } else if (step == 4 && event.kind != EventKind::kChunkArrived) {
    for (uint32_t number : lines_[transfer.from].sending) kraken::Prefetch(&transfers_[number]);
  }
}

void PayloadNet::OnChunkSent(const Event& event) {
  const uint32_t host = event.c;
  lines_[host].up_busy = false;
  {
    Transfer& transfer = transfers_[event.a];
    if (transfer.dead) {
      Release(event.a);
    } else {
      if (zones_.size() == 1 || lines_[host].zone == lines_[transfer.to].zone) {
        Deliver(event.a, event.b, world_->now());
      } else {
        ZoneLine& zone = ZoneOf(host);
        zone.bytes_out += event.b;
        world_->queue().Schedule(
            Pass(zone.up_free_at, world_->now(), event.b, zone.up_nanos_per_byte),
            EventKind::kChunkCrossed, event.a, event.b);
      }
      if (transfer.unsent == 0 && !transfer.stopped) FinishSending(event.a);
    }
  }
  Kick(host);
}

// A chunk has left its zone, and waits to get into the other.
void PayloadNet::OnChunkCrossed(const Event& event) {
  const Transfer& transfer = transfers_[event.a];
  if (transfer.dead) return Release(event.a);
  ZoneLine& zone = ZoneOf(transfer.to);
  zone.bytes_in += event.b;
  Deliver(event.a, event.b,
          Pass(zone.down_free_at, world_->now(), event.b, zone.down_nanos_per_byte));
}

// What a chunk needs besides from `at` on, to the line of its receiver.
void PayloadNet::Deliver(uint32_t number, uint32_t bytes, int64_t at) {
  Transfer& transfer = transfers_[number];
  transfer.last_arrival =
      std::max(at + world_->Delay(transfer.from, transfer.to), transfer.last_arrival + 1);
  world_->queue().Schedule(transfer.last_arrival, EventKind::kChunkArrived, number, bytes);
}

void PayloadNet::FinishSending(uint32_t number) {
  RemoveFromLine(number);
  const Transfer& transfer = transfers_[number];
  const uint32_t end = transfer.end;
  const PieceIndex piece = transfer.piece;
  world_->host(transfer.from).OnUploadDone(end, piece);
}

void PayloadNet::RemoveFromLine(uint32_t number) {
  Line& line = lines_[transfers_[number].from];
  auto it = std::find(line.sending.begin(), line.sending.end(), number);
  if (it == line.sending.end()) return;
  if (static_cast<size_t>(it - line.sending.begin()) < line.turn) --line.turn;
  line.sending.erase(it);
}

void PayloadNet::OnChunkArrived(const Event& event) {
  Transfer& transfer = transfers_[event.a];
  if (transfer.dead) return Release(event.a);
  const uint32_t host = transfer.to;
  Line& line = lines_[host];
  int64_t taken = Pass(line.down_free_at, world_->now(), event.b, line.down_nanos_per_byte);
  // The receiver writes before it reads on: the window is as full as the disk is slow.
  if (line.disk_nanos_per_byte > 0) {
    taken = Pass(line.disk_free_at, taken, event.b, line.disk_nanos_per_byte);
  }
  const bool is_first = transfer.not_arrived == transfer.bytes;
  transfer.not_arrived -= event.b;
  // Whoever has nothing more to send waits for no window.
  const bool needs_ack = transfer.unsent > 0;
  if (needs_ack) {
    world_->queue().Schedule(taken + world_->Delay(host, transfer.from), EventKind::kChunkAcked,
                             event.a);
  } else {
    --transfer.in_window;
  }
  if (transfer.not_arrived == 0) {
    ++transfer.events;
    world_->queue().Schedule(taken + world_->config().disk_nanos, EventKind::kPieceDone, event.a);
  }
  if (is_first && !transfer.stopped) {
    const PieceIndex piece = transfer.piece;
    world_->host(host).OnPieceStarted(World::OtherEnd(transfer.end), piece, event.b);
  }
  if (!needs_ack) Release(event.a);
}

void PayloadNet::OnChunkAcked(const Event& event) {
  Transfer& transfer = transfers_[event.a];
  --transfer.in_window;
  if (transfer.dead || transfer.unsent == 0) return Release(event.a);
  const uint32_t host = transfer.from;
  Release(event.a);
  Kick(host);
}

void PayloadNet::OnPieceDone(const Event& event) {
  const Transfer transfer = transfers_[event.a];
  Release(event.a);
  if (transfer.dead || transfer.stopped) return;
  world_->host(transfer.to)
      .OnPieceArrived(World::OtherEnd(transfer.end), transfer.piece, transfer.bytes,
                      transfer.corrupt);
}

void PayloadNet::Stop(uint32_t end, PieceIndex piece) {
  const Numbers& sending = lines_[world_->end(end).host].sending;
  for (uint32_t number : sending) {
    Transfer& transfer = transfers_[number];
    if (transfer.end != end || transfer.piece != piece || transfer.stopped) continue;
    transfer.stopped = true;
    transfer.unsent = 0;
    const int64_t received = transfer.bytes - transfer.not_arrived;
    RemoveFromLine(number);
    const uint32_t far_end = World::OtherEnd(end);
    World* world = world_;
    world->At(world->now(), [=] { world->host(world->end(end).host).OnUploadDone(end, piece); });
    const int64_t delay = world->Delay(transfer.from, transfer.to);
    world->At(world->now() + delay, [=] {
      world->host(world->end(far_end).host).OnPieceAborted(far_end, piece, received);
    });
    FreeIfOver(number);
    return;
  }
}

bool PayloadNet::IsSending(uint32_t end, PieceIndex piece) const {
  const Numbers& sending = lines_[world_->end(end).host].sending;
  return std::any_of(sending.begin(), sending.end(), [&](uint32_t number) {
    return transfers_[number].end == end && transfers_[number].piece == piece;
  });
}

void PayloadNet::CloseLink(uint32_t end) {
  for (uint32_t at : {end, World::OtherEnd(end)}) {
    const auto transfers = world_->end(at).transfers;
    for (uint32_t number : transfers) {
      transfers_[number].dead = true;
      RemoveFromLine(number);
      FreeIfOver(number);
    }
  }
}

void PayloadNet::Release(uint32_t number) {
  KH_CHECK(transfers_[number].events > 0);
  --transfers_[number].events;
  FreeIfOver(number);
}

void PayloadNet::FreeIfOver(uint32_t number) {
  const Transfer& transfer = transfers_[number];
  if (transfer.events > 0 || (transfer.unsent > 0 && !transfer.dead)) return;
  auto& transfers = world_->end(transfer.end).transfers;
  transfers.erase(std::find(transfers.begin(), transfers.end(), number));
  free_.push_back(number);
}

}  // namespace kraken::sim
