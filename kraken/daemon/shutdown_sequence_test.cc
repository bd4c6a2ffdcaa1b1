#include "kraken/daemon/shutdown_sequence.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "kraken/net/event_loop.h"

namespace kraken::daemon {
namespace {

TEST(ShutdownSequenceTest, EachStepWaitsForTheOneBefore) {
  net::EventLoop loop;
  std::vector<std::string> log;
  ShutdownSequence sequence(&loop);
  ShutdownSequence::Done finish_first;
  sequence.Add("first", [&](ShutdownSequence::Done done) {
    log.push_back("first begins");
    finish_first = std::move(done);
    loop.Post([&] {
      log.push_back("first ends");
      finish_first();
    });
  });
  sequence.AddBlocking("second", [&] { log.push_back("second"); });
  sequence.AddBlocking("third", [&] { log.push_back("third"); });
  sequence.Run([&] {
    log.push_back("done");
    loop.Stop();
  });
  loop.Run();
  EXPECT_EQ(log,
            std::vector<std::string>({"first begins", "first ends", "second", "third", "done"}));
}

}  // namespace
}  // namespace kraken::daemon
