#include "kraken/krakenctl/swarm_counters.h"

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"

namespace kraken::krakenctl {
namespace {

constexpr absl::string_view kName = "kraken_swarm_received_bytes_total";
// No agent has received more than an exbibyte: what says so is no count.
constexpr double kMaxBytes = 1152921504606846976.0;

// Takes `name="value",` off the front of a list of labels; a quote in a value is escaped. False if
// none is there.
bool ConsumeLabel(absl::string_view* labels, absl::string_view* name, absl::string_view* value) {
  const size_t equals = labels->find("=\"");
  if (equals == absl::string_view::npos) return false;
  *name = labels->substr(0, equals);
  labels->remove_prefix(equals + 2);
  size_t end = 0;
  while (end < labels->size() && (*labels)[end] != '"') end += (*labels)[end] == '\\' ? 2 : 1;
  if (end >= labels->size()) return false;
  *value = labels->substr(0, end);
  labels->remove_prefix(end + 1);
  absl::ConsumePrefix(labels, ",");
  return true;
}

// Adds the value of a line about bytes received to the right one.
void AddLine(absl::string_view line, absl::optional<double>* from_origins,
             absl::optional<double>* from_agents) {
  if (!absl::ConsumePrefix(&line, kName) || !absl::ConsumePrefix(&line, "{")) return;
  absl::optional<double>* counter = nullptr;
  absl::string_view name;
  absl::string_view label;
  while (!absl::ConsumePrefix(&line, "} ")) {
    if (!ConsumeLabel(&line, &name, &label)) return;
    if (name != "peer") continue;
    if (label == "origin") counter = from_origins;
    if (label == "agent") counter = from_agents;
  }
  double value = 0;
  if (counter == nullptr || !absl::SimpleAtod(line.substr(0, line.find(' ')), &value)) return;
  if (value >= 0 && value <= kMaxBytes) *counter = counter->value_or(0) + value;
}

}  // namespace

absl::StatusOr<SwarmCounters> ParseSwarmCounters(absl::string_view metrics) {
  absl::optional<double> from_origins;
  absl::optional<double> from_agents;
  for (const absl::string_view line : absl::StrSplit(metrics, '\n')) {
    AddLine(line, &from_origins, &from_agents);
  }
  if (!from_origins.has_value() || !from_agents.has_value()) {
    return absl::NotFoundError(absl::StrCat("no ", kName, " by peer"));
  }
  return SwarmCounters{.from_origins = *from_origins, .from_agents = *from_agents};
}

}  // namespace kraken::krakenctl
