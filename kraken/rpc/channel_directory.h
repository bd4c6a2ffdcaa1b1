#ifndef KRAKEN_RPC_CHANNEL_DIRECTORY_H_
#define KRAKEN_RPC_CHANNEL_DIRECTORY_H_

#include <grpcpp/channel.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_client.h"
#include "kraken/rpc/credentials.h"

namespace kraken::rpc {

struct ChannelDirectoryOptions {
  // For gRPC.
  std::shared_ptr<const Certificates> tls;  // null: plaintext
  // For the HTTP question; null: plain HTTP.
  std::shared_ptr<const net::TlsContext> http_tls;
  absl::Duration question_timeout = absl::Seconds(5);
  // How long an answer, or the lack of one, is believed. A channel that exists keeps working (and
  // reconnects by itself); this only bounds how soon a changed port is noticed, and changed
  // certificates are used.
  absl::Duration believe = absl::Minutes(1);
  absl::Duration believe_failure = absl::Seconds(1);
};

// gRPC channels to our other processes, found by the `host:port` of their HTTP face as configs name
// them: `GET /x/capabilities` there says the gRPC port. Belongs to its loop's thread.
class ChannelDirectory {
 public:
  using Callback = absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<grpc::Channel>>)>;

  ChannelDirectory(net::EventLoop* loop, ChannelDirectoryOptions options);
  ~ChannelDirectory();
  ChannelDirectory(const ChannelDirectory&) = delete;
  ChannelDirectory& operator=(const ChannelDirectory&) = delete;

  // `done` is called in the loop, perhaps inside this call. UNAVAILABLE if the process does not
  // answer; UNIMPLEMENTED if it has no capabilities (Kraken's own).
  void Get(absl::string_view http_address, Callback done);

  // The channel turned out dead: the next Get() asks again.
  void Suspect(absl::string_view http_address);

  // For calls that may end after it: what is pointed to is null then. Looked at in the loop.
  std::shared_ptr<ChannelDirectory* const> alive() const { return alive_; }

 private:
  struct Entry;

  void Ask(const std::string& address);
  void OnAnswer(const std::string& address, absl::StatusOr<net::HttpResponse> response);
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const std::string& address,
                                                         const net::HttpResponse& response);

  net::EventLoop* const loop_;
  const ChannelDirectoryOptions options_;
  net::HttpClient http_;
  ChannelCredentials credentials_;
  absl::flat_hash_map<std::string, std::unique_ptr<Entry>> entries_;
  const std::shared_ptr<ChannelDirectory*> alive_ = std::make_shared<ChannelDirectory*>(this);
};

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_CHANNEL_DIRECTORY_H_
