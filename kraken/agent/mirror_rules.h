#ifndef KRAKEN_AGENT_MIRROR_RULES_H_
#define KRAKEN_AGENT_MIRROR_RULES_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/config/reader.h"

namespace kraken::agent {

// A registry that this agent stands in for when a container runtime asks it as a mirror, naming the
// registry that it means in the query: "?ns=harbor.example.com".
struct MirrorRule {
  // RE2; matches the whole of `ns`.
  std::shared_ptr<const re2::RE2> ns;
  // Under which host the cluster knows that registry's repositories; empty: by their plain names.
  std::string host;
};
void ReadConfig(config::ObjectReader& r, MirrorRule* c);

// The rules of an agent, first match wins. Immutable, thread-safe.
class MirrorRules {
 public:
  explicit MirrorRules(std::vector<MirrorRule> rules) : rules_(std::move(rules)) {}

  // The host under which the cluster knows what a request with this query means: empty without a
  // mirror's `ns`. NOT_FOUND: it means a registry that this agent does not stand in for, and the
  // runtime has to ask that one. INVALID_ARGUMENT for a broken query.
  absl::StatusOr<std::string> HostFor(absl::string_view query) const;

 private:
  const std::vector<MirrorRule> rules_;
};

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_MIRROR_RULES_H_
