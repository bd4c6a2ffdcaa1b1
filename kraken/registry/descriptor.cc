#include "kraken/registry/descriptor.h"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "kraken/base/digest.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/strong_index.h"

namespace kraken::registry {
namespace {

// Bounds what an error message repeats of a document.
constexpr size_t kMaxQuotedBytes = 100;

using nlohmann::json;

// A string member; empty if it is missing or null.
absl::StatusOr<std::string> StringMember(const json& object, absl::string_view key) {
  const json* member = FindJson(object, key);
  if (member == nullptr || member->is_null()) return std::string();
  std::optional<std::string> text = JsonString(member);
  if (!text.has_value()) return absl::InvalidArgumentError(absl::StrCat(key, " is not a string"));
  return *std::move(text);
}

absl::StatusOr<Digest> DigestMember(const json& object) {
  KH_ASSIGN_OR_RETURN(const std::string text, StringMember(object, "digest"));
  if (text.empty()) return absl::InvalidArgumentError("no digest");
  if (absl::StrContains(text, ':') && !absl::StartsWith(text, "sha256:")) {
    return absl::UnimplementedError(
        absl::StrCat("digest \"", text.substr(0, kMaxQuotedBytes), "\" is not sha256"));
  }
  return Digest::Parse(text);
}

absl::StatusOr<ByteCount> SizeMember(const json& object) {
  const std::optional<int64_t> size = JsonInt64(FindJson(object, "size"));
  if (!size.has_value()) return absl::InvalidArgumentError("size is not a whole number");
  if (*size < 0) return absl::InvalidArgumentError(absl::StrCat("size ", *size, " is negative"));
  return ByteCount(*size);
}

absl::StatusOr<absl::optional<Platform>> PlatformMember(const json& object) {
  const json* member = FindJson(object, "platform");
  if (member == nullptr || member->is_null()) return absl::nullopt;
  if (!member->is_object()) return absl::InvalidArgumentError("platform is not an object");
  Platform platform;
  KH_ASSIGN_OR_RETURN(platform.os, StringMember(*member, "os"));
  KH_ASSIGN_OR_RETURN(platform.architecture, StringMember(*member, "architecture"));
  KH_ASSIGN_OR_RETURN(platform.variant, StringMember(*member, "variant"));
  KH_ASSIGN_OR_RETURN(platform.os_version, StringMember(*member, "os.version"));
  return absl::optional<Platform>(std::move(platform));
}

absl::StatusOr<std::vector<std::string>> UrlsMember(const json& object) {
  std::vector<std::string> urls;
  const json* member = FindJson(object, "urls");
  if (member == nullptr || member->is_null()) return urls;
  if (!member->is_array()) return absl::InvalidArgumentError("urls is not a list");
  for (const json& element : *member) {
    std::optional<std::string> url = JsonString(&element);
    if (!url.has_value()) return absl::InvalidArgumentError("an element of urls is not a string");
    urls.push_back(*std::move(url));
  }
  return urls;
}

}  // namespace

absl::StatusOr<Descriptor> Descriptor::FromJson(const json& value) {
  if (!value.is_object()) return absl::InvalidArgumentError("not an object");
  Descriptor descriptor;
  KH_ASSIGN_OR_RETURN(descriptor.media_type, StringMember(value, "mediaType"));
  KH_ASSIGN_OR_RETURN(descriptor.digest, DigestMember(value));
  KH_ASSIGN_OR_RETURN(descriptor.size, SizeMember(value));
  KH_ASSIGN_OR_RETURN(descriptor.platform, PlatformMember(value));
  KH_ASSIGN_OR_RETURN(descriptor.urls, UrlsMember(value));
  KH_ASSIGN_OR_RETURN(descriptor.artifact_type, StringMember(value, "artifactType"));
  return descriptor;
}

}  // namespace kraken::registry
