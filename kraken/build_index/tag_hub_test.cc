#include "kraken/build_index/tag_hub.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/net/loop_thread.h"

namespace kraken::build_index {
namespace {

Digest DigestOf(uint8_t last) {
  Digest::Bytes bytes{};
  bytes[31] = last;
  return Digest::FromBytes(bytes);
}

class TagHubTest : public ::testing::Test {
 protected:
  void Create(TagServerConfig config) {
    auto table = TagTable::Open(
        absl::StrCat(::testing::TempDir(), "/",
                     ::testing::UnitTest::GetInstance()->current_test_info()->name(), ".db"));
    ASSERT_OK(table);
    table_ = *std::move(table);
    loop_.RunAndWait([&] {
      hub_ = std::make_unique<TagHub>(
          &loop_.loop(), table_.get(), &disk_, &upstream_,
          [this](const Namespace&, const Tag&) {
            absl::MutexLock lock(&mu_);
            ++queries_;
            mu_.Await(absl::Condition(&upstream_open_));
            return answer_;
          },
          config);
    });
  }
  void TearDown() override {
    SetUpstreamOpen(true);
    upstream_.Shutdown();
    disk_.Shutdown();
    loop_.RunAndWait([this] { hub_.reset(); });
  }
  void SetAnswer(absl::StatusOr<Digest> answer) {
    absl::MutexLock lock(&mu_);
    answer_ = std::move(answer);
  }
  void SetUpstreamOpen(bool open) {
    absl::MutexLock lock(&mu_);
    upstream_open_ = open;
  }
  int queries() {
    absl::MutexLock lock(&mu_);
    return queries_;
  }
  absl::StatusOr<TagRow> Get() {
    absl::StatusOr<TagRow> result = absl::UnknownError("no answer");
    absl::Notification done;
    loop_.loop().Post([&] {
      hub_->Get(ns_, tag_, [&](absl::StatusOr<TagRow> row) {
        result = std::move(row);
        done.Notify();
      });
    });
    done.WaitForNotification();
    return result;
  }
  absl::StatusOr<TagRow> Put(const TagRow& row) {
    absl::StatusOr<TagRow> result = absl::UnknownError("no answer");
    absl::Notification done;
    loop_.loop().Post([&] {
      hub_->Put(ns_, tag_, row, [&](absl::StatusOr<TagRow> stored) {
        result = std::move(stored);
        done.Notify();
      });
    });
    done.WaitForNotification();
    return result;
  }
  std::vector<DroppedTag> Drop(const GoneTags& which, const TagRow& gone) {
    absl::StatusOr<std::vector<DroppedTag>> result = absl::UnknownError("no answer");
    absl::Notification done;
    loop_.loop().Post([&] {
      hub_->Drop(ns_, which, gone, [&](absl::StatusOr<std::vector<DroppedTag>> dropped) {
        result = std::move(dropped);
        done.Notify();
      });
    });
    done.WaitForNotification();
    EXPECT_OK(result);
    return *std::move(result);
  }

  const Namespace ns_ = *Namespace::Parse("library/debian");
  const Tag tag_ = *Tag::Parse("latest");
  net::LoopThread loop_{"hub"};
  WorkerPool disk_{1, 100, "disk"};
  WorkerPool upstream_{2, 100, "upstream"};
  std::unique_ptr<TagTable> table_;
  std::unique_ptr<TagHub> hub_;
  absl::Mutex mu_;
  absl::StatusOr<Digest> answer_ ABSL_GUARDED_BY(mu_) = absl::NotFoundError("no such tag");
  bool upstream_open_ ABSL_GUARDED_BY(mu_) = true;
  int queries_ ABSL_GUARDED_BY(mu_) = 0;
};

TEST_F(TagHubTest, AsksTheBackendOnceAndRemembers) {
  Create({});
  SetAnswer(DigestOf(1));
  ASSERT_OK_AND_ASSIGN(TagRow row, Get());
  EXPECT_EQ(row.digest, DigestOf(1));
  SetAnswer(DigestOf(2));
  ASSERT_OK_AND_ASSIGN(row, Get());
  EXPECT_EQ(row.digest, DigestOf(1));
  EXPECT_EQ(queries(), 1);
}

TEST_F(TagHubTest, APutIsWhatTheNextGetSees) {
  Create({});
  SetAnswer(DigestOf(1));
  ASSERT_OK_AND_ASSIGN(TagRow row, Get());
  const absl::Time now = absl::Now() + absl::Seconds(1);
  EXPECT_OK(Put({DigestOf(7), static_cast<uint64_t>(absl::ToUnixMillis(now)), now}));
  ASSERT_OK_AND_ASSIGN(row, Get());
  EXPECT_EQ(row.digest, DigestOf(7));
}

TEST_F(TagHubTest, RevalidatesWhatIsOld) {
  Create({.revalidate_after = absl::ZeroDuration()});
  ASSERT_OK(Put({DigestOf(1), 1, absl::FromUnixMillis(1)}));
  SetAnswer(DigestOf(2));
  ASSERT_OK_AND_ASSIGN(const TagRow row, Get());
  EXPECT_EQ(row.digest, DigestOf(2));
}

TEST_F(TagHubTest, ServesWhatIsKnownWhileTheBackendIsDown) {
  Create({.revalidate_after = absl::ZeroDuration(), .stale_ttl = absl::Hours(1)});
  ASSERT_OK(Put({DigestOf(1), 1, absl::Now() - absl::Minutes(59)}));
  SetAnswer(absl::UnavailableError("down"));
  ASSERT_OK_AND_ASSIGN(const TagRow row, Get());
  EXPECT_EQ(row.digest, DigestOf(1));
  EXPECT_EQ(queries(), 1);
}

TEST_F(TagHubTest, DoesNotServeWhatIsOlderThanTheConfigurationAllows) {
  Create({.revalidate_after = absl::ZeroDuration(),
          .stale_ttl = absl::Hours(1),
          .upstream_timeout = absl::Milliseconds(1)});
  ASSERT_OK(Put({DigestOf(1), 1, absl::Now() - absl::Minutes(61)}));
  SetAnswer(absl::UnavailableError("down"));
  EXPECT_THAT(Get(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(TagHubTest, WhatTheBackendRefusesIsRefused) {
  Create({.revalidate_after = absl::ZeroDuration()});
  ASSERT_OK(Put({DigestOf(1), 1, absl::Now()}));
  for (const absl::Status& refusal :
       {absl::PermissionDeniedError("no"), absl::UnauthenticatedError("who?"),
        absl::FailedPreconditionError("vulnerable")}) {
    SetAnswer(refusal);
    EXPECT_THAT(Get(), StatusIs(refusal.code()));
  }
}

TEST_F(TagHubTest, ABackendThatHangsCostsItsTimeoutOnly) {
  Create({.revalidate_after = absl::ZeroDuration(), .upstream_timeout = absl::Milliseconds(20)});
  ASSERT_OK(Put({DigestOf(1), 1, absl::Now()}));
  SetUpstreamOpen(false);
  ASSERT_OK_AND_ASSIGN(const TagRow row, Get());
  EXPECT_EQ(row.digest, DigestOf(1));
}

TEST_F(TagHubTest, ForgetsWhatWasDeletedUpstream) {
  Create({.revalidate_after = absl::ZeroDuration()});
  ASSERT_OK(Put({DigestOf(1), 1, absl::FromUnixMillis(1)}));
  EXPECT_THAT(Get(), StatusIs(absl::StatusCode::kNotFound));
  SetAnswer(absl::UnavailableError("down"));
  EXPECT_THAT(Get(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(TagHubTest, WhatWasDroppedIsGoneAtOnce) {
  Create({});
  ASSERT_OK(Put({DigestOf(1), 1, absl::Now()}));
  SetAnswer(DigestOf(1));
  const absl::Time now = absl::Now();
  const TagRow gone = {std::nullopt, static_cast<uint64_t>(absl::ToUnixMillis(now)), now};
  EXPECT_EQ(Drop(tag_, gone), std::vector<DroppedTag>({{"latest", DigestOf(1)}}));
  EXPECT_THAT(Get(), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_EQ(queries(), 0);
}

TEST_F(TagHubTest, ATagWhoseDigestIsGoneIsAskedForAtOnce) {
  Create({});
  ASSERT_OK(Put({DigestOf(1), 1, absl::Now()}));
  const auto revision = static_cast<uint64_t>(absl::ToUnixMillis(absl::Now() - absl::Seconds(1)));
  EXPECT_EQ(Drop(DigestOf(1), {std::nullopt, revision, absl::UnixEpoch()}).size(), 1u);
  SetAnswer(absl::UnavailableError("down"));
  EXPECT_THAT(Get(), StatusIs(absl::StatusCode::kUnavailable)) << "nothing is known for sure";
  SetAnswer(DigestOf(2));
  ASSERT_OK_AND_ASSIGN(const TagRow row, Get());
  EXPECT_EQ(row.digest, DigestOf(2));
}

TEST_F(TagHubTest, ManyWhoAskAtOnceMakeOneQuery) {
  Create({});
  SetAnswer(DigestOf(1));
  SetUpstreamOpen(false);
  absl::Mutex mu;
  int answered = 0;
  constexpr int kAskers = 50;
  loop_.RunAndWait([&] {
    for (int i = 0; i < kAskers; ++i) {
      hub_->Get(ns_, tag_, [&](absl::StatusOr<TagRow> row) {
        EXPECT_OK(row);
        absl::MutexLock lock(&mu);
        ++answered;
      });
    }
  });
  SetUpstreamOpen(true);
  absl::MutexLock lock(&mu);
  const auto all = [&] { return answered == kAskers; };
  EXPECT_TRUE(mu.AwaitWithTimeout(absl::Condition(&all), absl::Seconds(20)));
  EXPECT_EQ(queries(), 1);
}

}  // namespace
}  // namespace kraken::build_index
