#include "kraken/rpc/origin_client.h"

#include <utility>

#include "kraken/base/status_util.h"
#include "kraken/rpc/origin.grpc.pb.h"
#include "kraken/rpc/unary.h"

namespace kraken::rpc {
namespace {

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
template <typename In, typename Request, typename Start>
class StreamOpener : public std::enable_shared_from_this<StreamOpener<In, Request, Start>> {
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
    std::shared_ptr<v1::Origin::Stub> stub = v1::Origin::NewStub(channel);
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

template <typename In, typename Request, typename Start>
std::shared_ptr<CallHandle> OpenStream(net::EventLoop* loop, ChannelDirectory* directory,
                                       absl::string_view host, Request request,
                                       StreamEvents<In> events, Start start) {
  auto opener = std::make_shared<StreamOpener<In, Request, Start>>(
      loop, directory, host, std::move(request), std::move(events), std::move(start));
  // The caller hears nothing from inside its own call.
  loop->Defer([opener] { opener->Open(); });
  return opener->handle();
}

// A unary call, as CallUnary() has it.
template <typename Reply, typename Request, typename Method>
void CallOnce(net::EventLoop* loop, ChannelDirectory* directory, absl::string_view host,
              Request request, absl::Duration timeout, Method method,
              std::function<void(absl::StatusOr<Reply>)> done) {
  directory->Get(host, [loop = loop->handle(), request, timeout, method,
                        done](absl::StatusOr<std::shared_ptr<grpc::Channel>> channel) {
    if (!channel.ok()) {
      done(channel.status());
      return;
    }
    CallUnary<v1::Origin, Reply>(loop, *channel, request, timeout, method, done);
  });
}

}  // namespace

std::shared_ptr<CallHandle> OriginClient::WatchMetainfo(absl::string_view host,
                                                        v1::WatchMetainfoRequest request,
                                                        StreamEvents<v1::MetainfoNews> events) {
  return OpenStream<v1::MetainfoNews>(
      loop_, directory_, host, std::move(request), std::move(events),
      [](v1::Origin::Stub& stub, auto* context, auto* in, auto* reactor) {
        stub.async()->WatchMetainfo(context, in, reactor);
      });
}

std::shared_ptr<CallHandle> OriginClient::Prefetch(absl::string_view host,
                                                   v1::PrefetchRequest request,
                                                   StreamEvents<v1::PrefetchProgress> events) {
  return OpenStream<v1::PrefetchProgress>(
      loop_, directory_, host, std::move(request), std::move(events),
      [](v1::Origin::Stub& stub, auto* context, auto* in, auto* reactor) {
        stub.async()->Prefetch(context, in, reactor);
      });
}

void OriginClient::Stat(absl::string_view host, v1::StatRequest request, absl::Duration timeout,
                        std::function<void(absl::StatusOr<v1::StatReply>)> done) {
  CallOnce<v1::StatReply>(
      loop_, directory_, host, request, timeout,
      [](v1::Origin::Stub& stub, auto* context, auto* in, auto* out, auto callback) {
        stub.async()->Stat(context, in, out, callback);
      },
      std::move(done));
}

void OriginClient::EvictManifest(absl::string_view host, v1::EvictManifestRequest request,
                                 absl::Duration timeout,
                                 std::function<void(absl::StatusOr<v1::EvictManifestReply>)> done) {
  CallOnce<v1::EvictManifestReply>(
      loop_, directory_, host, request, timeout,
      [](v1::Origin::Stub& stub, auto* context, auto* in, auto* out, auto callback) {
        stub.async()->EvictManifest(context, in, out, callback);
      },
      std::move(done));
}

}  // namespace kraken::rpc
