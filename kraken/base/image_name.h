#ifndef KRAKEN_BASE_IMAGE_NAME_H_
#define KRAKEN_BASE_IMAGE_NAME_H_

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/base/digest.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/tag.h"

namespace kraken {

// What may stand after /manifests/: a tag or a digest.
class Reference {
 public:
  // Not explicit: a tag is a reference, and so is a digest.
  Reference(Tag tag) : value_(std::move(tag)) {}       // NOLINT(google-explicit-constructor)
  Reference(const Digest& digest) : value_(digest) {}  // NOLINT(google-explicit-constructor)

  // A digest if `text` has a ':', else a tag. INVALID_ARGUMENT if it is neither.
  static absl::StatusOr<Reference> Parse(absl::string_view text);

  // Exactly one of these is not null.
  const Tag* tag() const { return std::get_if<Tag>(&value_); }
  const Digest* digest() const { return std::get_if<Digest>(&value_); }

  bool is_tag() const { return tag() != nullptr; }
  bool is_digest() const { return digest() != nullptr; }

  // "latest" or "sha256:…".
  std::string ToString() const;

  friend bool operator==(const Reference&, const Reference&) = default;

 private:
  std::variant<Tag, Digest> value_;
};

// An image as a user writes it: [host/]repository[:tag][@digest]. Nothing is assumed for parts that
// are missing: no docker.io, no "library/", no "latest".
struct ImageName {
  std::string host;  // Lower case; empty if none was given.
  RepositoryName repository;
  std::optional<Tag> tag;
  std::optional<Digest> digest;

  // INVALID_ARGUMENT, naming the part that is wrong.
  static absl::StatusOr<ImageName> Parse(absl::string_view text);

  // The digest if there is one, else the tag, else nothing.
  std::optional<Reference> reference() const;

  std::string ToString() const;

  friend bool operator==(const ImageName&, const ImageName&) = default;
};

}  // namespace kraken

#endif  // KRAKEN_BASE_IMAGE_NAME_H_
