#include "harbor_bridge/work/image_work.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge {

std::string ImageWork::Key() const {
  std::string key = absl::StrCat(harbor, "/", repository.ToString());
  if (reference.has_value()) {
    absl::StrAppend(&key, reference->is_tag() ? ":" : "@", reference->ToString());
  }
  return key;
}

std::string ImageWork::Encode() const {
  nlohmann::json json;
  json["harbor"] = harbor;
  json["repository"] = repository.ToString();
  if (reference.has_value()) json["reference"] = reference->ToString();
  json["expected"] = expected;
  return kraken::DumpJson(json);
}

absl::StatusOr<ImageWork> ImageWork::Decode(absl::string_view payload) {
  KH_ASSIGN_OR_RETURN(const nlohmann::json json, kraken::ParseJson(payload));
  const auto text = [&json](absl::string_view key) {
    return kraken::JsonString(kraken::FindJson(json, key)).value_or("");
  };
  KH_ASSIGN_OR_RETURN(kraken::RepositoryName repository,
                      kraken::RepositoryName::Parse(text("repository")));
  ImageWork work{.harbor = text("harbor"),
                 .repository = std::move(repository),
                 .reference = {},
                 .expected = kraken::JsonBool(kraken::FindJson(json, "expected")).value_or(true)};
  if (const std::string reference = text("reference"); !reference.empty()) {
    KH_ASSIGN_OR_RETURN(work.reference, kraken::Reference::Parse(reference));
  }
  return work;
}

}  // namespace harbor_bridge
