#include "kraken/rpc/origin_client.h"

#include <utility>

#include "kraken/base/status_util.h"
#include "kraken/rpc/origin.grpc.pb.h"
#include "kraken/rpc/stream_opener.h"
#include "kraken/rpc/unary.h"

namespace kraken::rpc {
namespace {

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
  return OpenStream<v1::Origin, v1::MetainfoNews>(
      loop_, directory_, host, std::move(request), std::move(events),
      [](v1::Origin::Stub& stub, auto* context, auto* in, auto* reactor) {
        stub.async()->WatchMetainfo(context, in, reactor);
      });
}

std::shared_ptr<CallHandle> OriginClient::Prefetch(absl::string_view host,
                                                   v1::PrefetchRequest request,
                                                   StreamEvents<v1::PrefetchProgress> events) {
  return OpenStream<v1::Origin, v1::PrefetchProgress>(
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
