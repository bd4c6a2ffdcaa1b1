#include "kraken/registry/tag_list.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/tag.h"

namespace kraken::registry {

absl::StatusOr<std::vector<std::string>> ParseTagList(absl::string_view body) {
  KH_ASSIGN_OR_RETURN(const nlohmann::json document, ParseJson(body));
  const nlohmann::json* list = FindJson(document, "tags");
  if (list == nullptr) return absl::InvalidArgumentError("a list of tags without `tags`");
  std::vector<std::string> tags;
  if (list->is_null()) return tags;
  if (!list->is_array()) return absl::InvalidArgumentError("`tags` is no list");
  for (const nlohmann::json& entry : *list) {
    const std::optional<std::string> text = JsonString(&entry);
    if (!text.has_value()) return absl::InvalidArgumentError("`tags` has what is no text");
    KH_RETURN_IF_ERROR(Tag::Parse(*text).status());
    tags.push_back(*text);
  }
  return tags;
}

absl::StatusOr<absl::optional<size_t>> ParsePageSize(const absl::optional<std::string>& n) {
  if (!n.has_value()) return absl::optional<size_t>();
  uint64_t size = 0;
  const bool is_number = !n->empty() && std::all_of(n->begin(), n->end(), [](unsigned char c) {
    return absl::ascii_isdigit(c);
  });
  if (!is_number || !absl::SimpleAtoi(*n, &size)) {
    return absl::InvalidArgumentError(
        absl::StrCat("n must be a number of tags, and is \"", *n, "\""));
  }
  return absl::optional<size_t>(static_cast<size_t>(size));
}

TagPage PageOf(absl::Span<const std::string> tags, absl::optional<size_t> n,
               absl::string_view last) {
  std::vector<std::string> sorted(tags.begin(), tags.end());
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  const auto begin =
      last.empty() ? sorted.begin() : std::upper_bound(sorted.begin(), sorted.end(), last);
  const auto left = static_cast<size_t>(sorted.end() - begin);
  const size_t count = std::min(n.value_or(left), left);
  TagPage page;
  page.tags.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
  if (count > 0 && count < left) page.next = page.tags.back();
  return page;
}

std::string TagListJson(absl::string_view repository, const std::vector<std::string>& tags) {
  nlohmann::json document = nlohmann::json::object();
  document["name"] = std::string(repository);
  document["tags"] = tags;
  return DumpJson(document);
}

}  // namespace kraken::registry
