// The relay between origins that the test plays, over real streams, and an observer.
#include "kraken/daemon/metainfo_relay.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/daemon/test_origin.h"
#include "kraken/net/loop_thread.h"
#include "kraken/rpc/rpc_test_util.h"

namespace kraken::daemon {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kNamespace[] = "library/debian";
// Short enough to sweep often while waiting.
constexpr absl::Duration kSweepPause = absl::Milliseconds(5);

// Which states are told: "[0,3) [3,5)".
std::string RangesOf(const rpc::v1::Metainfo& metainfo) {
  std::vector<std::string> ranges;
  for (const rpc::v1::PieceRange& range : metainfo.ranges()) {
    ranges.push_back(
        absl::StrCat("[", range.first(), ",", range.first() + range.states().size() / 32, ")"));
  }
  return absl::StrJoin(ranges, " ");
}

struct OriginReport {
  uint32_t port = 0;
  uint64_t piece_length = 0;
  bool complete = false;
};

struct RecordingObserver : RelayObserver {
  void OnMetainfo(const Digest&, const rpc::v1::Metainfo& news) override { metainfo.Put(news); }
  void OnOrigin(const Digest&, const rpc::v1::Peer& origin, uint64_t piece_length_bytes,
                bool complete) override {
    origins.Put({origin.port(), piece_length_bytes, complete});
  }
  void OnOriginGone(const Digest&, const rpc::v1::Peer& origin, uint64_t) override {
    gone.Put(origin.port());
  }
  void OnRevoked(const Digest&, const absl::Status& reason) override { revoked.Put(reason); }
  void OnUnavailable(const Digest&, const absl::Status& reason) override {
    unavailable.Put(reason);
  }

  rpc::Mailbox<rpc::v1::Metainfo> metainfo;
  rpc::Mailbox<OriginReport> origins;
  rpc::Mailbox<uint32_t> gone;
  rpc::Mailbox<absl::Status> revoked;
  rpc::Mailbox<absl::Status> unavailable;
};

class MetainfoRelayTest : public ::testing::Test {
 protected:
  ~MetainfoRelayTest() override {
    loop_.RunAndWait([this] {
      relay_.reset();
      access_.reset();
    });
  }

  void Start(const std::vector<TestOrigin*>& origins, int max_replica = 3,
             absl::Duration ttl = absl::Hours(1)) {
    std::vector<std::string> addresses;
    addresses.reserve(origins.size());
    for (TestOrigin* origin : origins) addresses.push_back(origin->address());
    loop_.RunAndWait([&] {
      access_ = std::make_unique<OriginAccess>(&loop_.loop(), addresses, max_replica);
      relay_ = std::make_unique<MetainfoRelay>(
          &loop_.loop(), &access_->client, access_->cluster.get(),
          MetainfoRelayOptions{.ttl = ttl, .retry = absl::ZeroDuration()}, &observer_);
    });
  }
  void Want() {
    loop_.RunAndWait([this] { relay_->Want(digest_, kNamespace); });
  }
  void Sweep() {
    loop_.RunAndWait([this] { relay_->Sweep(); });
  }
  // Null if nothing is.
  std::unique_ptr<rpc::v1::Metainfo> Known() {
    std::unique_ptr<rpc::v1::Metainfo> known;
    loop_.RunAndWait([&] {
      if (relay_->Known(digest_) != nullptr) {
        known = std::make_unique<rpc::v1::Metainfo>(*relay_->Known(digest_));
      }
    });
    return known;
  }
  size_t BlobCount() {
    size_t count = 0;
    loop_.RunAndWait([&] { count = relay_->blob_count(); });
    return count;
  }
  // Sweeps until the origin is watched for the time `index`.
  void SweepUntilWatched(TestOrigin& origin, size_t index) {
    for (absl::Duration waited; waited < rpc::kTestPatience; waited += kSweepPause) {
      Sweep();
      if (origin.HasWatch(index, kSweepPause)) return;
    }
    ADD_FAILURE() << "not watched again";
  }
  // Whom the ring names first, of the two.
  TestOrigin& First() {
    std::string first;
    loop_.RunAndWait([&] { first = access_->cluster->ring()->Locations(digest_).front(); });
    return first == one_.address() ? one_ : two_;
  }
  TestOrigin& Second() { return &First() == &one_ ? two_ : one_; }

  rpc::v1::MetainfoNews Range(int first, int count) { return TestRange(digest_, first, count); }
  rpc::v1::MetainfoNews Hello(int port) {
    rpc::v1::MetainfoNews news;
    *news.mutable_origin() = TestPeerAt(port);
    return news;
  }

  const Digest digest_ = TestDigest(7);
  net::LoopThread origin_loop_{"origins"};
  net::LoopThread loop_{"tracker"};
  TestOrigin one_{origin_loop_};
  TestOrigin two_{origin_loop_};
  RecordingObserver observer_;
  std::unique_ptr<OriginAccess> access_;
  std::unique_ptr<MetainfoRelay> relay_;
};

TEST_F(MetainfoRelayTest, RelaysWhatAnOriginSaysAsItGrows) {
  Start({&one_});
  Want();
  const TestOrigin::Watch watch = one_.WaitForWatch(0);
  EXPECT_EQ(watch.request.digest(), std::string(32, 7));
  EXPECT_EQ(watch.request.namespace_(), kNamespace);
  EXPECT_FALSE(watch.request.only_if_here());
  EXPECT_EQ(Known(), nullptr);

  watch.outlet->Write(Hello(1001));
  watch.outlet->Write(Range(0, 2));
  EXPECT_EQ(RangesOf(observer_.metainfo.Wait(0)), "[0,2)");
  watch.outlet->Write(Range(2, 3));
  const rpc::v1::Metainfo more = observer_.metainfo.Wait(1);
  EXPECT_EQ(RangesOf(more), "[2,5)") << "only what is new";
  EXPECT_EQ(more.size_bytes(), 100 * kTestPieceLength);
  EXPECT_EQ(more.ranges(0).states(), Range(2, 3).metainfo().ranges(0).states());
  EXPECT_FALSE(more.complete());
  ASSERT_NE(Known(), nullptr);
  EXPECT_EQ(RangesOf(*Known()), "[0,2) [2,5)");

  // Complete: one range that says everything takes the place of the many.
  rpc::v1::MetainfoNews all = Range(0, 100);
  all.mutable_metainfo()->set_complete(true);
  watch.outlet->Write(all);
  const rpc::v1::Metainfo last = observer_.metainfo.Wait(2);
  EXPECT_EQ(RangesOf(last), "[0,100)");
  EXPECT_TRUE(last.complete());
  EXPECT_EQ(RangesOf(*Known()), "[0,100)");
  EXPECT_TRUE(Known()->complete());
}

TEST_F(MetainfoRelayTest, KeepsTheNewestSignatureOfAWholeList) {
  const auto signed_with = [](rpc::v1::MetainfoNews news, const char* chain) {
    news.mutable_metainfo()->mutable_ranges(0)->set_certificate_chain(chain);
    return news;
  };
  const auto known_chain = [this] { return Known()->ranges(0).certificate_chain(); };
  Start({&one_, &two_});
  Want();
  const TestOrigin::Watch watch = one_.WaitForWatch(0);
  watch.outlet->Write(Hello(1001));
  watch.outlet->Write(signed_with(Range(0, 100), "old"));
  EXPECT_EQ(RangesOf(observer_.metainfo.Wait(0)), "[0,100)");
  EXPECT_EQ(known_chain(), "old");

  watch.outlet->Write(signed_with(Range(0, 50), "of a part"));
  watch.outlet->Write(signed_with(Range(0, 100), "new"));
  // What comes over another stream would tell nothing of the order.
  rpc::v1::MetainfoNews complete;
  complete.mutable_metainfo()->set_complete(true);
  watch.outlet->Write(complete);
  const rpc::v1::Metainfo next = observer_.metainfo.Wait(1);
  EXPECT_EQ(RangesOf(next), "") << "the states are no news";
  EXPECT_TRUE(next.complete());
  EXPECT_EQ(known_chain(), "new");
  EXPECT_EQ(RangesOf(*Known()), "[0,100)");
}

TEST_F(MetainfoRelayTest, AnOriginIsReportedOnceThePieceLengthIsKnownAndByEachSweep) {
  Start({&one_});
  Want();
  const TestOrigin::Watch watch = one_.WaitForWatch(0);
  watch.outlet->Write(Hello(1001));
  watch.outlet->Write(Range(0, 2));
  const OriginReport report = observer_.origins.Wait(0);
  EXPECT_EQ(report.port, 1001u);
  EXPECT_EQ(report.piece_length, kTestPieceLength);
  EXPECT_FALSE(report.complete);

  rpc::v1::MetainfoNews complete;
  complete.mutable_metainfo()->set_complete(true);
  watch.outlet->Write(complete);
  EXPECT_TRUE(observer_.origins.Wait(1).complete);
  Sweep();
  EXPECT_TRUE(observer_.origins.Wait(2).complete);
  EXPECT_EQ(observer_.origins.size(), 3u);
}

TEST_F(MetainfoRelayTest, SmallBlobsAreRelayedWhole) {
  Start({&one_});
  Want();
  rpc::v1::MetainfoNews news = Hello(1001);
  news.mutable_metainfo()->set_inline_blob("small");
  news.mutable_metainfo()->set_is_inline(true);
  news.mutable_metainfo()->set_size_bytes(5);
  news.mutable_metainfo()->set_complete(true);
  one_.WaitForWatch(0).outlet->Write(news);
  const rpc::v1::Metainfo told = observer_.metainfo.Wait(0);
  EXPECT_EQ(told.inline_blob(), "small");
  EXPECT_TRUE(told.complete());
  ASSERT_NE(Known(), nullptr);
  EXPECT_EQ(Known()->inline_blob(), "small");
  EXPECT_EQ(observer_.origins.size(), 0u) << "there are no pieces to serve";
}

TEST_F(MetainfoRelayTest, SeveralWhoWantABlobShareOneWatch) {
  Start({&one_});
  for (int i = 0; i < 3; ++i) Want();
  one_.WaitForWatch(0).outlet->Write(Range(0, 2));
  observer_.metainfo.Wait(0);
  Want();
  Sweep();
  // What would have been asked before this has been.
  loop_.RunAndWait([this] { relay_->Want(TestDigest(8), kNamespace); });
  EXPECT_EQ(one_.WaitForWatch(1).request.digest(), std::string(32, 8));
  EXPECT_EQ(BlobCount(), 2u);
}

TEST_F(MetainfoRelayTest, WhatTwoOriginsSayIsToldOnce) {
  Start({&one_, &two_});
  Want();
  const TestOrigin::Watch a = one_.WaitForWatch(0);
  const TestOrigin::Watch b = two_.WaitForWatch(0);
  a.outlet->Write(Hello(1001));
  a.outlet->Write(Range(0, 4));
  observer_.metainfo.Wait(0);
  b.outlet->Write(Hello(1002));
  b.outlet->Write(Range(0, 2));
  EXPECT_EQ(observer_.origins.Wait(1).port, 1002u);
  b.outlet->Write(Range(2, 4));
  EXPECT_EQ(RangesOf(observer_.metainfo.Wait(1)), "[2,6)");
  EXPECT_EQ(observer_.metainfo.size(), 2u);
}

TEST_F(MetainfoRelayTest, GoesOnAtAnotherOriginWhenOneDies) {
  Start({&one_, &two_}, /*max_replica=*/1);
  TestOrigin& dies = First();
  TestOrigin& lives = Second();
  Want();
  const TestOrigin::Watch watch = dies.WaitForWatch(0);
  watch.outlet->Write(Hello(1001));
  watch.outlet->Write(Range(0, 2));
  observer_.metainfo.Wait(0);
  dies.Die();
  EXPECT_EQ(observer_.gone.Wait(0), 1001u);

  SweepUntilWatched(lives, 0);
  EXPECT_EQ(RangesOf(*Known()), "[0,2)") << "what was learnt stays";
  const TestOrigin::Watch next = lives.WaitForWatch(0);
  next.outlet->Write(Hello(1002));
  next.outlet->Write(Range(0, 5));
  EXPECT_EQ(RangesOf(observer_.metainfo.Wait(1)), "[0,5)");
  EXPECT_EQ(observer_.unavailable.size(), 0u);
}

TEST_F(MetainfoRelayTest, AFailureIsToldWhenAllOriginsHaveFailed) {
  Start({&one_, &two_});
  Want();
  const TestOrigin::Watch a = one_.WaitForWatch(0);
  const TestOrigin::Watch b = two_.WaitForWatch(0);
  a.outlet->Write(Hello(1001));
  a.outlet->Finish(absl::UnavailableError("shutting down"));
  one_.WaitForClosed(1);
  b.outlet->Write(Hello(1002));
  b.outlet->Finish(absl::UnavailableError("broken"));
  EXPECT_THAT(observer_.unavailable.Wait(0),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr(one_.address()), HasSubstr(two_.address()),
                             HasSubstr("shutting down"), HasSubstr("broken"))));
  EXPECT_EQ(BlobCount(), 0u);
  EXPECT_EQ(Known(), nullptr);
}

TEST_F(MetainfoRelayTest, NotFoundIsToldAtOnceAndAskedAnew) {
  Start({&one_, &two_});
  Want();
  one_.WaitForWatch(0);
  two_.WaitForWatch(0).outlet->Finish(absl::NotFoundError("no such blob"));
  EXPECT_THAT(observer_.unavailable.Wait(0),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("no such blob")));
  one_.WaitForClosed(1);
  EXPECT_EQ(BlobCount(), 0u);
  // It may have been pushed since.
  Want();
  one_.WaitForWatch(1).outlet->Write(Range(0, 2));
  EXPECT_EQ(RangesOf(observer_.metainfo.Wait(0)), "[0,2)");
}

TEST_F(MetainfoRelayTest, WhatOneOriginTellsOfIsNotLostAtAnother) {
  Start({&one_, &two_});
  Want();
  one_.WaitForWatch(0).outlet->Write(Range(0, 2));
  observer_.metainfo.Wait(0);
  two_.WaitForWatch(0).outlet->Finish(absl::NotFoundError("deleted at the backend"));
  two_.WaitForClosed(1);
  one_.WaitForWatch(0).outlet->Write(Range(2, 2));
  EXPECT_EQ(RangesOf(observer_.metainfo.Wait(1)), "[2,4)");
  EXPECT_EQ(observer_.unavailable.size(), 0u);
}

TEST_F(MetainfoRelayTest, AStreamThatEndsWithoutAWordIsAFailure) {
  Start({&one_});
  Want();
  one_.WaitForWatch(0).outlet->Finish(absl::OkStatus());
  EXPECT_THAT(observer_.unavailable.Wait(0),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(one_.address())));
}

TEST_F(MetainfoRelayTest, OnlyTheLastFailureOfAnOriginIsRemembered) {
  Start({&one_});
  Want();
  const TestOrigin::Watch watch = one_.WaitForWatch(0);
  watch.outlet->Write(Range(0, 2));
  watch.outlet->Finish(absl::UnavailableError("restarting"));
  SweepUntilWatched(one_, 1);
  one_.WaitForWatch(1).outlet->Finish(absl::NotFoundError("deleted"));
  EXPECT_THAT(observer_.unavailable.Wait(0),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("deleted"), Not(HasSubstr("restarting")))));
}

TEST_F(MetainfoRelayTest, ARevocationIsToldAndForgetsAll) {
  Start({&one_, &two_});
  Want();
  const TestOrigin::Watch watch = one_.WaitForWatch(0);
  two_.WaitForWatch(0);
  watch.outlet->Write(Hello(1001));
  watch.outlet->Write(Range(0, 2));
  observer_.origins.Wait(0);
  rpc::v1::MetainfoNews news;
  news.mutable_revoked()->set_code(static_cast<int>(absl::StatusCode::kDataLoss));
  news.mutable_revoked()->set_message("wrong bytes");
  watch.outlet->Write(news);
  EXPECT_THAT(observer_.revoked.Wait(0),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("wrong bytes")));
  EXPECT_EQ(observer_.gone.Wait(0), 1001u);
  one_.WaitForClosed(1);
  two_.WaitForClosed(1);
  EXPECT_EQ(BlobCount(), 0u);
}

TEST_F(MetainfoRelayTest, WatchesEndWhenNobodyWantsTheBlobAnyMore) {
  Start({&one_}, /*max_replica=*/3, /*ttl=*/absl::ZeroDuration());
  Want();
  const TestOrigin::Watch watch = one_.WaitForWatch(0);
  watch.outlet->Write(Hello(1001));
  watch.outlet->Write(Range(0, 2));
  observer_.origins.Wait(0);
  Sweep();
  EXPECT_EQ(observer_.gone.Wait(0), 1001u);
  one_.WaitForClosed(1);
  EXPECT_EQ(BlobCount(), 0u);
  EXPECT_EQ(observer_.unavailable.size(), 0u);
}

}  // namespace
}  // namespace kraken::daemon
