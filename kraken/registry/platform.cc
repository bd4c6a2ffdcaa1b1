#include "kraken/registry/platform.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace kraken::registry {
namespace {

struct Alias {
  absl::string_view name;
  absl::string_view architecture;
  absl::string_view variant;
};

// From containerd's platforms package.
constexpr Alias kAliases[] = {
    {"x86_64", "amd64", ""},  {"x86-64", "amd64", ""}, {"i386", "386", ""},    {"i686", "386", ""},
    {"aarch64", "arm64", ""}, {"armhf", "arm", "v7"},  {"armel", "arm", "v6"},
};

bool IsPart(absl::string_view part) {
  return !part.empty() && std::all_of(part.begin(), part.end(), [](char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
  });
}

// `platform` in Go's names and in lower case.
Platform Normalized(const Platform& platform) {
  Platform result = platform;
  absl::AsciiStrToLower(&result.os);
  absl::AsciiStrToLower(&result.architecture);
  absl::AsciiStrToLower(&result.variant);
  for (const Alias& alias : kAliases) {
    if (result.architecture != alias.name) continue;
    result.architecture = std::string(alias.architecture);
    if (result.variant.empty()) result.variant = std::string(alias.variant);
    break;
  }
  // Some tools write "8" for "v8".
  if (!result.variant.empty() && absl::ascii_isdigit(result.variant[0])) {
    result.variant.insert(0, "v");
  }
  return result;
}

absl::string_view DefaultVariant(absl::string_view architecture) {
  if (architecture == "arm") return "v7";
  if (architecture == "arm64") return "v8";
  if (architecture == "amd64") return "v1";
  return "";
}

absl::string_view EffectiveVariant(const Platform& platform) {
  return platform.variant.empty() ? DefaultVariant(platform.architecture)
                                  : absl::string_view(platform.variant);
}

}  // namespace

absl::StatusOr<Platform> Platform::Parse(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '/');
  if (parts.size() < 2 || parts.size() > 3 || !std::all_of(parts.begin(), parts.end(), IsPart)) {
    return absl::InvalidArgumentError(
        absl::StrCat("platform \"", text, "\" is not os/architecture[/variant]"));
  }
  Platform platform;
  platform.os = std::string(parts[0]);
  platform.architecture = std::string(parts[1]);
  if (parts.size() == 3) platform.variant = std::string(parts[2]);
  return Normalized(platform);
}

std::string Platform::ToString() const {
  return variant.empty() ? absl::StrCat(os, "/", architecture)
                         : absl::StrCat(os, "/", architecture, "/", variant);
}

bool PlatformMatches(const Platform& wanted, const Platform& image) {
  const Platform want = Normalized(wanted);
  const Platform have = Normalized(image);
  if (want.os != have.os || want.architecture != have.architecture) return false;
  return want.variant.empty() || EffectiveVariant(want) == EffectiveVariant(have);
}

}  // namespace kraken::registry
