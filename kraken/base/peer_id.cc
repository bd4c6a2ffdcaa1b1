#include "kraken/base/peer_id.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "kraken/base/sha1.h"

namespace kraken {

PeerId PeerId::Random() {
  SystemBitGen bits;
  return Random(bits);
}

PeerId PeerId::Random(BitGen& bits) {
  Bytes bytes;
  bits.Fill(absl::MakeSpan(bytes));
  return FromBytes(bytes);
}

PeerId PeerId::FromAddress(absl::string_view ip, int port) {
  const bool bare_ipv6 = absl::StrContains(ip, ':') && !absl::StartsWith(ip, "[");
  return FromBytes(
      Sha1(bare_ipv6 ? absl::StrCat("[", ip, "]:", port) : absl::StrCat(ip, ":", port)));
}

}  // namespace kraken
