#include "kraken/tracker/kraken_routes.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kraken/base/digest.h"
#include "kraken/base/info_hash.h"
#include "kraken/base/namespace.h"
#include "kraken/registry/errors.h"
#include "kraken/tracker/kraken_announce.h"

namespace kraken::tracker {
namespace {

using Exchange = std::shared_ptr<net::HttpExchange>;

constexpr uint64_t kMaxAnnounceBytes = 16 << 10;

// In the exchange's loop.
void RespondError(net::HttpExchange& exchange, const absl::Status& status) {
  const int http = registry::ReplyFor(status, registry::ResourceKind::kBlob).http_status;
  exchange.RespondError(http, status.message());
}

void RespondJson(net::HttpExchange& exchange, const std::string& json) {
  exchange.Respond(200, {{"Content-Type", "application/json"}}, json);
}

void GetMetainfo(const KrakenRoutesParts& parts, Exchange exchange) {
  const absl::StatusOr<Digest> digest = Digest::Parse(exchange->path_param("digest"));
  const absl::StatusOr<Namespace> ns = Namespace::Parse(exchange->path_param("namespace"));
  if (!digest.ok() || !ns.ok()) {
    exchange->RespondError(400, (digest.ok() ? ns.status() : digest.status()).message());
    return;
  }
  parts.control->Post(
      [hub = parts.hub, exchange = std::move(exchange), digest = *digest, ns = ns->ToString()] {
        hub->GetMetainfo(digest, ns,
                         [exchange](const absl::StatusOr<KrakenHub::MetainfoPtr>& metainfo) {
                           exchange->Post([metainfo](net::HttpExchange& e) {
                             if (!metainfo.ok()) return RespondError(e, metainfo.status());
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
    if (!announce.ok()) return RespondError(*exchange, announce.status());
    parts.control->Post([hub = parts.hub, exchange, announce = *std::move(announce)] {
      hub->Announce(announce,
                    [exchange, complete = announce.peer.complete, interval = hub->interval()](
                        const absl::StatusOr<std::vector<swarm::PeerInfo>>& peers) {
                      exchange->Post([peers, complete, interval](net::HttpExchange& e) {
                        if (!peers.ok()) return RespondError(e, peers.status());
                        RespondJson(e, complete ? FormatKrakenAnnounceReply(interval)
                                                : FormatKrakenAnnounceReply(*peers, interval));
                      });
                    });
    });
  });
}

void AnnounceInPath(const KrakenRoutesParts& parts, Exchange exchange) {
  const absl::StatusOr<InfoHash> info_hash = InfoHash::Parse(exchange->path_param("infohash"));
  if (!info_hash.ok()) return RespondError(*exchange, info_hash.status());
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
