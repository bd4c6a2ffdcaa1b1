// What a proxy says in X-Forwarded-*: each line is a field, its first character says which.
// Whatever comes out is an address, a scheme and a host that are fit for a log and for an address
// we make.
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "kraken/base/check.h"
#include "kraken/net/forwarded.h"
#include "kraken/net/request_id.h"
#include "kraken/net/url.h"

namespace {

using kraken::net::CidrSet;
using kraken::net::ForwardedClient;
using kraken::net::HeaderMap;
using kraken::net::SocketAddress;

absl::string_view NameFor(char selector) {
  switch (selector) {
    case 'p':
      return "X-Forwarded-Proto";
    case 'h':
      return "X-Forwarded-Host";
    case 'i':
      return "X-Request-Id";
    default:
      return "X-Forwarded-For";
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto* trusted = new CidrSet(*CidrSet::Parse({"10.0.0.0/8", "::1"}));
  static const auto* peer = new SocketAddress(*SocketAddress::Parse("10.0.0.1:1"));
  HeaderMap headers;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (!line.empty()) headers.Add(NameFor(line[0]), line.substr(1));
  }
  const ForwardedClient client = kraken::net::ReadForwarded(headers, *peer, *trusted);
  KH_CHECK(client.address.is_ip());
  KH_CHECK(SocketAddress::Parse(client.address.ToString()).ok());
  KH_CHECK(client.scheme.empty() || client.scheme == "http" || client.scheme == "https");
  if (!client.host.empty()) {
    const auto url = kraken::net::Url::Parse(absl::StrCat("https://", client.host, "/x"));
    KH_CHECK(url.ok() && url->target == "/x");
    for (const char c : client.host) KH_CHECK(absl::ascii_isgraph(static_cast<unsigned char>(c)));
  }
  const std::string id = kraken::net::RequestIdFor(headers);
  KH_CHECK(kraken::net::IsRequestId(id));
  KH_CHECK(kraken::net::IsHeaderValue(id));
  return 0;
}
