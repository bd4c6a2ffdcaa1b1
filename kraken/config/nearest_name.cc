#include "kraken/config/nearest_name.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace kraken::config {
namespace {

// Distances are counted in halves of an edit.
constexpr int kEdit = 2;
constexpr int kCaseEdit = 1;
// Longer names are no typing errors; it also bounds the work.
constexpr size_t kMaxLength = 64;

int SubstitutionCost(char a, char b) {
  if (a == b) return 0;
  return absl::ascii_tolower(a) == absl::ascii_tolower(b) ? kCaseEdit : kEdit;
}

// Optimal string alignment distance.
int Distance(absl::string_view a, absl::string_view b) {
  std::vector<std::vector<int>> d(a.size() + 1, std::vector<int>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = kEdit * static_cast<int>(i);
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = kEdit * static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + kEdit, d[i][j - 1] + kEdit,
                          d[i - 1][j - 1] + SubstitutionCost(a[i - 1], b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + kEdit);
      }
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string NearestName(absl::string_view name, const std::vector<std::string>& candidates) {
  if (name.size() > kMaxLength) return "";
  const std::string* nearest = nullptr;
  int least = 0;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kMaxLength) continue;
    // A third of the name may be wrong, but in a short one not all of it.
    const int longest = static_cast<int>(std::max(name.size(), candidate.size()));
    const int limit = kEdit * std::max(1, longest / 3);
    const int distance = Distance(name, candidate);
    if (distance > limit || distance >= kEdit * longest) continue;
    if (nearest == nullptr || distance < least) {
      nearest = &candidate;
      least = distance;
    }
  }
  return nearest == nullptr ? "" : *nearest;
}

std::string DidYouMean(absl::string_view name, const std::vector<std::string>& candidates) {
  const std::string nearest = NearestName(name, candidates);
  return nearest.empty() ? "" : absl::StrCat("; did you mean \"", nearest, "\"?");
}

}  // namespace kraken::config
