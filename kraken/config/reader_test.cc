#include "kraken/config/reader.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/yaml_parser.h"
#include "re2/re2.h"

namespace kraken::config {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

enum class Policy { kDefault, kRarestFirst };

// Read by its own rule, in the way a room adds one.
struct Even {
  int value = 0;
};
absl::Status ParseConfigScalar(const std::string& text, Even* out) {
  if (text.empty() || (text.back() - '0') % 2 != 0) {
    return absl::InvalidArgumentError("expected an even number");
  }
  out->value = std::stoi(text);
  return absl::OkStatus();
}

struct Backend {
  std::string address;
  absl::Duration timeout = absl::Seconds(60);
  std::optional<Even> even;
};
void ReadConfig(ObjectReader& r, Backend* c) {
  r.Required("address", &c->address);
  r.Optional("timeout", &c->timeout, {.min = absl::Milliseconds(1), .max = absl::Hours(1)});
  r.Optional("even", &c->even);
  r.IgnoredKrakenKey("debug_logging", "the log level decides");
}

struct Config {
  std::string name = "unset";
  bool flag = true;
  int32_t small = 7;
  int64_t large = 0;
  uint32_t natural = 0;
  double factor = 0;
  int64_t size_bytes = 0;
  Policy policy = Policy::kDefault;
  std::shared_ptr<const re2::RE2> pattern;
  std::vector<Backend> backends;
  std::map<std::string, int32_t> weights;
  std::optional<Backend> fallback;
  std::vector<std::vector<std::string>> nested;
};
void ReadConfig(ObjectReader& r, Config* c) {
  r.Optional("name", &c->name);
  r.Optional("flag", &c->flag);
  r.Optional("small", &c->small, {.min = 1, .max = 100, .zero_is_default = true});
  r.Optional("large", &c->large);
  r.Optional("natural", &c->natural);
  r.Optional("factor", &c->factor, {.min = 0.0});
  r.Optional("size", AsByteSize(&c->size_bytes));
  r.Enum("policy", &c->policy,
         {{"default", Policy::kDefault}, {"rarest_first", Policy::kRarestFirst}});
  r.Optional("pattern", &c->pattern);
  r.Optional("backends", &c->backends);
  r.Optional("weights", &c->weights);
  r.Optional("fallback", &c->fallback);
  r.Optional("nested", &c->nested);
  r.IgnoredKrakenKey("nginx", "it is built in");
  if (c->name == "forbidden") r.Error("name", "is forbidden");
}

struct Outcome {
  absl::Status status;
  Config config;
  std::vector<std::string> warnings;
};

Outcome Read(absl::string_view text) {
  Outcome outcome;
  absl::StatusOr<Node> root = ParseYaml(text, "f.yaml");
  EXPECT_OK(root);
  if (root.ok()) outcome.status = ReadDocument(*root, &outcome.config, &outcome.warnings);
  return outcome;
}

std::string ErrorOf(absl::string_view text) { return std::string(Read(text).status.message()); }

TEST(ReaderTest, ReadsEveryType) {
  const Outcome read = Read(R"(
name: 12345
flag: no
small: 42
large: -9_000_000_000
natural: 0xff
factor: 0.5
size: 4MB
policy: rarest_first
pattern: ^library/.*
backends:
- {address: "a:1", timeout: 5m, even: 4}
- {address: b}
weights: {x: 1, y: 2, z: }
fallback: {address: c}
nested: [[a, b], []]
)");
  ASSERT_OK(read.status);
  EXPECT_THAT(read.warnings, IsEmpty());
  const Config& c = read.config;
  EXPECT_EQ(c.name, "12345");
  EXPECT_FALSE(c.flag);
  EXPECT_EQ(c.small, 42);
  EXPECT_EQ(c.large, -9000000000);
  EXPECT_EQ(c.natural, 255u);
  EXPECT_EQ(c.factor, 0.5);
  EXPECT_EQ(c.size_bytes, 4194304);
  EXPECT_EQ(c.policy, Policy::kRarestFirst);
  EXPECT_TRUE(re2::RE2::PartialMatch("library/debian", *c.pattern));
  ASSERT_EQ(c.backends.size(), 2u);
  EXPECT_EQ(c.backends[0].timeout, absl::Minutes(5));
  EXPECT_EQ(c.backends[0].even->value, 4);
  EXPECT_EQ(c.backends[1].timeout, absl::Seconds(60));
  EXPECT_FALSE(c.backends[1].even.has_value());
  EXPECT_THAT(c.weights, ElementsAre(Pair("x", 1), Pair("y", 2)));
  EXPECT_EQ(c.fallback->address, "c");
  EXPECT_THAT(c.nested, ElementsAre(ElementsAre("a", "b"), IsEmpty()));
}

TEST(ReaderTest, MissingAndNullKeysKeepDefaults) {
  const Outcome read = Read("name:\nflag: ~\nfallback:\n");
  ASSERT_OK(read.status);
  EXPECT_EQ(read.config.name, "unset");
  EXPECT_TRUE(read.config.flag);
  EXPECT_FALSE(read.config.fallback.has_value());
}

TEST(ReaderTest, ZeroMeansTheDefaultWhereAsked) {
  const Outcome read = Read("small: 0");
  ASSERT_OK(read.status);
  EXPECT_EQ(read.config.small, 7);
}

TEST(ReaderTest, UnknownKeyNamesPlacePathAndNearestKey) {
  EXPECT_EQ(ErrorOf("backends:\n- address: a\n- address: b\n  timout: 5s\n"),
            "f.yaml:4:3: unknown key \"backends[1].timout\"; did you mean \"timeout\"?");
  EXPECT_EQ(ErrorOf("somethingelse: 1"), "f.yaml:1:1: unknown key \"somethingelse\"");
  EXPECT_EQ(ErrorOf("ngnix: {}"), "f.yaml:1:1: unknown key \"ngnix\"; did you mean \"nginx\"?");
}

TEST(ReaderTest, WrongTypeSaysWhatWasExpectedAndFound) {
  EXPECT_EQ(ErrorOf("name: [x]"), "f.yaml:1:7: name: expected a text, found a list");
  EXPECT_EQ(ErrorOf("flag: maybe"), "f.yaml:1:7: flag: expected true or false, found \"maybe\"");
  EXPECT_EQ(ErrorOf("small: many"), "f.yaml:1:8: small: expected a whole number, found \"many\"");
  EXPECT_EQ(ErrorOf("small: {}"), "f.yaml:1:8: small: expected a whole number, found a map");
  EXPECT_EQ(ErrorOf("factor: x"), "f.yaml:1:9: factor: expected a number, found \"x\"");
  EXPECT_EQ(ErrorOf("factor: inf"), "f.yaml:1:9: factor: expected a number, found \"inf\"");
  EXPECT_EQ(ErrorOf("size: 4 apples"),
            "f.yaml:1:7: size: expected a size such as \"512\", \"100KB\", \"4MB\" or \"50G\", "
            "found \"4 apples\"");
  EXPECT_EQ(ErrorOf("fallback: {address: a, timeout: 5 minutes}"),
            "f.yaml:1:33: fallback.timeout: expected a duration such as \"100ms\", \"5m\" or "
            "\"1h30m\", found \"5 minutes\"");
  EXPECT_EQ(ErrorOf("policy: random"),
            "f.yaml:1:9: policy: expected one of default, rarest_first, found \"random\"");
  EXPECT_EQ(ErrorOf("backends: {}"), "f.yaml:1:11: backends: expected a list, found a map");
  EXPECT_EQ(ErrorOf("weights: [1]"), "f.yaml:1:10: weights: expected a map, found a list");
  EXPECT_EQ(ErrorOf("fallback: text"), "f.yaml:1:11: fallback: expected a map, found \"text\"");
  EXPECT_EQ(ErrorOf("backends: [null]"), "f.yaml:1:12: backends[0]: expected a map, found nothing");
  EXPECT_EQ(ErrorOf("fallback: {address: a, even: 3}"),
            "f.yaml:1:30: fallback.even: expected an even number");
}

TEST(ReaderTest, IntegersThatDoNotFitOrLookOctalAreErrors) {
  EXPECT_THAT(ErrorOf("small: 3000000000"), HasSubstr("from -2147483648 to 2147483647"));
  EXPECT_THAT(ErrorOf("natural: -1"), HasSubstr("from 0 to 4294967295"));
  EXPECT_THAT(ErrorOf("large: 9223372036854775808"), HasSubstr("expected a whole number"));
  EXPECT_THAT(ErrorOf("large: 010"), HasSubstr("expected a whole number"));
  EXPECT_THAT(ErrorOf("large: 1.5"), HasSubstr("expected a whole number"));
  EXPECT_THAT(ErrorOf("large: 1 000"), HasSubstr("expected a whole number"));
  EXPECT_THAT(ErrorOf("large: \" 5\""), HasSubstr("expected a whole number"));
}

TEST(ReaderTest, RangesNameTheirBound) {
  EXPECT_EQ(ErrorOf("small: -1"), "f.yaml:1:8: small: must be at least 1");
  EXPECT_EQ(ErrorOf("small: 101"), "f.yaml:1:8: small: must be at most 100");
  EXPECT_EQ(ErrorOf("factor: -0.5"), "f.yaml:1:9: factor: must be at least 0");
  EXPECT_EQ(ErrorOf("fallback: {address: a, timeout: 2h}"),
            "f.yaml:1:33: fallback.timeout: must be at most 1h0m0s");
}

TEST(ReaderTest, MissingRequiredKeyIsAnErrorAtItsMap) {
  EXPECT_EQ(ErrorOf("fallback: {timeout: 1s}"), "f.yaml:1:11: fallback: missing key \"address\"");
  EXPECT_EQ(ErrorOf("backends:\n- {}\n"), "f.yaml:2:3: backends[0]: missing key \"address\"");
}

TEST(ReaderTest, BadPatternShowsItAndWhy) {
  EXPECT_EQ(ErrorOf("pattern: \"library/(.*\""),
            "f.yaml:1:10: pattern: bad regular expression \"library/(.*\": missing ): library/(.*");
}

TEST(ReaderTest, AllErrorsComeTogetherInTheFilesOrder) {
  EXPECT_EQ(ErrorOf("zzz: 1\nflag: 2\nfallback: {timeout: x}\n"),
            "f.yaml:1:1: unknown key \"zzz\"\n"
            "f.yaml:2:7: flag: expected true or false, found \"2\"\n"
            "f.yaml:3:11: fallback: missing key \"address\"\n"
            "f.yaml:3:21: fallback.timeout: expected a duration such as \"100ms\", \"5m\" or "
            "\"1h30m\", found \"x\"");
}

TEST(ReaderTest, KrakensUnneededKeysWarnOncePerPath) {
  const Outcome read = Read(R"(
nginx: {anything: [goes]}
backends:
- {address: a, debug_logging: true}
- {address: b, debug_logging: true}
fallback: {address: c, debug_logging: true}
)");
  ASSERT_OK(read.status);
  EXPECT_THAT(
      read.warnings,
      ElementsAre("f.yaml:4:16: \"backends[0].debug_logging\" is not needed: the log level decides",
                  "f.yaml:6:24: \"fallback.debug_logging\" is not needed: the log level decides",
                  "f.yaml:2:1: \"nginx\" is not needed: it is built in"));
}

TEST(ReaderTest, SecretsAreNotShown) {
  absl::StatusOr<Node> root = ParseYaml("flag: hunter2\npattern: (hunter2", "f.yaml");
  ASSERT_OK(root);
  for (NodeMember& member : root->members) member.value.is_secret = true;
  Config config;
  std::vector<std::string> warnings;
  EXPECT_THAT(
      ReadDocument(*root, &config, &warnings),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr("flag: expected true or false"), Not(HasSubstr("hunter2")))));
}

TEST(ReaderTest, LongValuesAreCut) {
  EXPECT_LT(ErrorOf("flag: " + std::string(10000, 'x')).size(), 200u);
}

TEST(ReaderTest, MeaningIsCheckedAtTheKey) {
  EXPECT_EQ(ErrorOf("name: forbidden"), "f.yaml:1:7: name: is forbidden");
}

}  // namespace
}  // namespace kraken::config
