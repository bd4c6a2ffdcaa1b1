#include "kraken/daemon/blob_requests.h"

#include "absl/status/statusor.h"
#include "kraken/registry/errors.h"

namespace kraken::daemon {

std::optional<BlobName> ReadBlobName(net::HttpExchange& exchange) {
  const absl::StatusOr<Digest> digest = Digest::Parse(exchange.path_param("digest"));
  const absl::StatusOr<Namespace> ns = Namespace::Parse(exchange.path_param("namespace"));
  if (digest.ok() && ns.ok()) return BlobName{*digest, *ns};
  exchange.RespondError(400, (digest.ok() ? ns.status() : digest.status()).message());
  return std::nullopt;
}

void RespondBlobError(net::HttpExchange& exchange, const absl::Status& status) {
  const int http = registry::ReplyFor(status, registry::ResourceKind::kBlob).http_status;
  exchange.RespondError(http, status.message());
}

}  // namespace kraken::daemon
