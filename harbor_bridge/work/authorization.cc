#include "harbor_bridge/work/authorization.h"

#include <openssl/mem.h>

#include "kraken/base/digest.h"
#include "kraken/base/sha256.h"

namespace harbor_bridge {
namespace {

kraken::Digest HashOf(absl::string_view secret) {
  kraken::Sha256 hash;
  hash.Update(secret);
  return hash.Finish();
}

}  // namespace

bool IsSameSecret(absl::string_view given, absl::string_view expected) {
  const kraken::Digest a = HashOf(given);
  const kraken::Digest b = HashOf(expected);
  return CRYPTO_memcmp(a.bytes().data(), b.bytes().data(), a.bytes().size()) == 0;
}

bool IsAuthorized(const kraken::net::HttpExchange& exchange, absl::string_view expected) {
  return expected.empty() ||
         IsSameSecret(exchange.request().headers.GetOr("Authorization"), expected);
}

bool IsOperator(const kraken::net::HttpExchange& exchange) {
  const kraken::net::HttpPeer& peer = exchange.peer();
  return peer.address.is_loopback() || peer.certificate.has_value();
}

void RespondUnauthorized(kraken::net::HttpExchange& exchange) {
  exchange.Respond(401, {{"WWW-Authenticate", "Basic realm=\"harbor-bridge\""}},
                   "the Authorization of this Harbor's events is wrong or missing\n");
}

}  // namespace harbor_bridge
