#ifndef HARBOR_BRIDGE_ROUTING_ROUTES_H_
#define HARBOR_BRIDGE_ROUTING_ROUTES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/routing/route_config.h"
#include "kraken/base/image_name.h"
#include "kraken/base/repository_name.h"

namespace harbor_bridge {

// The image that is looked at.
struct RouteSubject {
  std::string harbor;  // its configured name
  std::string host;    // how users name it: harbors[].host. May be empty
  kraken::RepositoryName repository;
  kraken::Reference reference;

  // "project/repository:tag", or "…@sha256:…" of an image without a tag.
  std::string PlainName() const;
  // "host/project/repository:tag"; as PlainName() if there is no host.
  std::string FullName() const;
};

// The image that a user means by "[host/]project/repository[:tag|@digest]", `latest` if he says
// nothing else. INVALID_ARGUMENT: no image's name; NOT_FOUND: no Harbor of that host, or none that
// has the repository by its plain name.
absl::StatusOr<RouteSubject> FindSubject(const Harbors& harbors, absl::string_view image);

// A rule that was looked at, in the order of the configuration, and what came of it.
struct RouteStep {
  std::string rule;
  bool matched = false;
  std::string reason;
};

struct RouteDecision {
  RouteActions actions;
  std::vector<RouteStep> steps;

  // "ignored", or "prefetch (linux/amd64, with referrers), tag set, replicate to us".
  std::string Summary() const;
  // A line for each step, then the summary: for people.
  std::string Explain() const;
};

// What is done with an image: RE2 rules over host/project/repository:tag, as the house has them
// for namespaces (kraken/backend/namespace_pattern.h): an expression is tried, unanchored, on
// "host/project/repository:tag" and then on "project/repository:tag", so that ^ and $ say what they
// usually do, and `^library/` means the same image by either road.
//
// The first rule that matches counts. With `continue: true` those below may add what has not been
// said yet; what was said first holds, even if a rule below ignores the image. An image that no
// rule matches is ignored. Without any rules every image is prefetched and its tag set, and what is
// gone at Harbor is invalidated.
//
// Immutable, thread-safe; Decide() is a pure function.
class Routes {
 public:
  // `platforms` are those of rules that name none.
  Routes(std::vector<RouteRule> rules, std::vector<kraken::registry::Platform> platforms);

  RouteDecision Decide(const RouteSubject& subject) const;

  const std::vector<RouteRule>& rules() const { return rules_; }
  const std::vector<kraken::registry::Platform>& platforms() const { return platforms_; }
  // A line for each rule.
  std::string Describe() const;

 private:
  const std::vector<RouteRule> rules_;
  const std::vector<kraken::registry::Platform> platforms_;
};

// As Summary(), of one rule's actions.
std::string DescribeActions(const RouteActions& actions);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_ROUTING_ROUTES_H_
