#include "kraken/rpc/write_epoch.h"

#include <limits>

#include "kraken/base/status_util.h"
#include "kraken/base/test_util.h"
#include "kraken/rpc/status.h"

namespace kraken::rpc {
namespace {

using ::testing::HasSubstr;

v1::WriteEpoch Make(absl::string_view lease, uint64_t epoch) {
  v1::WriteEpoch made;
  made.set_lease(std::string(lease));
  made.set_epoch(epoch);
  return made;
}

TEST(WriteEpochTest, ANameAndAnEpochGoTogether) {
  EXPECT_OK(CheckWriteEpoch(Make("", 0)));
  EXPECT_OK(CheckWriteEpoch(Make("eu-1.bridge_a", 7)));
  const auto is_refused = StatusIs(absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(CheckWriteEpoch(Make("eu", 0)), is_refused);
  EXPECT_THAT(CheckWriteEpoch(Make("", 7)), is_refused);
  EXPECT_THAT(CheckWriteEpoch(Make("Eu", 7)), is_refused);
  EXPECT_THAT(CheckWriteEpoch(Make("-eu", 7)), is_refused);
  EXPECT_THAT(CheckWriteEpoch(Make("e/u", 7)), is_refused);
  EXPECT_THAT(CheckWriteEpoch(Make(std::string(kMaxLeaseNameBytes + 1, 'a'), 7)), is_refused);
  EXPECT_THAT(CheckWriteEpoch(Make("eu", std::numeric_limits<uint64_t>::max())), is_refused);
}

TEST(WriteEpochTest, ARefusalIsKnownAgainAfterItsWay) {
  const absl::Status refused = StaleEpochError(3, "eu", 12, "do this");
  EXPECT_THAT(std::string(refused.message()), HasSubstr("3: epoch 12 of lease \"eu\" was seen"));
  const absl::Status arrived = Annotate(FromGrpc(ToGrpc(refused)), "origin o:1");
  EXPECT_EQ(SeenEpoch(arrived), 12u);
  // Of an origin that asked another.
  EXPECT_EQ(SeenEpoch(Annotate(arrived, "prefetch sha256:ab")), 12u);
}

TEST(WriteEpochTest, OtherErrorsAreNoRefusals) {
  EXPECT_EQ(SeenEpoch(absl::OkStatus()), std::nullopt);
  for (const char* message :
       {"", "stale write epoch ", "stale write epoch 3", "stale write epoch 3: epoch ",
        "stale write epoch 3: epoch x", "stale write epoch 3: epoch 99999999999999999999999"}) {
    EXPECT_EQ(SeenEpoch(absl::FailedPreconditionError(message)), std::nullopt) << message;
  }
  EXPECT_EQ(SeenEpoch(absl::UnavailableError("stale write epoch 3: epoch 4 of")), std::nullopt);
}

}  // namespace
}  // namespace kraken::rpc
