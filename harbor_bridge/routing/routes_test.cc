#include "harbor_bridge/routing/routes.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/config_test_util.h"
#include "kraken/config/reader.h"
#include "re2/re2.h"

namespace harbor_bridge {

struct RoutesDocument {
  std::vector<RouteRule> routes;
};
void ReadConfig(kraken::config::ObjectReader& r, RoutesDocument* c) {
  r.Optional("routes", &c->routes);
}

namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string ErrorOf(absl::string_view rules) {
  return std::string(kraken::config::ReadYaml<RoutesDocument>(absl::StrCat("routes:\n", rules))
                         .status()
                         .message());
}

Routes Read(absl::string_view rules) {
  auto document = kraken::config::ReadYaml<RoutesDocument>(absl::StrCat("routes:\n", rules));
  EXPECT_OK(document);
  return Routes(document.ok() ? std::move(document->routes) : std::vector<RouteRule>(),
                {{.os = "linux", .architecture = "amd64"}});
}

Harbor MakeHarbor(const std::string& name, const std::string& plain, const std::string& host) {
  Harbor harbor;
  harbor.name = name;
  harbor.plain = std::make_shared<const re2::RE2>(plain);
  harbor.host = host;
  return harbor;
}

RouteDecision Decide(const Routes& routes, absl::string_view image) {
  const Harbors harbors({MakeHarbor("eu", ".*", "eu.example"), MakeHarbor("us", "^$", "us.example"),
                         MakeHarbor("bare", "^bare/", "")});
  const absl::StatusOr<RouteSubject> subject = FindSubject(harbors, image);
  EXPECT_OK(subject);
  return routes.Decide(*subject);
}

constexpr char kRules[] = R"(
- {name: caches, image: ":buildcache$", ignore: true}
- {name: ours, image: "^library/", harbors: [eu], prefetch: {referrers: true}, tag: set,
   continue: true}
- {name: to us, image: "^eu\\.example/", replicate: [us], tag: drop, continue: true}
- {name: models, image: "/ml/", prefetch: {platforms: [], max_image: 50GB, max_blob: 10GB}}
- {name: rest of us, image: "^us\\.example/", harbors: [us],
   prefetch: {platforms: [linux/arm64]}, tag: keep, invalidate: true}
)";

TEST(RoutesTest, Table) {
  const struct {
    absl::string_view image;
    absl::string_view summary;
  } rows[] = {
      // The first match ends it, even where others match too.
      {"library/debian:buildcache", "ignored"},
      {"us.example/a/b:buildcache", "ignored"},
      // An expression that begins with the repository matches by either road; `continue` lets the
      // next rule add, and what was said first holds (the tag is set).
      {"library/debian:latest", "prefetch (linux/amd64; with referrers), tag set, replicate to us"},
      {"eu.example/library/debian:latest",
       "prefetch (linux/amd64; with referrers), tag set, replicate to us"},
      // Of another Harbor.
      {"us.example/library/debian:1",
       "prefetch (linux/arm64), tag kept, invalidated when it is gone"},
      {"eu.example/x/ml/llm:7",
       "prefetch (all platforms; images of at most 50GB; layers of at most 10GB), tag dropped, "
       "replicate to us"},
      // Only rules that go on match: what they say is done.
      {"team/app:1", "tag dropped, replicate to us"},
      // Without a tag.
      {"us.example/a/b@sha256:"
       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
       "prefetch (linux/arm64), tag kept, invalidated when it is gone"},
      // `latest` is assumed.
      {"us.example/a/b", "prefetch (linux/arm64), tag kept, invalidated when it is gone"},
  };
  const Routes routes = Read(kRules);
  for (const auto& row : rows) {
    EXPECT_EQ(Decide(routes, row.image).Summary(), row.summary) << row.image;
  }
}

TEST(RoutesTest, WithoutRulesEveryImageIsFetched) {
  const RouteDecision decision =
      Decide(Routes({}, {{.os = "linux", .architecture = "amd64"}}), "library/debian:latest");
  EXPECT_EQ(decision.Summary(), "prefetch (linux/amd64), tag set, invalidated when it is gone");
  EXPECT_FALSE(decision.actions.ignore);
}

TEST(RoutesTest, AgentsArePreheated) {
  const Routes routes = Read(R"(
- {image: ^a/, preheat: "zone=x,share=10%", continue: true}
- {image: ^a/, preheat: all, prefetch: {platforms: [linux/arm64]}}
- {image: ^b/, preheat: "label.disk=ssd"}
)");
  EXPECT_EQ(Decide(routes, "a/b:1").Summary(),
            "prefetch (linux/arm64), preheat agents (zone=x,share=10%)")
      << "what was said first holds";
  const RouteDecision implied = Decide(routes, "b/b:1");
  EXPECT_EQ(implied.Summary(), "prefetch (linux/amd64), preheat agents (label.disk=ssd)");
  EXPECT_EQ(implied.actions.preheat->labels.at("disk"), "ssd");
}

TEST(RoutesTest, WhatNoRuleMatchesIsIgnored) {
  const RouteDecision decision = Decide(Read("- {image: ^nothing/, tag: set}"), "a/b:1");
  EXPECT_TRUE(decision.actions.ignore);
  EXPECT_THAT(decision.Explain(), HasSubstr("no rule matches"));
}

TEST(RoutesTest, ALaterIgnoreLeavesWhatWasSaid) {
  const Routes routes = Read(R"(
- {image: ^a/, tag: set, continue: true}
- {image: .*, ignore: true}
)");
  EXPECT_EQ(Decide(routes, "a/b:1").Summary(), "tag set");
  EXPECT_THAT(Decide(routes, "a/b:1").Explain(), HasSubstr("what was said above holds"));
  EXPECT_EQ(Decide(routes, "b/b:1").Summary(), "ignored");
}

TEST(RoutesTest, EveryRuleThatWasLookedAtIsExplained) {
  EXPECT_EQ(Decide(Read(kRules), "us.example/library/debian:1").Explain(),
            "no   caches: :buildcache$ matches neither us.example/library/debian:1 nor "
            "library/debian:1\n"
            "no   ours: it is for Harbor eu, the image is of us\n"
            "no   to us: ^eu\\.example/ matches neither us.example/library/debian:1 nor "
            "library/debian:1\n"
            "no   models: /ml/ matches neither us.example/library/debian:1 nor library/debian:1\n"
            "yes  rest of us: ^us\\.example/ matches us.example/library/debian:1\n"
            "so: prefetch (linux/arm64), tag kept, invalidated when it is gone\n");
  // Rules after the one that counts are not looked at.
  EXPECT_EQ(Decide(Read(kRules), "a/b:buildcache").steps.size(), 1u);
}

TEST(RoutesTest, AHarborWithoutHostHasPlainNamesOnly) {
  const Harbors harbors({MakeHarbor("bare", ".*", "")});
  ASSERT_OK_AND_ASSIGN(const RouteSubject subject, FindSubject(harbors, "bare/x:1"));
  EXPECT_EQ(subject.FullName(), "bare/x:1");
  EXPECT_THAT(Read("- {image: ^y, tag: set}").Decide(subject).Explain(),
              HasSubstr("^y does not match bare/x:1\n"));
}

TEST(RoutesTest, ListsItsRules) {
  EXPECT_EQ(Read("- {image: ^a/, harbors: [eu], tag: set, continue: true}\n"
                 "- {name: b, image: ^b/, ignore: true}\n")
                .Describe(),
            "routes[0]: ^a/ of Harbor eu: tag set, and goes on\n"
            "b: ^b/: ignored\n"
            "any other image: ignored\n");
}

TEST(RoutesTest, ErrorsNameTheRule) {
  EXPECT_THAT(ErrorOf("- {name: models, image: ^ml/}"),
              AllOf(HasSubstr("routes[0]"), HasSubstr("rule \"models\" says nothing to do")));
  EXPECT_THAT(ErrorOf("- {image: ^a, tag: set}\n- {image: ^b, ignore: true, tag: set}"),
              AllOf(HasSubstr("routes[1].ignore"), HasSubstr("rule \"routes[1]\" ignores")));
  EXPECT_THAT(ErrorOf("- {name: x, image: ^b, ignore: true, continue: true}"),
              HasSubstr("rule \"x\" ignores"));
  EXPECT_THAT(ErrorOf("- {image: '(', tag: set}"), HasSubstr("routes[0].image"));
  EXPECT_THAT(ErrorOf("- {image: a, tag: move}"),
              AllOf(HasSubstr("routes[0].tag"), HasSubstr("drop")));
  EXPECT_THAT(ErrorOf("- {image: a, prefetch: {platforms: [linux]}}"),
              HasSubstr("routes[0].prefetch.platforms"));
  EXPECT_THAT(ErrorOf("- {image: a, prefetch: {}, warm: true}"), HasSubstr("routes[0].warm"));
  EXPECT_THAT(ErrorOf("- {name: p, image: a, preheat: {zone: z}}"), HasSubstr("routes[0].preheat"));
  EXPECT_THAT(ErrorOf("- {name: p, image: a, preheat: 'zone=a,share=10'}"),
              AllOf(HasSubstr("routes[0].preheat"), HasSubstr("share=10%")));
}

}  // namespace
}  // namespace harbor_bridge
