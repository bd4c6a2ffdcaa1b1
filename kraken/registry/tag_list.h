#ifndef KRAKEN_REGISTRY_TAG_LIST_H_
#define KRAKEN_REGISTRY_TAG_LIST_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"

namespace kraken::registry {

// Tag lists of the OCI distribution specification 1.1 ("Listing Tags"). Pure.

// The tags of {"name": …, "tags": […]}, of which `tags` may be null. INVALID_ARGUMENT: something
// else, or a tag that is none.
absl::StatusOr<std::vector<std::string>> ParseTagList(absl::string_view body);

// A part of a list, as the query asks for it.
struct TagPage {
  std::vector<std::string> tags;
  // What `last` of the next page has to be; nothing: this is the last one.
  absl::optional<std::string> next;
};

// How many tags a page is to have, from the query's `n`; nothing: all. INVALID_ARGUMENT: no number.
absl::StatusOr<absl::optional<size_t>> ParsePageSize(const absl::optional<std::string>& n);

// The first `n` of the tags after `last` ("": of all), in the order of their bytes. `last` need not
// be one of them.
TagPage PageOf(absl::Span<const std::string> tags, absl::optional<size_t> n,
               absl::string_view last);

// {"name": …, "tags": […]}
std::string TagListJson(absl::string_view repository, const std::vector<std::string>& tags);

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_TAG_LIST_H_
