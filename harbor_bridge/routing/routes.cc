#include "harbor_bridge/routing/routes.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kraken/base/byte_size.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/tag.h"

namespace harbor_bridge {
namespace {

using kraken::registry::Platform;

std::string DescribePrefetch(const PrefetchAction& action) {
  std::vector<std::string> parts;
  if (action.platforms.empty()) {
    parts.emplace_back("all platforms");
  } else {
    parts.push_back(absl::StrJoin(
        action.platforms, ", ",
        [](std::string* out, const Platform& platform) { out->append(platform.ToString()); }));
  }
  if (action.referrers) parts.emplace_back("with referrers");
  if (action.max_image_bytes > 0) {
    parts.push_back(
        absl::StrCat("images of at most ", kraken::FormatByteSize(action.max_image_bytes)));
  }
  if (action.max_blob_bytes > 0) {
    parts.push_back(
        absl::StrCat("layers of at most ", kraken::FormatByteSize(action.max_blob_bytes)));
  }
  return absl::StrCat("prefetch (", absl::StrJoin(parts, "; "), ")");
}

std::string DescribeTag(TagAction action) {
  switch (action) {
    case TagAction::kKeep:
      return "tag kept";
    case TagAction::kSet:
      return "tag set";
    case TagAction::kDrop:
      return "tag dropped";
  }
  return "";
}

// Takes what `more` says and `actions` do not yet.
void Merge(const RouteActions& more, RouteActions& actions) {
  if (!actions.prefetch.has_value()) actions.prefetch = more.prefetch;
  if (!actions.preheat.has_value()) actions.preheat = more.preheat;
  if (!actions.tag.has_value()) actions.tag = more.tag;
  actions.invalidate |= more.invalidate;
  for (const std::string& cluster : more.replicate) {
    if (std::find(actions.replicate.begin(), actions.replicate.end(), cluster) ==
        actions.replicate.end()) {
      actions.replicate.push_back(cluster);
    }
  }
}

// What is done where there are no rules.
RouteActions Default() {
  RouteActions actions;
  actions.prefetch.emplace();
  actions.tag = TagAction::kSet;
  actions.invalidate = true;
  return actions;
}

RouteStep Try(const RouteRule& rule, const RouteSubject& subject, const std::string& full,
              const std::string& plain) {
  RouteStep step;
  step.rule = rule.name;
  if (!rule.harbors.empty() &&
      std::find(rule.harbors.begin(), rule.harbors.end(), subject.harbor) == rule.harbors.end()) {
    step.reason = absl::StrCat("it is for Harbor ", absl::StrJoin(rule.harbors, ", "),
                               ", the image is of ", subject.harbor);
    return step;
  }
  for (const std::string* name : {&full, &plain}) {
    if (!re2::RE2::PartialMatch(*name, *rule.image)) continue;
    step.matched = true;
    step.reason = absl::StrCat(rule.image->pattern(), " matches ", *name);
    return step;
  }
  step.reason = full == plain ? absl::StrCat(rule.image->pattern(), " does not match ", full)
                              : absl::StrCat(rule.image->pattern(), " matches neither ", full,
                                             " nor ", plain);
  return step;
}

}  // namespace

std::string RouteSubject::PlainName() const {
  return absl::StrCat(repository.ToString(), reference.is_tag() ? ":" : "@", reference.ToString());
}

std::string RouteSubject::FullName() const {
  return host.empty() ? PlainName() : absl::StrCat(host, "/", PlainName());
}

absl::StatusOr<RouteSubject> FindSubject(const Harbors& harbors, absl::string_view image) {
  KH_ASSIGN_OR_RETURN(kraken::ImageName name, kraken::ImageName::Parse(image));
  if (!name.reference().has_value()) {
    KH_ASSIGN_OR_RETURN(name.tag, kraken::Tag::Parse("latest"));
  }
  KH_ASSIGN_OR_RETURN(const Harbor* harbor, harbors.OwnerOf(name.host, name.repository));
  return RouteSubject{.harbor = harbor->name,
                      .host = harbor->host,
                      .repository = name.repository,
                      .reference = *name.reference()};
}

std::string DescribeActions(const RouteActions& actions) {
  if (actions.ignore) return "ignored";
  std::vector<std::string> parts;
  if (actions.prefetch.has_value()) parts.push_back(DescribePrefetch(*actions.prefetch));
  if (actions.preheat.has_value()) {
    parts.push_back(absl::StrCat("preheat agents (", actions.preheat->ToString(), ")"));
  }
  if (actions.tag.has_value()) parts.push_back(DescribeTag(*actions.tag));
  if (actions.invalidate) parts.emplace_back("invalidated when it is gone");
  if (!actions.replicate.empty()) {
    parts.push_back(absl::StrCat("replicate to ", absl::StrJoin(actions.replicate, ", ")));
  }
  return absl::StrJoin(parts, ", ");
}

std::string RouteDecision::Summary() const { return DescribeActions(actions); }

std::string RouteDecision::Explain() const {
  std::string text;
  for (const RouteStep& step : steps) {
    absl::StrAppend(&text, step.matched ? "yes  " : "no   ", step.rule.empty() ? "" : step.rule,
                    step.rule.empty() ? "" : ": ", step.reason, "\n");
  }
  return absl::StrCat(text, "so: ", Summary(), "\n");
}

Routes::Routes(std::vector<RouteRule> rules, std::vector<Platform> platforms)
    : rules_(std::move(rules)), platforms_(std::move(platforms)) {}

RouteDecision Routes::Decide(const RouteSubject& subject) const {
  RouteDecision decision;
  RouteActions& actions = decision.actions;
  const std::string full = subject.FullName();
  const std::string plain = subject.PlainName();
  bool matched = false;
  for (const RouteRule& rule : rules_) {
    RouteStep step = Try(rule, subject, full, plain);
    if (step.matched) {
      if (!rule.actions.ignore) {
        Merge(rule.actions, actions);
        if (rule.goes_on) absl::StrAppend(&step.reason, "; the rules below may add to it");
      } else if (matched) {
        absl::StrAppend(&step.reason, "; what was said above holds");
      } else {
        actions.ignore = true;
      }
      matched = true;
    }
    decision.steps.push_back(step);
    if (step.matched && !rule.goes_on) break;
  }
  if (rules_.empty()) {
    actions = Default();
    decision.steps.push_back(
        {.rule = "", .matched = true, .reason = "there are no routes: every image is fetched"});
  } else if (!matched) {
    actions.ignore = true;
    decision.steps.push_back({.rule = "", .matched = false, .reason = "no rule matches"});
  }
  // What agents are to have, origins have first.
  if (actions.preheat.has_value() && !actions.prefetch.has_value()) actions.prefetch.emplace();
  if (actions.prefetch.has_value() && !actions.prefetch->has_platforms) {
    actions.prefetch->platforms = platforms_;
  }
  return decision;
}

std::string Routes::Describe() const {
  if (rules_.empty()) {
    return absl::StrCat("no routes: every image: ", DescribeActions(Default()), "\n");
  }
  std::string text;
  for (const RouteRule& rule : rules_) {
    absl::StrAppend(&text, rule.name, ": ", rule.image->pattern());
    if (!rule.harbors.empty()) {
      absl::StrAppend(&text, " of Harbor ", absl::StrJoin(rule.harbors, ", "));
    }
    absl::StrAppend(&text, ": ", DescribeActions(rule.actions), rule.goes_on ? ", and goes on" : "",
                    "\n");
  }
  return absl::StrCat(text, "any other image: ignored\n");
}

}  // namespace harbor_bridge
