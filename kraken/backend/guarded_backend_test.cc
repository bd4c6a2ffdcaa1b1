#include "kraken/backend/guarded_backend.h"

#include <algorithm>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/backend/backend.h"
#include "kraken/backend/backend_observer.h"
#include "kraken/backend/testing_backend.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/base/manual_clock.h"
#include "kraken/base/namespace.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/tag.h"
#include "kraken/base/test_util.h"
#include "kraken/registry/blob_sink.h"
#include "kraken/registry/cancellation.h"

namespace kraken::backend {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using Operation = BackendObserver::Operation;

// Counts who is inside; StatBlob waits until it may go.
class SlowBackend : public NamedBackend {
 public:
  SlowBackend() : NamedBackend("slow") {}

  absl::StatusOr<ByteCount> StatBlob(const Namespace&, const Digest&,
                                     const registry::Cancellation&) override {
    absl::MutexLock lock(&mutex_);
    ++inside_;
    ++entered_;
    most_ = std::max(most_, inside_);
    mutex_.Await(absl::Condition(&open_));
    --inside_;
    return ByteCount(7);
  }
  absl::Status DownloadBlob(const Namespace&, const Digest&, ByteOffset, registry::BlobSink& sink,
                            const registry::Cancellation&) override {
    absl::Status status = sink.Begin(ByteCount(2000));
    for (int i = 0; i < 2 && status.ok(); ++i) status = sink.Write(std::string(1000, 'x'));
    return status;
  }
  absl::StatusOr<Digest> ResolveTag(const Namespace&, const Tag&,
                                    const registry::Cancellation&) override {
    return absl::NotFoundError("no such tag");
  }

  void WaitForEntered(int count) {
    absl::MutexLock lock(&mutex_);
    const auto reached = [this, count] { return entered_ >= count; };
    mutex_.Await(absl::Condition(&reached));
  }
  void Open() {
    absl::MutexLock lock(&mutex_);
    open_ = true;
  }
  int most() {
    absl::MutexLock lock(&mutex_);
    return most_;
  }

 private:
  absl::Mutex mutex_;
  int inside_ = 0;
  int entered_ = 0;
  int most_ = 0;
  bool open_ = false;
};

class RecordingObserver : public BackendObserver {
 public:
  void OnRequest(const std::string& backend, Operation operation, const absl::Status& status,
                 absl::Duration) override {
    EXPECT_EQ(backend, "slow");
    requests.emplace_back(operation, status.code());
  }
  void OnBytes(const std::string&, ByteCount count) override { bytes += count; }

  std::vector<std::pair<Operation, absl::StatusCode>> requests;
  ByteCount bytes{0};
};

class GuardedBackendTest : public ::testing::Test {
 protected:
  const Namespace namespace_ = *Namespace::Parse("library/debian");
  const Digest digest_;
  const std::shared_ptr<SlowBackend> slow_ = std::make_shared<SlowBackend>();
  registry::Cancellation cancellation_;
};

TEST_F(GuardedBackendTest, NoMoreThanTheLimitAtOnce) {
  GuardedBackend guarded(slow_, {.max_concurrent = 2}, &SystemClock::Get());
  std::vector<std::thread> callers;
  callers.reserve(6);
  for (int i = 0; i < 6; ++i) {
    callers.emplace_back([&] {
      EXPECT_THAT(guarded.StatBlob(namespace_, digest_, cancellation_), IsOkAndHolds(ByteCount(7)));
    });
  }
  slow_->WaitForEntered(2);
  slow_->Open();
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(slow_->most(), 2);
}

TEST_F(GuardedBackendTest, WaitingForATurnEndsWhenCancelled) {
  GuardedBackend guarded(slow_, {.max_concurrent = 1}, &SystemClock::Get());
  std::thread first([&] { EXPECT_OK(guarded.StatBlob(namespace_, digest_, cancellation_)); });
  slow_->WaitForEntered(1);
  registry::Cancellation second;
  std::thread canceller([second]() mutable { second.Cancel(); });
  EXPECT_THAT(guarded.StatBlob(namespace_, digest_, second),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("slow")));
  canceller.join();
  slow_->Open();
  first.join();
}

TEST_F(GuardedBackendTest, ObserverSeesRequestsAndBytes) {
  RecordingObserver observer;
  GuardedBackend guarded(slow_, {.max_concurrent = 1, .observer = &observer}, &SystemClock::Get());
  slow_->Open();
  StringSink sink;
  EXPECT_OK(guarded.StatBlob(namespace_, digest_, cancellation_));
  EXPECT_OK(guarded.DownloadBlob(namespace_, digest_, ByteOffset(0), sink, cancellation_));
  EXPECT_THAT(guarded.ResolveTag(namespace_, *Tag::Parse("x"), cancellation_),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(observer.requests,
              ElementsAre(Pair(Operation::kStatBlob, absl::StatusCode::kOk),
                          Pair(Operation::kDownloadBlob, absl::StatusCode::kOk),
                          Pair(Operation::kResolveTag, absl::StatusCode::kNotFound)));
  EXPECT_EQ(observer.bytes, ByteCount(2000));
  EXPECT_EQ(sink.content.size(), 2000u);
}

// 2000 bytes at 1000 per second: the first second's worth at once, the rest a second later, which
// on this clock never comes.
TEST_F(GuardedBackendTest, BytesBeyondTheBandwidthWait) {
  ManualClock clock;
  GuardedBackend guarded(slow_, {.max_concurrent = 1, .bytes_per_second = 1000}, &clock);
  StringSink sink;
  sink.on_write = [&] {
    if (sink.content.size() == 2000) cancellation_.Cancel();
    return absl::OkStatus();
  };
  EXPECT_THAT(guarded.DownloadBlob(namespace_, digest_, ByteOffset(0), sink, cancellation_),
              StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(GuardedBackendTest, BytesWithinTheBandwidthDoNotWait) {
  ManualClock clock;
  GuardedBackend guarded(slow_, {.max_concurrent = 1, .bytes_per_second = 2000}, &clock);
  StringSink sink;
  EXPECT_OK(guarded.DownloadBlob(namespace_, digest_, ByteOffset(0), sink, cancellation_));
}

TEST_F(GuardedBackendTest, TurnIsGivenBackAfterAnError) {
  GuardedBackend guarded(slow_, {.max_concurrent = 1}, &SystemClock::Get());
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(guarded.ResolveTag(namespace_, *Tag::Parse("x"), cancellation_),
                StatusIs(absl::StatusCode::kNotFound));
  }
}

TEST_F(GuardedBackendTest, KeepsTheNameAndWhatIsNotHeld) {
  GuardedBackend guarded(std::make_shared<NamedBackend>("plain"), {}, &SystemClock::Get());
  EXPECT_EQ(guarded.name(), "plain");
  EXPECT_THAT(guarded.StatBlob(namespace_, digest_, cancellation_),
              StatusIs(absl::StatusCode::kFailedPrecondition, "backend plain holds no blobs"));
  EXPECT_THAT(guarded.ResolveTag(namespace_, *Tag::Parse("x"), cancellation_),
              StatusIs(absl::StatusCode::kFailedPrecondition, "backend plain holds no tags"));
  EXPECT_OK(guarded.CheckReady(cancellation_));
}

}  // namespace
}  // namespace kraken::backend
