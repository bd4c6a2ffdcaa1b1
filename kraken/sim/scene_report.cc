// What a scene came to.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kraken/sim/scene.h"

namespace kraken::sim {

FlashCrowdResult Scene::Report() {
  FlashCrowdResult result;
  result.wanted = wanted_;
  result.floor_seconds = FloorSeconds(options_);
  result.reports = world_.reports();
  double busy = 0;
  for (uint32_t number : agents_) {
    SimHost& agent = world_.host(number);
    for (const SimHost::Torrent& torrent : agent.torrents()) {
      result.clients_failed += static_cast<uint64_t>(torrent.client_failures);
    }
    if (!agent.HasAll()) {
      Describe(agent, result);
      continue;
    }
    ++result.completed;
    const double took = static_cast<double>(agent.CompletedAt() - agent.JoinedAt());
    result.seconds.push_back(took / 1e9);
    busy += static_cast<double>(world_.payload().up_busy_nanos(number)) / took;
  }
  std::sort(result.seconds.begin(), result.seconds.end());
  result.everybody_completed = result.completed == wanted_ && AllCopied();
  result.up_utilisation = busy / std::max(result.completed, 1);
  AddUp(result);
  return result;
}

void Scene::AddUp(FlashCrowdResult& result) {
  uint64_t origin_bytes = 0, pieces = 0, haves = 0, requests = 0, redundant = 0;
  for (uint32_t number = 0; number < world_.host_count(); ++number) {
    SimHost& host = world_.host(number);
    if (host.spec().origin) origin_bytes += world_.payload().bytes_out(number);
    const swarm::SwarmStats stats = host.stats();
    pieces += stats.pieces_received - stats.pieces_redundant;
    redundant += stats.pieces_redundant;
    haves += stats.haves_sent;
    requests += stats.requests_sent;
    result.timeouts += stats.request_timeouts;
    result.cancels += stats.cancels_sent;
    result.rejects += stats.rejects_sent;
    result.corrupt_pieces += stats.pieces_corrupt;
    result.dials += stats.dials;
    result.refused += stats.incoming_refused;
    result.protocol_errors += stats.protocol_errors;
  }
  for (const auto& [by, banned] : world_.bans()) {
    result.honest_banned += world_.host(banned).spec().corruption == 0;
  }
  const double bytes = static_cast<double>(blob_bytes_);
  for (int zone = 1; zone <= options_.zones; ++zone) {
    const uint64_t in = world_.payload().bytes_into_zone(static_cast<uint16_t>(zone));
    result.copies_into_zones.push_back(static_cast<double>(in) / bytes);
  }
  const double counted = static_cast<double>(std::max<uint64_t>(pieces, 1));
  result.origin_amplification = static_cast<double>(origin_bytes) / bytes;
  result.messages_per_piece = static_cast<double>(world_.messages()) / counted;
  result.haves_per_piece = static_cast<double>(haves) / counted;
  result.requests_per_piece = static_cast<double>(requests) / counted;
  result.redundant_share = static_cast<double>(redundant) / counted;
  result.announces_per_agent = static_cast<double>(world_.announces()) / wanted_;
  result.timeline = std::move(timeline_);
  result.virtual_seconds = static_cast<double>(world_.now()) / 1e9;
  result.trace_hash = world_.trace_hash();
  result.events = world_.event_count();
}

void Scene::Describe(SimHost& agent, FlashCrowdResult& result) {
  if (result.stuck.size() > 1'000 || !agent.alive()) return;
  for (const SimHost::Torrent& torrent : agent.torrents()) {
    if (torrent.revoked) continue;
    const swarm::TorrentStats stats = agent.engine()->StatsOf(torrent.id);
    absl::StrAppend(&result.stuck, "agent ", agent.number(), ": ", torrent.truth.count().value(),
                    " of ", torrent.layout.piece_count().value(), " pieces, ", stats.links,
                    " links, ", stats.requests, " requests, ", stats.candidates, " candidates\n");
  }
}

}  // namespace kraken::sim
