#include "kraken/agent/tag_lookup.h"

#include <memory>
#include <thread>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "kraken/agent/testing/scripted_build_index.h"
#include "kraken/base/test_util.h"
#include "kraken/net/loop_thread.h"
#include "kraken/rpc/build_index_client.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/rpc_test_util.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::agent {
namespace {

using storage::TestBlob;

class TagLookupTest : public ::testing::Test {
 protected:
  void SetUp() override {
    control_.RunAndWait([this] {
      directory_ =
          std::make_unique<rpc::ChannelDirectory>(&control_.loop(), rpc::ChannelDirectoryOptions());
      auto client =
          rpc::BuildIndexClient::Create(&control_.loop(), directory_.get(),
                                        {.hosts = {.static_hosts = {build_index_.address()}}});
      ASSERT_OK(client);
      client_ = *std::move(client);
    });
    build_index_.SetTag("library/debian:latest", old_);
  }
  void TearDown() override {
    control_.RunAndWait([this] {
      client_ = nullptr;
      directory_ = nullptr;
    });
  }
  TagLookup Lookup(absl::Duration max_age) {
    return TagLookup(&control_.loop(), client_.get(), max_age);
  }
  // From this thread, waiting for the answer. `in_this_thread`: whether it came at once.
  absl::StatusOr<Digest> Resolve(TagLookup& lookup, const std::string& tag = "latest",
                                 bool* in_this_thread = nullptr) {
    absl::StatusOr<Digest> answer = absl::UnknownError("no answer");
    absl::Notification answered;
    const std::thread::id asker = std::this_thread::get_id();
    lookup.Resolve(*Namespace::Parse("library/debian"), *Tag::Parse(tag),
                   [&](absl::StatusOr<Digest> digest) {
                     if (in_this_thread != nullptr) {
                       *in_this_thread = std::this_thread::get_id() == asker;
                     }
                     answer = std::move(digest);
                     answered.Notify();
                   });
    EXPECT_TRUE(answered.WaitForNotificationWithTimeout(rpc::kTestPatience));
    return answer;
  }

  const Digest old_ = TestBlob(1, 64 << 10).digest;
  const Digest new_ = TestBlob(2, 64 << 10).digest;
  ScriptedBuildIndex build_index_;
  net::LoopThread control_{"control"};
  std::unique_ptr<rpc::ChannelDirectory> directory_;
  std::unique_ptr<rpc::BuildIndexClient> client_;
};

TEST_F(TagLookupTest, AsksOnceInAMoment) {
  TagLookup lookup = Lookup(absl::Hours(1));
  bool at_once = true;
  EXPECT_THAT(Resolve(lookup, "latest", &at_once), IsOkAndHolds(old_));
  EXPECT_FALSE(at_once);
  for (int i = 0; i < 10; ++i) {
    EXPECT_THAT(Resolve(lookup, "latest", &at_once), IsOkAndHolds(old_));
    EXPECT_TRUE(at_once);
  }
  EXPECT_EQ(build_index_.asked(), 1);
}

TEST_F(TagLookupTest, SeesATagThatMovedOnceTheMomentIsOver) {
  constexpr absl::Duration kMoment = absl::Milliseconds(50);
  TagLookup lookup = Lookup(kMoment);
  EXPECT_THAT(Resolve(lookup), IsOkAndHolds(old_));
  build_index_.SetTag("library/debian:latest", new_);
  const absl::Time moved = absl::Now();
  while (*Resolve(lookup) == old_) ASSERT_LT(absl::Now() - moved, rpc::kTestPatience);
  // However often it was looked for meanwhile.
  EXPECT_EQ(build_index_.asked(), 2);
  EXPECT_THAT(Resolve(lookup), IsOkAndHolds(new_));
}

TEST_F(TagLookupTest, WithoutAMomentEachIsAskedFor) {
  TagLookup lookup = Lookup(absl::ZeroDuration());
  EXPECT_THAT(Resolve(lookup), IsOkAndHolds(old_));
  build_index_.SetTag("library/debian:latest", new_);
  EXPECT_THAT(Resolve(lookup), IsOkAndHolds(new_));
  EXPECT_EQ(build_index_.asked(), 2);
}

TEST_F(TagLookupTest, ErrorsAreNotKept) {
  TagLookup lookup = Lookup(absl::Hours(1));
  EXPECT_THAT(Resolve(lookup, "next"), StatusIs(absl::StatusCode::kNotFound));
  build_index_.SetTag("library/debian:next", new_);
  EXPECT_THAT(Resolve(lookup, "next"), IsOkAndHolds(new_));
  // A tag of another name is another tag.
  EXPECT_THAT(Resolve(lookup, "latest"), IsOkAndHolds(old_));
  build_index_.Stop();
  EXPECT_THAT(Resolve(lookup, "latest"), IsOkAndHolds(old_));
  EXPECT_THAT(Resolve(lookup, "another"), StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace kraken::agent
