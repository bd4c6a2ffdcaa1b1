#include "kraken/registry/byte_range.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken::registry {
namespace {

constexpr char kEtag[] = "\"sha256:ab\"";
constexpr RangeDecision kWhole = {};
constexpr RangeDecision kUnsatisfiable = {RangeDecision::Kind::kUnsatisfiable, {}};

RangeDecision Partial(int64_t offset, int64_t length) {
  return {RangeDecision::Kind::kPartial, {ByteOffset(offset), ByteCount(length)}};
}

RangeDecision Decide(absl::string_view header, int64_t size = 2048) {
  return DecideRange(header, absl::nullopt, kEtag, ByteCount(size));
}

// The ranges of OCI's conformance suite.
TEST(DecideRangeTest, ConformanceSuite) {
  EXPECT_EQ(Decide("bytes=500-1499"), Partial(500, 1000));
  EXPECT_EQ(Decide("bytes=500-"), Partial(500, 1548));
  EXPECT_EQ(Decide("bytes=-500"), Partial(1548, 500));
  EXPECT_EQ(Decide("bytes=2000-5000"), Partial(2000, 48));
  EXPECT_EQ(Decide("bytes=500-0"), kUnsatisfiable);
  EXPECT_EQ(Decide("bytes=5000-10000"), kUnsatisfiable);
}

TEST(DecideRangeTest, NoFieldIsTheWhole) {
  EXPECT_EQ(DecideRange(absl::nullopt, absl::nullopt, kEtag, ByteCount(10)), kWhole);
}

TEST(DecideRangeTest, Edges) {
  EXPECT_EQ(Decide("bytes=0-0"), Partial(0, 1));
  EXPECT_EQ(Decide("bytes=0-"), Partial(0, 2048));
  EXPECT_EQ(Decide("bytes=2047-"), Partial(2047, 1));
  EXPECT_EQ(Decide("bytes=2048-"), kUnsatisfiable);
  EXPECT_EQ(Decide("bytes=-0"), kUnsatisfiable);
  EXPECT_EQ(Decide("bytes=-9999"), Partial(0, 2048));
  EXPECT_EQ(Decide("bytes=0-", 0), kUnsatisfiable);
  EXPECT_EQ(Decide("bytes=-5", 0), kUnsatisfiable);
}

TEST(DecideRangeTest, HugeNumbersDoNotOverflow) {
  EXPECT_EQ(Decide("bytes=0-99999999999999999999999"), Partial(0, 2048));
  EXPECT_EQ(Decide("bytes=99999999999999999999999-"), kUnsatisfiable);
  EXPECT_EQ(Decide("bytes=-99999999999999999999999"), Partial(0, 2048));
}

TEST(DecideRangeTest, CaseAndSpacesDoNotMatter) {
  EXPECT_EQ(Decide(" Bytes= 5 - 9 "), Partial(5, 5));
}

TEST(DecideRangeTest, WhatCannotBeServedIsIgnored) {
  for (const char* header :
       {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5", "bytes=+5-9", "bytes=5-x",
        "bytes=--5", "bytes=0-4,6-9", "items=0-4", "bytes=0x1-2"}) {
    EXPECT_EQ(Decide(header), kWhole) << header;
  }
}

TEST(DecideRangeTest, RangeHoldsOnlyForTheSameContent) {
  EXPECT_EQ(DecideRange("bytes=1-2", kEtag, kEtag, ByteCount(10)), Partial(1, 2));
  EXPECT_EQ(DecideRange("bytes=1-2", "\"other\"", kEtag, ByteCount(10)), kWhole);
  EXPECT_EQ(DecideRange("bytes=1-2", "Sun, 06 Nov 1994 08:49:37 GMT", kEtag, ByteCount(10)),
            kWhole);
}

// Every range of every small blob, against the definition.
TEST(DecideRangeTest, ExhaustiveForSmallBlobs) {
  for (int64_t size = 0; size <= 6; ++size) {
    for (int64_t first = 0; first <= 7; ++first) {
      for (int64_t last = 0; last <= 7; ++last) {
        const int64_t end = std::min(last, size - 1);
        const RangeDecision expected =
            first < size && first <= end ? Partial(first, end - first + 1) : kUnsatisfiable;
        EXPECT_EQ(Decide(absl::StrCat("bytes=", first, "-", last), size), expected)
            << first << "-" << last << " of " << size;
      }
    }
  }
}

TEST(ContentRangeTest, IsAsSpecified) {
  EXPECT_EQ(ContentRange({ByteOffset(5), ByteCount(5)}, ByteCount(100)), "bytes 5-9/100");
  EXPECT_EQ(UnsatisfiedContentRange(ByteCount(100)), "bytes */100");
}

TEST(ParseContentRangeTest, ReadsWhatServersSend) {
  EXPECT_THAT(ParseContentRange("bytes 5-9/100"),
              IsOkAndHolds(ReceivedRange{{ByteOffset(5), ByteCount(5)}, ByteCount(100)}));
  EXPECT_THAT(ParseContentRange(" Bytes 0-0/* "),
              IsOkAndHolds(ReceivedRange{{ByteOffset(0), ByteCount(1)}, absl::nullopt}));
}

TEST(ParseContentRangeTest, RefusesTheRest) {
  for (const char* header :
       {"", "bytes", "bytes ", "bytes */100", "bytes 5-9", "bytes 9-5/100", "bytes 5-9/9",
        "bytes 5-9/x", "bytes -9/100", "bytes 5-/100", "items 5-9/100", "bytes 5/9-100",
        "bytes 0-9223372036854775807/*", "bytes 0-99999999999999999999/*"}) {
    EXPECT_THAT(ParseContentRange(header), StatusIs(absl::StatusCode::kInvalidArgument)) << header;
  }
}

}  // namespace
}  // namespace kraken::registry
