// The two ends of gRPC streams for code that lives on an EventLoop: gRPC's callbacks only post into
// the loop, and the next message is read after the loop has consumed the last.
#ifndef KRAKEN_RPC_STREAM_H_
#define KRAKEN_RPC_STREAM_H_

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/client_callback.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/outlet.h"
#include "kraken/rpc/status.h"

namespace kraken::rpc {

// Messages that may wait for a slow reader before its stream is ended.
inline constexpr size_t kMaxQueuedMessages = 4096;

// What a stream tells its user; all of it on the loop.
template <typename In>
struct StreamEvents {
  std::function<void(In)> on_message;
  // Once, last: the other side has ended (OK, for a server: the client has), or the stream broke.
  std::function<void(absl::Status)> on_closed;
};

namespace internal {

// The reading half that all streams share: keeps at most one message on its way to the loop.
template <typename In>
class Intake : public std::enable_shared_from_this<Intake<In>> {
 public:
  Intake(net::LoopHandle loop, StreamEvents<In> events)
      : loop_(std::move(loop)), events_(std::move(events)) {}

  void Attach(std::function<void(In*)> start_read) {
    absl::MutexLock lock(&mu_);
    start_read_ = std::move(start_read);
    start_read_(&message_);
  }

  void OnMessage() {
    loop_.Post([self = this->shared_from_this()] {
      In message;
      {
        absl::MutexLock lock(&self->mu_);
        message = std::move(self->message_);
        self->message_ = In();
      }
      if (self->events_.on_message) self->events_.on_message(std::move(message));
      absl::MutexLock lock(&self->mu_);
      if (self->start_read_) self->start_read_(&self->message_);
    });
  }

  // No read is started after this returns.
  void Detach() {
    absl::MutexLock lock(&mu_);
    start_read_ = nullptr;
  }

  void OnClosed(absl::Status status) {
    Detach();
    loop_.Post([self = this->shared_from_this(), status = std::move(status)] {
      if (self->events_.on_closed) self->events_.on_closed(status);
    });
  }

 private:
  const net::LoopHandle loop_;
  const StreamEvents<In> events_;
  absl::Mutex mu_;
  In message_ ABSL_GUARDED_BY(mu_);
  std::function<void(In*)> start_read_ ABSL_GUARDED_BY(mu_);
};

}  // namespace internal

// A server's end of a bidirectional stream. Owns itself.
template <typename In, typename Out>
class BidiServerStream final : public grpc::ServerBidiReactor<In, Out> {
 public:
  BidiServerStream(grpc::CallbackServerContext* context, net::LoopHandle loop,
                   StreamEvents<In> events, std::shared_ptr<Outlet<Out>> outlet)
      : intake_(std::make_shared<internal::Intake<In>>(std::move(loop), std::move(events))),
        outlet_(std::move(outlet)) {
    outlet_->Attach([this](const Out* message) { this->StartWrite(message); },
                    [this](const absl::Status& status) {
                      intake_->Detach();
                      this->Finish(ToGrpc(status));
                    },
                    [context] { context->TryCancel(); });
    intake_->Attach([this](In* message) { this->StartRead(message); });
  }

  void OnReadDone(bool ok) override {
    if (ok) {
      intake_->OnMessage();
    } else {
      outlet_->Finish(absl::OkStatus());
    }
  }
  void OnWriteDone(bool ok) override { outlet_->OnWriteDone(ok); }
  void OnCancel() override { outlet_->Finish(absl::CancelledError("the client is gone")); }
  void OnDone() override {
    outlet_->Detach();
    intake_->OnClosed(absl::OkStatus());
    delete this;
  }

 private:
  const std::shared_ptr<internal::Intake<In>> intake_;
  const std::shared_ptr<Outlet<Out>> outlet_;
};

// A server's end of a stream of answers to one request. Owns itself. `on_done` runs on the loop
// when the stream is over, for whatever reason.
template <typename Out>
class WriterServerStream final : public grpc::ServerWriteReactor<Out> {
 public:
  WriterServerStream(grpc::CallbackServerContext* context, net::LoopHandle loop,
                     std::function<void()> on_done, std::shared_ptr<Outlet<Out>> outlet)
      : loop_(std::move(loop)), on_done_(std::move(on_done)), outlet_(std::move(outlet)) {
    outlet_->Attach([this](const Out* message) { this->StartWrite(message); },
                    [this](const absl::Status& status) { this->Finish(ToGrpc(status)); },
                    [context] { context->TryCancel(); });
  }

  void OnWriteDone(bool ok) override { outlet_->OnWriteDone(ok); }
  void OnCancel() override { outlet_->Finish(absl::CancelledError("the client is gone")); }
  void OnDone() override {
    outlet_->Detach();
    if (on_done_) loop_.Post(std::move(on_done_));
    delete this;
  }

 private:
  const net::LoopHandle loop_;
  std::function<void()> on_done_;
  const std::shared_ptr<Outlet<Out>> outlet_;
};

// A client's end of a bidirectional stream. Owns itself; `outlet->Finish()` ends it.
template <typename In, typename Out>
class BidiClientStream final : public grpc::ClientBidiReactor<Out, In> {
 public:
  // `start` calls the stub's async method with the context and this reactor.
  template <typename Start>
  static void Open(net::LoopHandle loop, StreamEvents<In> events,
                   std::shared_ptr<Outlet<Out>> outlet, Start start) {
    auto* stream = new BidiClientStream(std::move(loop), std::move(events), std::move(outlet));
    start(&stream->context_, stream);
    stream->Begin();
  }

  void OnReadDone(bool ok) override {
    if (ok) {
      intake_->OnMessage();
    } else {
      intake_->Detach();
      read_ended_.store(true);
      outlet_->Finish(absl::OkStatus());
    }
  }
  void OnWriteDone(bool ok) override { outlet_->OnWriteDone(ok); }
  void OnDone(const grpc::Status& status) override {
    outlet_->Detach();
    intake_->OnClosed(FromGrpc(status));
    delete this;
  }

 private:
  BidiClientStream(net::LoopHandle loop, StreamEvents<In> events,
                   std::shared_ptr<Outlet<Out>> outlet)
      : intake_(std::make_shared<internal::Intake<In>>(std::move(loop), std::move(events))),
        outlet_(std::move(outlet)) {}

  void Begin() {
    // Held until `finish`: writes are started outside of gRPC's callbacks. A second hold keeps the
    // stream from being done before this function is.
    this->AddMultipleHolds(2);
    this->StartCall();
    intake_->Attach([this](In* message) { this->StartRead(message); });
    outlet_->Attach([this](const Out* message) { this->StartWrite(message); },
                    [this](const absl::Status&) {
                      if (!read_ended_.load()) context_.TryCancel();
                      this->RemoveHold();
                    },
                    [this] { context_.TryCancel(); });
    this->RemoveHold();
  }

  grpc::ClientContext context_;
  const std::shared_ptr<internal::Intake<In>> intake_;
  const std::shared_ptr<Outlet<Out>> outlet_;
  std::atomic<bool> read_ended_{false};
};

// A client's handle on a call that may be given up.
class CallHandle {
 public:
  virtual ~CallHandle() = default;
  // Ends the call; on_closed follows (CANCELLED, unless it had ended). Thread-safe.
  virtual void Cancel() = 0;
};

// A client's end of a stream of answers to one request. Owns itself.
template <typename Request, typename In>
class ReaderClientStream final : public grpc::ClientReadReactor<In> {
 public:
  // `start` calls the stub's async method with the context, the request and this reactor.
  template <typename Start>
  static std::shared_ptr<CallHandle> Open(net::LoopHandle loop, Request request,
                                          StreamEvents<In> events, Start start) {
    auto* stream = new ReaderClientStream(std::move(loop), std::move(request), std::move(events));
    std::shared_ptr<CallHandle> handle = stream->handle_;
    start(&stream->handle_->context, &stream->request_, stream);
    stream->Begin();
    return handle;
  }

  void OnReadDone(bool ok) override {
    if (ok) {
      intake_->OnMessage();
    } else {
      intake_->Detach();
      this->RemoveHold();
    }
  }
  void OnDone(const grpc::Status& status) override {
    intake_->OnClosed(FromGrpc(status));
    delete this;
  }

 private:
  struct Handle : CallHandle {
    void Cancel() override { context.TryCancel(); }
    grpc::ClientContext context;
  };

  ReaderClientStream(net::LoopHandle loop, Request request, StreamEvents<In> events)
      : intake_(std::make_shared<internal::Intake<In>>(std::move(loop), std::move(events))),
        request_(std::move(request)) {}

  void Begin() {
    // Reads are started from the loop, so the stream is held until the last read has failed.
    this->AddMultipleHolds(2);
    this->StartCall();
    intake_->Attach([this](In* message) { this->StartRead(message); });
    this->RemoveHold();
  }

  const std::shared_ptr<Handle> handle_ = std::make_shared<Handle>();
  const std::shared_ptr<internal::Intake<In>> intake_;
  const Request request_;
};

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_STREAM_H_
