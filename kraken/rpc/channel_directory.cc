#include "kraken/rpc/channel_directory.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/support/channel_arguments.h>

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/net/url.h"
#include "kraken/rpc/callback_threads.h"
#include "kraken/rpc/capabilities.h"
#include "kraken/rpc/rpc_server.h"

namespace kraken::rpc {
namespace {

constexpr uint64_t kMaxCapabilitiesBytes = 16 << 10;
constexpr int kKeepaliveTimeMillis = 10'000;
constexpr int kKeepaliveTimeoutMillis = 5'000;
constexpr int kMinReconnectMillis = 100;
constexpr int kMaxReconnectMillis = 2'000;

}  // namespace

struct ChannelDirectory::Entry {
  std::optional<absl::StatusOr<std::shared_ptr<grpc::Channel>>> answer;
  uint16_t grpc_port = 0;
  MonotonicTime believed_until{};
  bool asking = false;
  std::vector<Callback> waiting;
};

ChannelDirectory::ChannelDirectory(net::EventLoop* loop, ChannelDirectoryOptions options)
    : loop_(loop),
      options_(std::move(options)),
      http_(loop,
            [this] {
              net::HttpClientOptions http;
              http.tls = options_.http_tls;
              return http;
            }()),
      credentials_(options_.tls) {
  KeepCallbackThreads();
}

ChannelDirectory::~ChannelDirectory() { *alive_ = nullptr; }

void ChannelDirectory::Get(absl::string_view http_address, Callback done) {
  const std::string address(http_address);
  std::unique_ptr<Entry>& entry = entries_[address];
  if (entry == nullptr) entry = std::make_unique<Entry>();
  const bool believed =
      entry->answer.has_value() && net::EventLoop::MonotonicNow() < entry->believed_until;
  if (believed) {
    auto answer = *entry->answer;
    done(std::move(answer));
    return;
  }
  entry->waiting.push_back(std::move(done));
  if (!entry->asking) Ask(address);
}

void ChannelDirectory::Suspect(absl::string_view http_address) {
  auto it = entries_.find(http_address);
  if (it != entries_.end()) it->second->believed_until = MonotonicTime{};
}

void ChannelDirectory::Ask(const std::string& address) {
  entries_[address]->asking = true;
  const absl::string_view scheme = options_.http_tls == nullptr ? "http" : "https";
  absl::StatusOr<net::Url> url =
      net::Url::Parse(absl::StrCat(scheme, "://", address, kCapabilitiesPath));
  if (!url.ok()) {
    loop_->Defer([this, address, status = url.status()] { OnAnswer(address, status); });
    return;
  }
  net::HttpClientRequest request;
  request.url = *std::move(url);
  request.timeouts.connect = options_.question_timeout;
  request.timeouts.total = options_.question_timeout;
  request.max_body_bytes = kMaxCapabilitiesBytes;
  http_.Fetch(std::move(request), [this, address](absl::StatusOr<net::HttpResponse> response) {
    OnAnswer(address, std::move(response));
  });
}

void ChannelDirectory::OnAnswer(const std::string& address,
                                absl::StatusOr<net::HttpResponse> response) {
  Entry& entry = *entries_[address];
  entry.asking = false;
  absl::StatusOr<std::shared_ptr<grpc::Channel>> channel =
      response.ok() ? Connect(address, *response)
                    : absl::StatusOr<std::shared_ptr<grpc::Channel>>(response.status());
  // A channel that worked is worth more than a question that got no answer.
  const bool keep_old = !channel.ok() && entry.answer.has_value() && entry.answer->ok();
  if (!keep_old) entry.answer = channel;
  entry.believed_until =
      net::EventLoop::MonotonicNow() + (channel.ok() ? options_.believe : options_.believe_failure);
  std::vector<Callback> waiting = std::exchange(entry.waiting, {});
  auto answer = *entry.answer;
  for (Callback& done : waiting) {
    auto copy = answer;
    done(std::move(copy));
  }
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> ChannelDirectory::Connect(
    const std::string& address, const net::HttpResponse& response) {
  if (response.status >= 500) {
    return absl::UnavailableError(
        absl::StrCat(address, " answers ", response.status, " to GET ", kCapabilitiesPath));
  }
  if (response.status != 200) {
    return absl::UnimplementedError(
        absl::StrCat(address, " answers ", response.status, " to GET ", kCapabilitiesPath,
                     ": is it one of Kraken Harbor's processes, and this its HTTP port?"));
  }
  absl::StatusOr<Capabilities> capabilities = ParseCapabilities(response.body);
  if (!capabilities.ok()) return Annotate(capabilities.status(), address);
  if (capabilities->grpc_tls != (options_.tls != nullptr)) {
    return absl::FailedPreconditionError(absl::StrCat(
        address, (capabilities->grpc_tls ? " speaks" : " does not speak"), " TLS for gRPC and we ",
        (options_.tls != nullptr ? "do" : "do not"), ": set `tls` alike in all processes"));
  }
  const size_t colon = address.rfind(':');
  const std::string target = absl::StrCat(address.substr(0, colon), ":", capabilities->grpc_port);
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMillis);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMillis);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kMinReconnectMillis);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kMinReconnectMillis);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kMaxReconnectMillis);
  arguments.SetMaxReceiveMessageSize(RpcServer::kMaxMessageBytes);
  if (options_.tls != nullptr && !options_.tls->server_name().empty()) {
    arguments.SetSslTargetNameOverride(options_.tls->server_name());
  }
  return grpc::CreateCustomChannel(target, credentials_.current(), arguments);
}

}  // namespace kraken::rpc
