#include "kraken/origin/origin_server.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_join.h"
#include "kraken/base/digest.h"
#include "kraken/daemon/blob_requests.h"
#include "kraken/registry/content_response.h"

namespace kraken::origin {
namespace {

using Exchange = std::shared_ptr<net::HttpExchange>;

void GetLocations(const OriginServerParts& parts, Exchange exchange) {
  absl::StatusOr<Digest> digest = Digest::Parse(exchange->path_param("digest"));
  if (!digest.ok()) {
    exchange->RespondError(400, digest.status().message());
    return;
  }
  parts.control->Post([cluster = parts.cluster, exchange, digest = *digest] {
    const std::string locations = absl::StrJoin(cluster->ring()->Locations(digest), ",");
    exchange->Post([locations](net::HttpExchange& e) {
      e.Respond(200, {{"Origin-Locations", locations}}, "");
    });
  });
}

void GetBlob(const OriginServerParts& parts, Exchange exchange) {
  const std::optional<daemon::BlobName> name = daemon::ReadBlobName(*exchange);
  if (!name.has_value()) return;
  absl::StatusOr<std::shared_ptr<const storage::Blob>> blob = parts.store->Find(name->digest);
  if (absl::IsNotFound(blob.status())) {
    parts.control->Post(
        [hub = parts.hub, name = *name] { hub->Warm(name.digest, name.ns.ToString()); });
    exchange->Respond(202, {}, "");
    return;
  }
  if (!blob.ok()) {
    daemon::RespondBlobError(*exchange, blob.status());
    return;
  }
  registry::ContentResponse response =
      registry::BlobResponse(exchange->request().headers, name->digest, (*blob)->size());
  if (!response.body.has_value()) {
    exchange->Respond(response.status, response.headers, "");
    return;
  }
  const auto length = static_cast<uint64_t>(response.body->length.value());
  exchange->StartResponse(response.status, response.headers, length);
  if (length > 0) {
    exchange->SendFile((*blob)->fd(), static_cast<uint64_t>(response.body->offset.value()), length,
                       *blob);
  }
  exchange->Finish();
}

}  // namespace

void AddOriginRoutes(net::Router& router, const OriginServerParts& parts) {
  router.Add("GET", "/blobs/{digest}/locations",
             [parts](Exchange exchange) { GetLocations(parts, std::move(exchange)); });
  router.Add("GET", "/x/blobs", [parts](Exchange exchange) {
    parts.control->Post([hub = parts.hub, exchange] {
      exchange->Post([json = hub->DescribeJson()](net::HttpExchange& e) {
        e.Respond(200, {{"Content-Type", "application/json"}}, json);
      });
    });
  });
  router.Add("GET", "/namespace/{namespace}/blobs/{digest}",
             [parts](Exchange exchange) { GetBlob(parts, std::move(exchange)); });
}

}  // namespace kraken::origin
