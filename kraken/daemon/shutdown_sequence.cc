#include "kraken/daemon/shutdown_sequence.h"

#include <utility>

#include "kraken/telemetry/log.h"

namespace kraken::daemon {

ShutdownSequence::~ShutdownSequence() {
  if (thread_.joinable()) thread_.join();
}

void ShutdownSequence::Add(absl::string_view name, absl::AnyInvocable<void(Done)> step) {
  steps_.push_back({std::string(name), std::move(step)});
}

void ShutdownSequence::AddBlocking(absl::string_view name, absl::AnyInvocable<void()> step) {
  Add(name, [this, step = std::move(step)](Done done) mutable {
    if (thread_.joinable()) thread_.join();
    thread_ = std::thread([step = std::move(step), done = std::move(done)]() mutable {
      step();
      done();
    });
  });
}

void ShutdownSequence::Run(Done done) {
  done_ = std::move(done);
  Next();
}

void ShutdownSequence::Next() {
  if (next_ == steps_.size()) {
    done_();
    return;
  }
  Step& step = steps_[next_++];
  telemetry::LogInfo("stopping", {{"part", step.name}});
  step.run([this, handle = loop_->handle()] { handle.Post([this] { Next(); }); });
}

}  // namespace kraken::daemon
