#include "kraken/origin/kraken_routes.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/json.h"
#include "kraken/daemon/blob_requests.h"
#include "kraken/daemon/kraken_json.h"
#include "kraken/rpc/convert.h"

namespace kraken::origin {
namespace {

using Exchange = std::shared_ptr<net::HttpExchange>;

std::string DescribePeer(const KrakenRoutesParts& parts) {
  return absl::StrCat("{\"ip\":", DumpJson(parts.self.ip), ",\"port\":", parts.self.port,
                      ",\"peer_id\":", daemon::ToKrakenJson(parts.self.id.bytes()),
                      ",\"zone\":", DumpJson(parts.zone), ",\"cluster\":\"\",\"origin\":true}");
}

void GetMetainfo(const KrakenRoutesParts& parts, Exchange exchange) {
  const std::optional<daemon::BlobName> name = daemon::ReadBlobName(*exchange);
  if (!name.has_value()) return;
  parts.control->Post([hub = parts.hub, exchange = std::move(exchange), name = *name] {
    hub->GetKraken(name.digest, name.ns.ToString(), [exchange](const KrakenSums::Result& metainfo) {
      exchange->Post([metainfo](net::HttpExchange& e) {
        if (!metainfo.ok()) return daemon::RespondBlobError(e, metainfo.status());
        if (*metainfo == nullptr) return e.Respond(202, {}, "");
        e.Respond(200, {{"Content-Type", "application/json"}}, (*metainfo)->ToJson());
      });
    });
  });
}

void HeadBlob(const KrakenRoutesParts& parts, Exchange exchange) {
  const std::optional<daemon::BlobName> name = daemon::ReadBlobName(*exchange);
  if (!name.has_value()) return;
  rpc::v1::StatRequest request;
  request.set_digest(rpc::ToBytes(name->digest));
  request.set_namespace_(name->ns.ToString());
  request.set_local(exchange->query() == "local=true");
  parts.control->Post([hub = parts.hub, exchange = std::move(exchange), request] {
    hub->OnStat(request, [exchange](const absl::StatusOr<rpc::v1::StatReply>& stat) {
      exchange->Post([stat](net::HttpExchange& e) {
        if (!stat.ok()) return daemon::RespondBlobError(e, stat.status());
        // Of the answer to a HEAD nothing but its head is sent.
        e.StartResponse(200, {}, stat->size_bytes());
        e.Finish();
      });
    });
  });
}

}  // namespace

void AddKrakenRoutes(net::Router& router, const KrakenRoutesParts& parts) {
  router.Add("GET", "/internal/peercontext",
             parts.gate->Guard([description = DescribePeer(parts)](const Exchange& exchange) {
               exchange->Respond(200, {{"Content-Type", "application/json"}}, description);
             }));
  router.Add(
      "GET", "/internal/namespace/{namespace}/blobs/{digest}/metainfo",
      parts.gate->Guard([parts](Exchange exchange) { GetMetainfo(parts, std::move(exchange)); }));
  router.Add(
      "HEAD", "/internal/namespace/{namespace}/blobs/{digest}",
      parts.gate->Guard([parts](Exchange exchange) { HeadBlob(parts, std::move(exchange)); }));
}

}  // namespace kraken::origin
