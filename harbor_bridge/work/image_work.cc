#include "harbor_bridge/work/image_work.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge {

std::string ImageWork::Key() const {
  return absl::StrCat(harbor, "/", repository.ToString(), reference.is_tag() ? ":" : "@",
                      reference.ToString());
}

std::string ImageWork::Encode() const {
  nlohmann::json json;
  json["harbor"] = harbor;
  json["repository"] = repository.ToString();
  json["reference"] = reference.ToString();
  return kraken::DumpJson(json);
}

absl::StatusOr<ImageWork> ImageWork::Decode(absl::string_view payload) {
  KH_ASSIGN_OR_RETURN(const nlohmann::json json, kraken::ParseJson(payload));
  const auto text = [&json](absl::string_view key) {
    return kraken::JsonString(kraken::FindJson(json, key)).value_or("");
  };
  KH_ASSIGN_OR_RETURN(kraken::RepositoryName repository,
                      kraken::RepositoryName::Parse(text("repository")));
  KH_ASSIGN_OR_RETURN(kraken::Reference reference, kraken::Reference::Parse(text("reference")));
  return ImageWork{.harbor = text("harbor"),
                   .repository = std::move(repository),
                   .reference = std::move(reference)};
}

}  // namespace harbor_bridge
