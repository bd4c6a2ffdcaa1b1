#include "kraken/base/namespace.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kraken/base/host_name.h"

namespace kraken {
namespace {

bool IsNamespaceCharacter(char c) {
  return absl::ascii_isgraph(c) && !absl::StrContains("\\%?#", c);
}

bool IsValidRepository(absl::string_view text) {
  if (text.empty() || text.size() > Namespace::kMaxRepositoryLength ||
      !std::all_of(text.begin(), text.end(), IsNamespaceCharacter)) {
    return false;
  }
  for (const absl::string_view segment : absl::StrSplit(text, '/')) {
    if (segment.empty() || segment == "." || segment == "..") return false;
  }
  return true;
}

// A Harbor's configured name.
bool IsValidShortName(absl::string_view text) {
  return text != "." && text != ".." && text.size() <= kMaxHostNameLength &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
         });
}

}  // namespace

absl::StatusOr<Namespace> Namespace::Parse(absl::string_view text) {
  const size_t slash = text.find('/');
  if (slash != absl::string_view::npos && LooksLikeHost(text.substr(0, slash))) {
    const std::string host = absl::AsciiStrToLower(text.substr(0, slash));
    if (!IsValidHost(host)) return absl::InvalidArgumentError("namespace: bad host");
    return Create(host, text.substr(slash + 1));
  }
  return Create("", text);
}

absl::StatusOr<Namespace> Namespace::Create(absl::string_view host, absl::string_view repository) {
  if (!host.empty() && !IsValidHost(host) && !IsValidShortName(host)) {
    return absl::InvalidArgumentError("namespace: bad host");
  }
  if (!IsValidRepository(repository)) {
    return absl::InvalidArgumentError(
        "namespace: expected printable ASCII in segments parted by '/', none of them empty, \".\" "
        "or \"..\"");
  }
  return Namespace(std::string(host), std::string(repository));
}

absl::StatusOr<RepositoryName> Namespace::ToRepositoryName() const {
  return RepositoryName::Parse(repository_);
}

std::string Namespace::ToString() const {
  return host_.empty() ? repository_ : absl::StrCat(host_, "/", repository_);
}

}  // namespace kraken
