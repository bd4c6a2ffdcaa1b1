#include "kraken/tracker/agent_selection.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/digest.h"
#include "kraken/base/label.h"
#include "kraken/base/sha256.h"

namespace kraken::tracker {
namespace {

constexpr uint32_t kWhole = 10'000;

}  // namespace

absl::Status ReadLabels(const rpc::v1::AgentTraits& traits, Labels* labels) {
  if (traits.labels().size() > kMaxLabels) {
    return absl::InvalidArgumentError(absl::StrCat(
        traits.labels().size(), " labels of one agent; at most ", kMaxLabels, " are taken"));
  }
  labels->clear();
  for (const auto& [key, value] : traits.labels()) {
    if (!IsLabelText(key) || !IsLabelText(value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("a label's key and value are ", kLabelTextRule));
    }
    labels->emplace(key, value);
  }
  return absl::OkStatus();
}

absl::Status CheckSelection(const rpc::v1::AgentSelection& selection) {
  if (selection.share_per_10000() > kWhole) {
    return absl::InvalidArgumentError(absl::StrCat("a share of ", selection.share_per_10000(),
                                                   " in ", kWhole, " is more than all"));
  }
  return absl::OkStatus();
}

bool Matches(const rpc::v1::AgentSelection& selection, const std::string& zone,
             const Labels& labels) {
  const auto& zones = selection.zones();
  if (!zones.empty() && std::find(zones.begin(), zones.end(), zone) == zones.end()) return false;
  for (const auto& [key, value] : selection.labels()) {
    const auto found = labels.find(key);
    if (found == labels.end() || found->second != value) return false;
  }
  return true;
}

std::vector<PeerId> TakeShare(const rpc::v1::AgentSelection& selection,
                              std::vector<PeerId> matching) {
  const uint64_t share = selection.share_per_10000();
  if (share == 0 || share >= kWhole) return matching;
  std::vector<std::pair<Digest, PeerId>> ranked;
  ranked.reserve(matching.size());
  for (const PeerId& id : matching) ranked.emplace_back(Sha256Digest(id.hex()), id);
  std::sort(ranked.begin(), ranked.end());
  const size_t count = (matching.size() * share + kWhole - 1) / kWhole;
  matching.clear();
  for (size_t i = 0; i < count; ++i) matching.push_back(ranked[i].second);
  return matching;
}

}  // namespace kraken::tracker
