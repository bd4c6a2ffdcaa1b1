#include "kraken/base/image_name.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/host_name.h"
#include "kraken/base/status_macros.h"

namespace kraken {

absl::StatusOr<Reference> Reference::Parse(absl::string_view text) {
  if (absl::StrContains(text, ':')) {
    KH_ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(text));
    return Reference(digest);
  }
  KH_ASSIGN_OR_RETURN(Tag tag, Tag::Parse(text));
  return Reference(std::move(tag));
}

std::string Reference::ToString() const {
  return is_tag() ? tag()->ToString() : digest()->ToString();
}

absl::StatusOr<ImageName> ImageName::Parse(absl::string_view text) {
  std::optional<Digest> digest;
  if (const size_t at = text.find('@'); at != absl::string_view::npos) {
    KH_ASSIGN_OR_RETURN(digest, Digest::Parse(text.substr(at + 1)));
    text = text.substr(0, at);
  }
  std::string host;
  if (const size_t slash = text.find('/');
      slash != absl::string_view::npos && LooksLikeHost(text.substr(0, slash))) {
    host = absl::AsciiStrToLower(text.substr(0, slash));
    if (!IsValidHost(host)) return absl::InvalidArgumentError("image name: bad host");
    text = text.substr(slash + 1);
  }
  std::optional<Tag> tag;
  if (const size_t colon = text.rfind(':'); colon != absl::string_view::npos) {
    KH_ASSIGN_OR_RETURN(tag, Tag::Parse(text.substr(colon + 1)));
    text = text.substr(0, colon);
  }
  KH_ASSIGN_OR_RETURN(RepositoryName repository, RepositoryName::Parse(text));
  return ImageName{std::move(host), std::move(repository), std::move(tag), digest};
}

std::optional<Reference> ImageName::reference() const {
  if (digest.has_value()) return Reference(*digest);
  if (tag.has_value()) return Reference(*tag);
  return std::nullopt;
}

std::string ImageName::ToString() const {
  std::string text;
  if (!host.empty()) absl::StrAppend(&text, host, "/");
  absl::StrAppend(&text, repository.ToString());
  if (tag.has_value()) absl::StrAppend(&text, ":", tag->ToString());
  if (digest.has_value()) absl::StrAppend(&text, "@", digest->ToString());
  return text;
}

}  // namespace kraken
