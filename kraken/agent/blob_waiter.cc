#include "kraken/agent/blob_waiter.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace kraken::agent {
namespace {

using Done = absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<peer_wire::BlobReader>>)>;

class BlobWaiter : public std::enable_shared_from_this<BlobWaiter> {
 public:
  BlobWaiter(std::unique_ptr<peer_wire::BlobReader> reader, absl::Duration progress_timeout,
             net::EventLoop* loop, Done done)
      : reader_(std::move(reader)),
        progress_timeout_(progress_timeout),
        loop_(loop),
        done_(std::move(done)) {}

  void Look() {
    if (reader_ == nullptr) return;
    const ByteOffset available = reader_->available();
    if (available == reader_->end()) return End(reader_);
    const absl::Status status = reader_->status();
    if (!status.ok()) return End(status);
    if (available > reader_->cursor()) {
      loop_->CancelTimer(std::exchange(timer_, net::TimerId::kNone));
      reader_->Advance(available);
    }
    if (timer_ == net::TimerId::kNone) {
      timer_ = loop_->RunAfter(progress_timeout_, [self = shared_from_this()] { self->GiveUp(); });
    }
    reader_->Wait(loop_->handle(), [self = shared_from_this()] { self->Look(); });
  }

 private:
  void GiveUp() {
    timer_ = net::TimerId::kNone;
    End(absl::DeadlineExceededError(absl::StrCat(
        "blob ", reader_->digest().ToString(), ": no byte came within ",
        absl::FormatDuration(progress_timeout_), " after the first ", reader_->cursor().value())));
  }

  // Also ends the circles of references.
  void End(absl::StatusOr<std::shared_ptr<peer_wire::BlobReader>> result) {
    loop_->CancelTimer(std::exchange(timer_, net::TimerId::kNone));
    reader_ = nullptr;
    std::exchange(done_, nullptr)(std::move(result));
  }

  std::shared_ptr<peer_wire::BlobReader> reader_;
  const absl::Duration progress_timeout_;
  net::EventLoop* const loop_;
  Done done_;
  net::TimerId timer_ = net::TimerId::kNone;
};

}  // namespace

void AwaitBlob(std::unique_ptr<peer_wire::BlobReader> reader, absl::Duration progress_timeout,
               net::EventLoop* loop, Done done) {
  std::make_shared<BlobWaiter>(std::move(reader), progress_timeout, loop, std::move(done))->Look();
}

}  // namespace kraken::agent
