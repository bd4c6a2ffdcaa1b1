#ifndef KRAKEN_DAEMON_BLOB_REQUESTS_H_
#define KRAKEN_DAEMON_BLOB_REQUESTS_H_

#include <optional>

#include "absl/status/status.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/net/http_exchange.h"

namespace kraken::daemon {

struct BlobName {
  Digest digest;
  Namespace ns;
};

// The blob that a route's parameters {namespace} and {digest} name. Nothing: they name none, which
// has been answered with 400. In the exchange's loop.
std::optional<BlobName> ReadBlobName(net::HttpExchange& exchange);

// Answers with the status that a registry has for this error of a blob. In the exchange's loop.
void RespondBlobError(net::HttpExchange& exchange, const absl::Status& status);

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_BLOB_REQUESTS_H_
