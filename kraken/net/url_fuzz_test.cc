// URLs, references, request targets, queries and addresses: what is accepted means the same when it
// is written out and read again.
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "kraken/base/check.h"
#include "kraken/net/socket_address.h"
#include "kraken/net/url.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using kraken::net::Url;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  if (const absl::StatusOr<Url> url = Url::Parse(text); url.ok()) {
    const absl::StatusOr<Url> again = Url::Parse(url->ToString());
    KH_CHECK(again.ok());
    KH_CHECK(again->ToString() == url->ToString());
    KH_CHECK(again->SameOrigin(*url));
    KH_CHECK(url->target[0] == '/');
  }
  const Url base = *Url::Parse("http://base.example/a/b/c?d");
  if (const absl::StatusOr<Url> url = base.Resolve(text); url.ok()) {
    KH_CHECK(url->target[0] == '/');
    KH_CHECK(Url::Parse(url->ToString()).ok());
  }
  if (const auto parts = kraken::net::SplitTarget(text); parts.ok()) {
    KH_CHECK(!parts->path.empty());
  }
  if (const auto decoded = kraken::net::PercentDecode(text); decoded.ok()) {
    KH_CHECK(*kraken::net::PercentDecode(kraken::net::PercentEncode(*decoded)) == *decoded);
    KH_CHECK(decoded->size() <= text.size());
  }
  if (const auto params = kraken::net::ParseQuery(text); params.ok()) {
    KH_CHECK(params->size() <= kraken::net::kMaxQueryParams);
  }
  if (const auto address = kraken::net::SocketAddress::Parse(text); address.ok()) {
    const auto again = kraken::net::SocketAddress::Parse(address->ToString());
    KH_CHECK(again.ok() && *again == *address);
  }
  return 0;
}
