#include "kraken/agent/blob_streamer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/telemetry/log.h"

namespace kraken::agent {
namespace {

class BlobStreamer : public std::enable_shared_from_this<BlobStreamer> {
 public:
  BlobStreamer(std::shared_ptr<net::HttpExchange> exchange,
               std::unique_ptr<peer_wire::BlobReader> reader, BlobStreamOptions options,
               net::EventLoop* loop)
      : exchange_(std::move(exchange)),
        reader_(std::move(reader)),
        options_(std::move(options)),
        loop_(loop) {}

  ~BlobStreamer() { loop_->CancelTimer(timer_); }

  void Start() {
    if (exchange_->over()) return;
    exchange_->OnCancel([self = shared_from_this()](const absl::Status&) { self->Stop(); });
    Pump();
  }

 private:
  // Sends what is there, or waits for more.
  void Pump() {
    if (reader_ == nullptr) return;
    const ByteOffset cursor = reader_->cursor();
    if (cursor == reader_->end()) {
      StartResponse();
      exchange_->Finish();
      Stop();
      return;
    }
    const ByteOffset available = reader_->available();
    if (cursor < available) {
      Send(cursor, available);
    } else if (!reader_->status().ok()) {
      Fail(reader_->status());
    } else {
      Await();
    }
  }

  void StartResponse() {
    if (std::exchange(started_, true)) return;
    options_.start(*exchange_);
  }

  void Send(ByteOffset cursor, ByteOffset available) {
    loop_->CancelTimer(std::exchange(timer_, net::TimerId::kNone));
    StartResponse();
    const int64_t length = available.value() - cursor.value();
    exchange_->SendFile(reader_->fd(), static_cast<uint64_t>(cursor.value()),
                        static_cast<uint64_t>(length), reader_);
    exchange_->OnDrained([self = shared_from_this(), available] {
      if (self->reader_ == nullptr) return;
      self->reader_->Advance(available);
      self->Pump();
    });
  }

  void Await() {
    if (timer_ == net::TimerId::kNone) {
      const absl::Duration limit =
          started_ ? options_.progress_timeout : options_.first_byte_timeout;
      timer_ = loop_->RunAfter(limit, [self = shared_from_this()] {
        self->timer_ = net::TimerId::kNone;
        self->Fail(absl::DeadlineExceededError(absl::StrCat(
            "blob ", self->reader_->digest().ToString(), ": no byte came within the time limit")));
      });
    }
    reader_->Wait(loop_->handle(), [self = shared_from_this()] { self->Pump(); });
  }

  void Fail(const absl::Status& status) {
    if (reader_ == nullptr) return;
    telemetry::LogWarn(started_ ? "response cut off" : "request refused",
                       {{"digest", reader_->digest().ToString()},
                        {"offset", reader_->cursor().value()},
                        {"reason", status.ToString()},
                        {"request_id", exchange_->request_id()}});
    if (started_) {
      exchange_->Reset(status.message());
    } else {
      options_.refuse(*exchange_, status);
    }
    Stop();
  }

  // Ends the circles of references.
  void Stop() {
    loop_->CancelTimer(std::exchange(timer_, net::TimerId::kNone));
    reader_ = nullptr;
  }

  const std::shared_ptr<net::HttpExchange> exchange_;
  std::shared_ptr<peer_wire::BlobReader> reader_;
  BlobStreamOptions options_;
  net::EventLoop* const loop_;
  net::TimerId timer_ = net::TimerId::kNone;
  bool started_ = false;
};

}  // namespace

void StreamBlob(std::shared_ptr<net::HttpExchange> exchange,
                std::unique_ptr<peer_wire::BlobReader> reader, BlobStreamOptions options,
                net::EventLoop* loop) {
  std::make_shared<BlobStreamer>(std::move(exchange), std::move(reader), std::move(options), loop)
      ->Start();
}

}  // namespace kraken::agent
