#include "kraken/tracker/kraken_routes.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kraken/base/info_hash.h"
#include "kraken/daemon/blob_requests.h"
#include "kraken/tracker/kraken_announce.h"

namespace kraken::tracker {
namespace {

using Exchange = std::shared_ptr<net::HttpExchange>;

constexpr uint64_t kMaxAnnounceBytes = 16 << 10;

void RespondJson(net::HttpExchange& exchange, const std::string& json) {
  exchange.Respond(200, {{"Content-Type", "application/json"}}, json);
}

void GetMetainfo(const KrakenRoutesParts& parts, Exchange exchange) {
  const std::optional<daemon::BlobName> name = daemon::ReadBlobName(*exchange);
  if (!name.has_value()) return;
  parts.control->Post([hub = parts.hub, exchange = std::move(exchange), name = *name] {
    hub->GetMetainfo(name.digest, name.ns.ToString(),
                     [exchange](const absl::StatusOr<KrakenHub::MetainfoPtr>& metainfo) {
                       exchange->Post([metainfo](net::HttpExchange& e) {
                         if (!metainfo.ok()) return daemon::RespondBlobError(e, metainfo.status());
                         if (*metainfo == nullptr) return e.Respond(202, {}, "");
                         RespondJson(e, (*metainfo)->ToJson());
                       });
                     });
  });
}

void Announce(const KrakenRoutesParts& parts, const std::optional<InfoHash>& info_hash,
              Exchange exchange) {
  net::HttpExchange& reading = *exchange;
  reading.set_max_body_bytes(kMaxAnnounceBytes);
  reading.ReadBody([parts, info_hash, exchange = std::move(exchange)](const std::string& body) {
    absl::StatusOr<KrakenAnnounce> announce = ParseKrakenAnnounce(body, info_hash);
    if (!announce.ok()) return daemon::RespondBlobError(*exchange, announce.status());
    parts.control->Post([hub = parts.hub, exchange, announce = *std::move(announce)] {
      hub->Announce(announce,
                    [exchange, complete = announce.peer.complete, interval = hub->interval()](
                        const absl::StatusOr<std::vector<swarm::PeerInfo>>& peers) {
                      exchange->Post([peers, complete, interval](net::HttpExchange& e) {
                        if (!peers.ok()) return daemon::RespondBlobError(e, peers.status());
                        RespondJson(e, complete ? FormatKrakenAnnounceReply(interval)
                                                : FormatKrakenAnnounceReply(*peers, interval));
                      });
                    });
    });
  });
}

void AnnounceInPath(const KrakenRoutesParts& parts, Exchange exchange) {
  const absl::StatusOr<InfoHash> info_hash = InfoHash::Parse(exchange->path_param("infohash"));
  if (!info_hash.ok()) return daemon::RespondBlobError(*exchange, info_hash.status());
  Announce(parts, *info_hash, std::move(exchange));
}

}  // namespace

void AddKrakenRoutes(net::Router& router, const KrakenRoutesParts& parts) {
  router.Add(
      "GET", "/namespace/{namespace}/blobs/{digest}/metainfo",
      parts.gate->Guard([parts](Exchange exchange) { GetMetainfo(parts, std::move(exchange)); }));
  router.Add("POST", "/announce/{infohash}", parts.gate->Guard([parts](Exchange exchange) {
    AnnounceInPath(parts, std::move(exchange));
  }));
  router.Add("GET", "/announce", parts.gate->Guard([parts](Exchange exchange) {
    Announce(parts, std::nullopt, std::move(exchange));
  }));
}

}  // namespace kraken::tracker
