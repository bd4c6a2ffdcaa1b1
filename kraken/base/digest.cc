#include "kraken/base/digest.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "kraken/base/hex.h"

namespace kraken {
namespace {

constexpr absl::string_view kPrefix = "sha256:";

}  // namespace

absl::StatusOr<Digest> Digest::Parse(absl::string_view text) {
  if (!absl::ConsumePrefix(&text, kPrefix)) {
    return absl::InvalidArgumentError("digest: expected \"sha256:\" and 64 lower-case hex digits");
  }
  return FromHex(text);
}

absl::StatusOr<Digest> Digest::FromHex(absl::string_view hex) {
  Digest digest;
  if (!HexDecode(hex, absl::MakeSpan(digest.bytes_))) {
    return absl::InvalidArgumentError("digest: expected 64 lower-case hex digits");
  }
  return digest;
}

std::string Digest::ToString() const { return absl::StrCat(kPrefix, hex()); }

std::string Digest::hex() const { return HexEncode(bytes_); }

}  // namespace kraken
