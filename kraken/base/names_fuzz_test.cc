// The small parsers of names and quantities: whatever they accept they print, and read back equal.

#include <cstddef>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "kraken/base/byte_size.h"
#include "kraken/base/check.h"
#include "kraken/base/digest.h"
#include "kraken/base/go_duration.h"
#include "kraken/base/image_name.h"
#include "kraken/base/info_hash.h"
#include "kraken/base/namespace.h"
#include "kraken/base/peer_id.h"

namespace kraken {
namespace {

template <typename T>
void CheckRoundTrip(absl::string_view text) {
  const absl::StatusOr<T> value = T::Parse(text);
  if (!value.ok()) return;
  const absl::StatusOr<T> again = T::Parse(value->ToString());
  KH_CHECK(again.ok());
  KH_CHECK(*again == *value);
}

void CheckNamesAreSafeInPaths(absl::string_view text) {
  const absl::StatusOr<Namespace> name = Namespace::Parse(text);
  if (!name.ok()) return;
  const std::string path = "/" + name->ToString() + "/";
  KH_CHECK(!absl::StrContains(path, "/../"));
  KH_CHECK(!absl::StrContains(path, "/./"));
  KH_CHECK(!absl::StrContains(path, "//"));
  KH_CHECK(path.find('\0') == std::string::npos);
}

void CheckQuantities(absl::string_view text) {
  if (const auto size = ParseByteSize(text); size.ok()) {
    const auto again = ParseByteSize(FormatByteSize(*size));
    KH_CHECK(again.ok() && *again == *size);
  }
  if (const auto duration = ParseGoDuration(text); duration.ok()) {
    const auto again = ParseGoDuration(FormatGoDuration(*duration));
    KH_CHECK(again.ok() && *again == *duration);
  }
}

}  // namespace
}  // namespace kraken

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  kraken::CheckRoundTrip<kraken::Digest>(text);
  kraken::CheckRoundTrip<kraken::PeerId>(text);
  kraken::CheckRoundTrip<kraken::InfoHash>(text);
  kraken::CheckRoundTrip<kraken::RepositoryName>(text);
  kraken::CheckRoundTrip<kraken::Tag>(text);
  kraken::CheckRoundTrip<kraken::Reference>(text);
  kraken::CheckRoundTrip<kraken::ImageName>(text);
  kraken::CheckRoundTrip<kraken::Namespace>(text);
  kraken::CheckNamesAreSafeInPaths(text);
  kraken::CheckQuantities(text);
  return 0;
}
