#include "kraken/net/request_id.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "kraken/base/random.h"

namespace kraken::net {
namespace {

bool IsRequestIdCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains("-_.:/+=@", c);
}

void AppendHex(uint64_t value, std::string* out) {
  for (int shift = 60; shift >= 0; shift -= 4) {
    out->push_back("0123456789abcdef"[(value >> shift) & 0xf]);
  }
}

}  // namespace

bool IsRequestId(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxRequestIdBytes &&
         std::all_of(text.begin(), text.end(), IsRequestIdCharacter);
}

std::string NewRequestId() {
  // Asking the kernel each time would be a system call for each request.
  thread_local SeededBitGen high(SystemBitGen().Next());
  thread_local SeededBitGen low(SystemBitGen().Next());
  std::string id;
  id.reserve(32);
  AppendHex(high.Next(), &id);
  AppendHex(low.Next(), &id);
  return id;
}

std::string RequestIdFor(const HeaderMap& headers) {
  const absl::optional<absl::string_view> sent = headers.Get(kRequestIdField);
  if (!sent.has_value() || !IsRequestId(*sent) || headers.Count(kRequestIdField) > 1) {
    return NewRequestId();
  }
  return std::string(*sent);
}

}  // namespace kraken::net
