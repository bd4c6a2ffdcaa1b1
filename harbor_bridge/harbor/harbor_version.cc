#include "harbor_bridge/harbor/harbor_version.h"

#include <re2/re2.h>

#include "absl/strings/str_cat.h"

namespace harbor_bridge::api {

std::optional<HarborVersion> HarborVersion::Parse(absl::string_view text) {
  static const re2::LazyRE2 kVersion = {"v?([0-9]{1,4})\\.([0-9]{1,4})([.+-].*)?"};
  HarborVersion version;
  if (!re2::RE2::FullMatch(text, *kVersion, &version.major, &version.minor)) return std::nullopt;
  return version;
}

std::string HarborVersion::ToString() const { return absl::StrCat(major, ".", minor); }

}  // namespace harbor_bridge::api
