#include "kraken/net/event_loop.h"

#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/notification.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/unique_fd.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/shutdown_signals.h"

namespace kraken::net {
namespace {

using ::testing::ElementsAre;

TEST(EventLoop, RunsWhatWasPostedBeforeStopInOrder) {
  EventLoop loop;
  std::vector<int> order;
  for (int i = 0; i < 3; ++i) loop.Post([&order, i] { order.push_back(i); });
  loop.Stop();
  loop.Run();
  EXPECT_THAT(order, ElementsAre(0, 1, 2));
  // And may run again.
  loop.Post([&] { order.push_back(3); });
  loop.Stop();
  loop.Run();
  EXPECT_EQ(order.size(), 4);
}

TEST(EventLoop, TakesPostsFromManyThreads) {
  LoopThread thread("test");
  std::atomic<int> sum{0};
  std::vector<std::thread> posters;
  for (int t = 0; t < 4; ++t) {
    posters.emplace_back([&] {
      for (int i = 0; i < 10000; ++i) {
        thread.loop().Post([&] {
          EXPECT_TRUE(thread.loop().IsInLoopThread());
          ++sum;
        });
      }
    });
  }
  for (auto& poster : posters) poster.join();
  EXPECT_FALSE(thread.loop().IsInLoopThread());
  thread.Join();
  EXPECT_EQ(sum, 40000);
  const EventLoopStats stats = thread.loop().stats();
  EXPECT_EQ(stats.posted, 40001);  // and Stop()'s
  EXPECT_EQ(stats.queue_depth, 0);
  EXPECT_GE(stats.queue_depth_peak, 1);
}

TEST(EventLoop, AHandleOutlivesItsLoop) {
  LoopHandle handle;
  auto token = std::make_shared<int>(0);
  {
    EventLoop loop;
    handle = loop.handle();
    EXPECT_TRUE(handle.Post([token] { ADD_FAILURE() << "the loop never ran"; }));
    EXPECT_EQ(token.use_count(), 2);
  }
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_FALSE(handle.Post([token] {}));
  EXPECT_EQ(token.use_count(), 1);
  EXPECT_FALSE(LoopHandle().Post([] {}));
}

TEST(EventLoop, TimersRunInOrderOfTime) {
  EventLoop loop;
  std::vector<int> order;
  loop.RunAfter(absl::Milliseconds(3), [&] {
    order.push_back(3);
    loop.Stop();
  });
  loop.RunAfter(absl::Milliseconds(1), [&] { order.push_back(1); });
  loop.RunAfter(absl::Seconds(-1), [&] { order.push_back(0); });
  const TimerId cancelled = loop.RunAfter(absl::Milliseconds(2), [&] { order.push_back(2); });
  const TimerId never = loop.RunAfter(absl::InfiniteDuration(), [&] { order.push_back(9); });
  EXPECT_TRUE(order.empty());
  EXPECT_TRUE(loop.CancelTimer(cancelled));
  EXPECT_FALSE(loop.CancelTimer(cancelled));
  EXPECT_FALSE(loop.CancelTimer(TimerId::kNone));
  loop.Run();
  EXPECT_THAT(order, ElementsAre(0, 1, 3));
  EXPECT_TRUE(loop.CancelTimer(never));
}

TEST(EventLoop, ATimerIsNeverEarlyByTheClock) {
  // However long the callbacks took before it was set, in the same round.
  constexpr absl::Duration kDelay = absl::Milliseconds(2);
  EventLoop loop;
  int rounds = 0;
  std::function<void()> set = [&] {
    const MonotonicTime begun = EventLoop::MonotonicNow();
    while (EventLoop::MonotonicNow() - begun < 2 * kDelay) {
    }
    const MonotonicTime asked = EventLoop::MonotonicNow();
    loop.RunAfter(kDelay, [&, asked] {
      EXPECT_GE(EventLoop::MonotonicNow() - asked, kDelay);
      if (++rounds == 20) return loop.Stop();
      set();
    });
    loop.Post([] {});  // Another round begins at once.
  };
  loop.Post(set);
  loop.Run();
}

TEST(EventLoop, ATimerMayCancelItselfAndOthers) {
  EventLoop loop;
  TimerId self = TimerId::kNone;
  TimerId other = TimerId::kNone;
  self = loop.RunAfter(absl::ZeroDuration(), [&] {
    EXPECT_FALSE(loop.CancelTimer(self));
    EXPECT_TRUE(loop.CancelTimer(other));
    loop.RunAfter(absl::ZeroDuration(), [&] { loop.Stop(); });
  });
  other = loop.RunAfter(absl::Hours(1), [] {});
  loop.Run();
}

TEST(EventLoop, WorkThatDefersItselfStarvesNobody) {
  EventLoop loop;
  int rounds = 0;
  bool stop = false;
  std::function<void()> again = [&] {
    ++rounds;
    if (!stop) loop.Defer(again);
  };
  loop.Post([&] { loop.Defer(again); });
  std::thread poster([&] {
    loop.Post([&] { stop = true; });
    loop.Stop();
  });
  loop.Run();
  poster.join();
  EXPECT_GE(rounds, 0);
}

TEST(EventLoop, DeferRunsAfterTheCallback) {
  EventLoop loop;
  std::string order;
  loop.Post([&] {
    loop.Defer([&] {
      order += "b";
      loop.Stop();
    });
    order += "a";
  });
  loop.Run();
  EXPECT_EQ(order, "ab");
}

class Recorder : public FdHandler {
 public:
  explicit Recorder(EventLoop* loop) : loop_(loop) {}
  void OnFdReady(FdEvents events) override {
    seen.push_back((events.readable ? 1 : 0) + (events.writable ? 2 : 0) +
                   (events.peer_closed ? 4 : 0));
    loop_->Stop();
  }
  std::vector<int> seen;

 private:
  EventLoop* loop_;
};

TEST(FdWatcher, ReportsEdgesOnce) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
  UniqueFd a(ends[0]);
  UniqueFd b(ends[1]);
  EventLoop loop;
  Recorder recorder(&loop);
  FdWatcher watcher(&loop, a.get(), &recorder, FdWatcher::Mode::kEdgeReadWrite);
  loop.Run();
  EXPECT_THAT(recorder.seen, ElementsAre(2));
  loop.RunAfter(absl::Milliseconds(2), [&] { loop.Stop(); });
  loop.Run();
  EXPECT_EQ(recorder.seen.size(), 1);
  ASSERT_EQ(::write(b.get(), "x", 1), 1);
  loop.Run();
  EXPECT_THAT(recorder.seen, ElementsAre(2, 3));
  ::shutdown(b.get(), SHUT_WR);
  loop.Run();
  EXPECT_THAT(recorder.seen, ElementsAre(2, 3, 7));
}

TEST(LoopPool, HandsLoopsOutInTurn) {
  LoopPool pool("pool", 3);
  EXPECT_EQ(&pool.Next(), &pool.at(0));
  EXPECT_EQ(&pool.Next(), &pool.at(1));
  EXPECT_EQ(&pool.Next(), &pool.at(2));
  EXPECT_EQ(&pool.Next(), &pool.at(0));
  EXPECT_EQ(pool.loops().size(), 3);
}

TEST(ShutdownSignals, AreDeliveredInTheLoop) {
  EventLoop loop;
  std::vector<int> signals;
  ShutdownSignals handler(&loop, [&](int number) {
    signals.push_back(number);
    if (signals.size() == 2) loop.Stop();
  });
  ::kill(::getpid(), SIGTERM);
  ::kill(::getpid(), SIGINT);
  loop.Run();
  EXPECT_THAT(signals, ::testing::UnorderedElementsAre(SIGTERM, SIGINT));
}

TEST(ShutdownSignals, AHangupIsNoShutdown) {
  EventLoop loop;
  int hangups = 0;
  ShutdownSignals handler(
      &loop, [](int number) { ADD_FAILURE() << number; },
      [&] {
        ++hangups;
        loop.Stop();
      });
  ::kill(::getpid(), SIGHUP);
  loop.Run();
  EXPECT_EQ(hangups, 1);
}

TEST(EventLoop, MakesTheProcessIgnoreSigpipe) {
  EventLoop loop;
  struct sigaction action = {};
  ::sigaction(SIGPIPE, nullptr, &action);
  EXPECT_EQ(action.sa_handler, SIG_IGN);
}

}  // namespace
}  // namespace kraken::net
