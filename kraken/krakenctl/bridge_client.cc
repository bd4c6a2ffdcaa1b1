#include "kraken/krakenctl/bridge_client.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/daemon/password_file.h"
#include "kraken/net/http_message.h"
#include "kraken/registry/credentials.h"

namespace kraken::krakenctl {
namespace {

constexpr uint64_t kMaxAnswerBytes = 16 << 20;

absl::Status StatusOf(const net::HttpResponse& response, const net::Url& url) {
  const absl::StatusOr<nlohmann::json> body = ParseJson(response.body);
  const std::string said =
      body.ok() ? JsonString(FindJson(*body, "error")).value_or("") : response.body;
  const std::string message =
      absl::StrCat(url.host_port(), ": ", response.status, " ", net::ReasonPhrase(response.status),
                   said.empty() ? "" : ": ", absl::StripAsciiWhitespace(said));
  switch (response.status) {
    case 400:
      return absl::InvalidArgumentError(message);
    case 401:
      return absl::UnauthenticatedError(absl::StrCat(message, " (-username, -password-file)"));
    case 403:
      return absl::PermissionDeniedError(message);
    case 404:
      return absl::NotFoundError(message);
    case 501:
      return absl::UnimplementedError(message);
    case 503:
      return absl::UnavailableError(message);
    default:
      return absl::UnknownError(message);
  }
}

}  // namespace

void AddBridgeFlags(config::FlagSet& flags, BridgeFlags* bridge) {
  flags.String("bridge", &bridge->bridge, "the harbor-bridge's address");
  flags.String("username", &bridge->username, "of the bridge's section `admin`");
  flags.String("password-file", &bridge->password_file, "a file with its password");
  flags.Duration("timeout", &bridge->timeout, "for each answer");
  AddTlsFlags(flags, &bridge->tls);
}

absl::StatusOr<BridgeClient> BridgeClient::Create(const BridgeFlags& flags) {
  BridgeClient client;
  absl::StatusOr<net::Url> bridge = ParseAddress(flags.bridge);
  if (!bridge.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("flag -bridge: ", bridge.status().message()));
  }
  client.bridge_ = *std::move(bridge);
  if (flags.username.empty() != flags.password_file.empty()) {
    return absl::InvalidArgumentError("-username and -password-file belong together");
  }
  if (!flags.username.empty()) {
    KH_ASSIGN_OR_RETURN(const std::string password, daemon::ReadPasswordFile(flags.password_file));
    client.authorization_ = registry::BasicAuthorization({flags.username, password});
  }
  KH_ASSIGN_OR_RETURN(client.http_, MakeHttpClient(flags.tls));
  client.timeout_ = flags.timeout;
  return client;
}

absl::StatusOr<nlohmann::json> BridgeClient::Get(absl::string_view path) {
  return Ask("GET", path, "");
}

absl::StatusOr<nlohmann::json> BridgeClient::Post(absl::string_view path,
                                                  const nlohmann::json& body) {
  return Ask("POST", path, DumpJson(body));
}

absl::StatusOr<nlohmann::json> BridgeClient::Ask(absl::string_view method, absl::string_view path,
                                                 std::string body) {
  net::HttpClientRequest request;
  request.method = std::string(method);
  request.url = bridge_;
  request.url.target = std::string(path);
  if (!body.empty()) request.headers.Add("Content-Type", "application/json");
  if (!authorization_.empty()) request.headers.Add("Authorization", authorization_);
  request.body = std::move(body);
  request.timeouts.connect = timeout_;
  request.timeouts.total = timeout_;
  request.max_body_bytes = kMaxAnswerBytes;
  KH_ASSIGN_OR_RETURN(const net::HttpResponse response, http_->Fetch(std::move(request)));
  if (response.status != 200) return StatusOf(response, bridge_);
  absl::StatusOr<nlohmann::json> document = ParseJson(response.body);
  if (!document.ok()) {
    return Annotate(document.status(), absl::StrCat("what ", bridge_.host_port(), " answers"));
  }
  return document;
}

}  // namespace kraken::krakenctl
