#ifndef KRAKEN_CONFIG_NEAREST_NAME_H_
#define KRAKEN_CONFIG_NEAREST_NAME_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace kraken::config {

// The candidate that a user most likely meant by `name`: the one of least edit distance
// (Damerau-Levenshtein, adjacent characters swapped count once; case counts half), if it is near
// enough to be worth a hint; else "". The first of equally near ones.
std::string NearestName(absl::string_view name, const std::vector<std::string>& candidates);

// `; did you mean "<nearest>"?`, or "" if nothing is near.
std::string DidYouMean(absl::string_view name, const std::vector<std::string>& candidates);

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_NEAREST_NAME_H_
