#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "kraken/base/check.h"
#include "kraken/registry/errors.h"

// An error body never grows, never brings control characters into a message, and what it said comes
// out again at the other end.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view body(reinterpret_cast<const char*>(data), size);
  const auto errors = kraken::registry::ParseErrorBody(body);
  KH_CHECK(errors.size() <= kraken::registry::kMaxErrors);
  const absl::Status status = kraken::registry::StatusFromResponse(404, body, "blob");
  for (char c : status.message()) KH_CHECK(!absl::ascii_iscntrl(c));
  const auto upstream = kraken::registry::UpstreamErrorOf(status);
  KH_CHECK(upstream.has_value());
  if (!errors.empty()) KH_CHECK(upstream->error == errors[0]);
  const auto reply = kraken::registry::ReplyFor(status, kraken::registry::ResourceKind::kBlob);
  KH_CHECK(reply.http_status == 404);
  KH_CHECK(!kraken::registry::ErrorResponse(reply).body.empty());
  return 0;
}
