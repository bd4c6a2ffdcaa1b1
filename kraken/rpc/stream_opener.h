// Opens streams of answers at processes that are named by their HTTP face.
#ifndef KRAKEN_RPC_STREAM_OPENER_H_
#define KRAKEN_RPC_STREAM_OPENER_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/status_util.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/stream.h"

namespace kraken::rpc {
namespace internal {

// Stands for a call while its channel is still being looked up.
class PendingCall final : public CallHandle {
 public:
  void Cancel() override {
    std::shared_ptr<CallHandle> call;
    {
      absl::MutexLock lock(&mu_);
      cancelled_ = true;
      call = call_;
    }
    if (call != nullptr) call->Cancel();
  }

  bool cancelled() const {
    absl::MutexLock lock(&mu_);
    return cancelled_;
  }

  void Become(std::shared_ptr<CallHandle> call) {
    bool cancelled = false;
    {
      absl::MutexLock lock(&mu_);
      call_ = call;
      cancelled = cancelled_;
    }
    if (cancelled) call->Cancel();
  }

 private:
  mutable absl::Mutex mu_;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  std::shared_ptr<CallHandle> call_ ABSL_GUARDED_BY(mu_);
};

// A stream on its way: looks the channel up and opens it; a failure of either arrives as on_closed.
//
// A channel may be to a process that is gone while another has its place (and another port). A call
// that fails before it was answered is therefore tried once more, on a channel that was asked for
// anew.
template <typename Service, typename In, typename Request, typename Start>
class StreamOpener
    : public std::enable_shared_from_this<StreamOpener<Service, In, Request, Start>> {
 public:
  StreamOpener(net::EventLoop* loop, ChannelDirectory* directory, absl::string_view host,
               Request request, StreamEvents<In> events, Start start)
      : loop_(loop),
        directory_(directory->alive()),
        host_(host),
        request_(std::move(request)),
        events_(std::move(events)),
        start_(std::move(start)) {}

  void Open() {
    if (*directory_ == nullptr) return Close(absl::CancelledError("shutting down"));
    (*directory_)
        ->Get(host_, [self = this->shared_from_this()](
                         absl::StatusOr<std::shared_ptr<grpc::Channel>> channel) {
          absl::Status status = channel.status();
          if (status.ok() && self->handle_->cancelled()) status = absl::CancelledError("given up");
          if (status.ok()) {
            self->StartStream(*channel);
          } else {
            self->Close(status);
          }
        });
  }

  const std::shared_ptr<PendingCall>& handle() const { return handle_; }

 private:
  void StartStream(const std::shared_ptr<grpc::Channel>& channel) {
    std::shared_ptr<typename Service::Stub> stub = Service::NewStub(channel);
    StreamEvents<In> observed;
    observed.on_message = [self = this->shared_from_this()](In message) {
      self->answered_ = true;
      if (self->events_.on_message) self->events_.on_message(std::move(message));
    };
    observed.on_closed = [self = this->shared_from_this()](absl::Status status) {
      self->OnClosed(status);
    };
    handle_->Become(ReaderClientStream<Request, In>::Open(
        loop_->handle(), request_, std::move(observed),
        [stub, start = start_](auto* context, auto* in, auto* reactor) {
          start(*stub, context, in, reactor);
        }));
  }

  void OnClosed(const absl::Status& status) {
    if (absl::IsUnavailable(status) && *directory_ != nullptr) {
      (*directory_)->Suspect(host_);
      if (!answered_ && !retried_ && !handle_->cancelled()) {
        retried_ = true;
        Open();
        return;
      }
    }
    Close(status);
  }

  void Close(const absl::Status& status) {
    if (events_.on_closed) events_.on_closed(Annotate(status, host_));
  }

  net::EventLoop* const loop_;
  const std::shared_ptr<ChannelDirectory* const> directory_;
  const std::string host_;
  const Request request_;
  const StreamEvents<In> events_;
  const Start start_;
  const std::shared_ptr<PendingCall> handle_ = std::make_shared<PendingCall>();
  bool answered_ = false;
  bool retried_ = false;
};

}  // namespace internal

// Calls one of `Service`'s methods at the process whose HTTP face is `host`: `start(stub, context,
// request, reactor)`. Events as they come; on_closed once, last, naming the host. Dropping the
// handle does not end the call.
template <typename Service, typename In, typename Request, typename Start>
std::shared_ptr<CallHandle> OpenStream(net::EventLoop* loop, ChannelDirectory* directory,
                                       absl::string_view host, Request request,
                                       StreamEvents<In> events, Start start) {
  auto opener = std::make_shared<internal::StreamOpener<Service, In, Request, Start>>(
      loop, directory, host, std::move(request), std::move(events), std::move(start));
  // The caller hears nothing from inside its own call.
  loop->Defer([opener] { opener->Open(); });
  return opener->handle();
}

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_STREAM_OPENER_H_
