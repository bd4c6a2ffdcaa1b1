#include "kraken/origin/kraken_routes.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/digest.h"
#include "kraken/base/json.h"
#include "kraken/base/namespace.h"
#include "kraken/daemon/kraken_json.h"
#include "kraken/registry/errors.h"
#include "kraken/rpc/convert.h"

namespace kraken::origin {
namespace {

using Exchange = std::shared_ptr<net::HttpExchange>;

// In the exchange's loop.
void RespondError(net::HttpExchange& exchange, const absl::Status& status) {
  const int http = registry::ReplyFor(status, registry::ResourceKind::kBlob).http_status;
  exchange.RespondError(http, status.message());
}

// The blob that a path names; false: there is none, which has been answered.
bool ReadBlobName(net::HttpExchange& exchange, Digest* digest, std::string* ns) {
  const absl::StatusOr<Digest> parsed = Digest::Parse(exchange.path_param("digest"));
  const absl::StatusOr<Namespace> parsed_ns = Namespace::Parse(exchange.path_param("namespace"));
  if (!parsed.ok() || !parsed_ns.ok()) {
    exchange.RespondError(400, (parsed.ok() ? parsed_ns.status() : parsed.status()).message());
    return false;
  }
  *digest = *parsed;
  *ns = parsed_ns->ToString();
  return true;
}

std::string DescribePeer(const KrakenRoutesParts& parts) {
  return absl::StrCat("{\"ip\":", DumpJson(parts.self.ip), ",\"port\":", parts.self.port,
                      ",\"peer_id\":", daemon::ToKrakenJson(parts.self.id.bytes()),
                      ",\"zone\":", DumpJson(parts.zone), ",\"cluster\":\"\",\"origin\":true}");
}

void GetMetainfo(const KrakenRoutesParts& parts, Exchange exchange) {
  Digest digest;
  std::string ns;
  if (!ReadBlobName(*exchange, &digest, &ns)) return;
  parts.control->Post([hub = parts.hub, exchange = std::move(exchange), digest, ns] {
    hub->GetKraken(digest, ns, [exchange](const KrakenSums::Result& metainfo) {
      exchange->Post([metainfo](net::HttpExchange& e) {
        if (!metainfo.ok()) return RespondError(e, metainfo.status());
        if (*metainfo == nullptr) return e.Respond(202, {}, "");
        e.Respond(200, {{"Content-Type", "application/json"}}, (*metainfo)->ToJson());
      });
    });
  });
}

void HeadBlob(const KrakenRoutesParts& parts, Exchange exchange) {
  Digest digest;
  std::string ns;
  if (!ReadBlobName(*exchange, &digest, &ns)) return;
  rpc::v1::StatRequest request;
  request.set_digest(rpc::ToBytes(digest));
  request.set_namespace_(ns);
  request.set_local(exchange->query() == "local=true");
  parts.control->Post([hub = parts.hub, exchange = std::move(exchange), request] {
    hub->OnStat(request, [exchange](const absl::StatusOr<rpc::v1::StatReply>& stat) {
      exchange->Post([stat](net::HttpExchange& e) {
        if (!stat.ok()) return RespondError(e, stat.status());
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
