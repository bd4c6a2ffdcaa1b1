#include "kraken/net/cidr_set.h"

#include <arpa/inet.h>

#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace kraken::net {
namespace {

constexpr int kMappedBits = 96;

// The bits of byte `i` that a prefix of `bits` bits covers.
uint8_t MaskOfByte(int bits, int i) {
  const int covered = bits - 8 * i;
  if (covered >= 8) return 0xff;
  return covered <= 0 ? 0 : static_cast<uint8_t>(0xff << (8 - covered));
}

}  // namespace

bool CidrSet::ToBytes(absl::string_view ip, Bytes* bytes, bool* is_v4) {
  const std::string text(ip);
  bytes->fill(0);
  *is_v4 = ::inet_pton(AF_INET, text.c_str(), bytes->data() + 12) == 1;
  if (*is_v4) {
    (*bytes)[10] = (*bytes)[11] = 0xff;
    return true;
  }
  return ::inet_pton(AF_INET6, text.c_str(), bytes->data()) == 1;
}

bool CidrSet::Matches(const Range& range, const Bytes& address) {
  for (int i = 0; i < 16; ++i) {
    if (((range.address[i] ^ address[i]) & MaskOfByte(range.bits, i)) != 0) return false;
  }
  return true;
}

absl::StatusOr<CidrSet> CidrSet::Parse(const std::vector<std::string>& ranges) {
  CidrSet result;
  for (const std::string& text : ranges) {
    const size_t slash = text.find('/');
    Range range;
    bool is_v4 = false;
    const absl::string_view ip = absl::string_view(text).substr(0, slash);
    if (!ToBytes(ip, &range.address, &is_v4)) {
      return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is no address range"));
    }
    const int most = is_v4 ? 32 : 128;
    int bits = most;
    if (slash != std::string::npos &&
        (!absl::SimpleAtoi(absl::string_view(text).substr(slash + 1), &bits) || bits < 0 ||
         bits > most)) {
      return absl::InvalidArgumentError(absl::StrCat("\"", text, "\": bad length of prefix"));
    }
    range.bits = bits + (is_v4 ? kMappedBits : 0);
    for (int i = 0; i < 16; ++i) {
      if ((range.address[i] & ~MaskOfByte(range.bits, i)) != 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("\"", text, "\": the address has bits beyond the prefix"));
      }
    }
    result.ranges_.push_back(range);
  }
  return result;
}

bool CidrSet::Contains(const SocketAddress& address) const {
  Bytes bytes;
  bool is_v4 = false;
  if (!ToBytes(address.is_unix() ? "127.0.0.1" : address.ip(), &bytes, &is_v4)) return false;
  for (const Range& range : ranges_) {
    if (Matches(range, bytes)) return true;
  }
  return false;
}

}  // namespace kraken::net
