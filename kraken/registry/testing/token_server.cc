#include "kraken/registry/testing/token_server.h"

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/http_message.h"
#include "kraken/net/http_server.h"
#include "kraken/net/url.h"
#include "kraken/registry/credentials.h"

namespace kraken::registry::testing {
namespace {

using nlohmann::json;

constexpr char kService[] = "harbor-registry";
constexpr char kIssuer[] = "harbor-token-issuer";
constexpr absl::Duration kClockSkew = absl::Seconds(60);

// The `access` claim of a scope.
json AccessOf(absl::string_view scope) {
  const std::vector<std::string> parts = absl::StrSplit(scope, ':');
  json access = json::array();
  if (parts.size() != 3) return access;
  json entry = json::object();
  entry["type"] = parts[0];
  entry["name"] = parts[1];
  entry["actions"] = std::vector<std::string>(absl::StrSplit(parts[2], ','));
  access.push_back(std::move(entry));
  return access;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TokenServer>> TokenServer::Start(net::EventLoop* loop,
                                                                TokenServerOptions options) {
  std::unique_ptr<TokenServer> server(new TokenServer(std::move(options)));
  server->certificate_file_ = absl::StrCat(server->options_.directory, "/token-issuer.crt");
  std::ofstream file(server->certificate_file_);
  file << server->identity_.CertificatePem();
  file.close();
  if (!file) return absl::InternalError(absl::StrCat("write ", server->certificate_file_));
  server->server_ = std::make_unique<net::HttpServer>(
      std::vector<net::EventLoop*>{loop}, net::HttpServerOptions(),
      [self = server.get()](std::shared_ptr<net::HttpExchange> exchange) {
        self->Handle(*exchange);
      });
  KH_ASSIGN_OR_RETURN(const net::SocketAddress address, server->server_->Listen("127.0.0.1:0"));
  server->realm_ = absl::StrCat("http://", address.ToString(), "/service/token");
  return server;
}

RegistryTokenAuth TokenServer::registry_auth() const {
  return {realm_, kService, kIssuer, certificate_file_};
}

std::string TokenServer::Mint(absl::string_view scope, absl::Duration lifetime) const {
  json header = json::object();
  header["typ"] = "JWT";
  header["alg"] = "ES256";
  header["x5c"] = json::array({absl::Base64Escape(identity_.CertificateDer())});
  const absl::Time now = absl::Now();
  json claims = json::object();
  claims["iss"] = kIssuer;
  claims["aud"] = kService;
  claims["sub"] = "robot$kraken";
  claims["jti"] = absl::StrCat(absl::ToUnixNanos(now));
  claims["iat"] = absl::ToUnixSeconds(now);
  claims["nbf"] = absl::ToUnixSeconds(now - kClockSkew);
  claims["exp"] = absl::ToUnixSeconds(now + lifetime);
  claims["access"] = AccessOf(scope);
  const std::string text = absl::StrCat(absl::WebSafeBase64Escape(DumpJson(header)), ".",
                                        absl::WebSafeBase64Escape(DumpJson(claims)));
  return absl::StrCat(text, ".", absl::WebSafeBase64Escape(identity_.SignEs256(text)));
}

std::vector<std::string> TokenServer::requested_scopes() const {
  absl::MutexLock lock(&mutex_);
  return requested_scopes_;
}

void TokenServer::Handle(net::HttpExchange& exchange) {
  if (exchange.path() != "/service/token") return exchange.RespondError(404, "no such path");
  if (options_.credentials.has_value() && exchange.request().headers.GetOr("Authorization") !=
                                              BasicAuthorization(*options_.credentials)) {
    return exchange.RespondError(401, "unauthorized");
  }
  const absl::StatusOr<net::QueryParams> query = net::ParseQuery(exchange.query());
  if (!query.ok()) return exchange.RespondError(400, "bad query");
  if (net::FindQueryParam(*query, "service") != kService) {
    return exchange.RespondError(400, "unknown service");
  }
  const std::string scope = net::FindQueryParam(*query, "scope").value_or("");
  {
    absl::MutexLock lock(&mutex_);
    requested_scopes_.push_back(scope);
  }
  std::string granted = scope;
  if (options_.may_pull != nullptr) {
    const std::vector<std::string> parts = absl::StrSplit(scope, ':');
    const absl::StatusOr<bool> may_pull = options_.may_pull(
        exchange.request().headers.GetOr("Authorization"), parts.size() == 3 ? parts[1] : "");
    if (!may_pull.ok()) return exchange.RespondError(401, may_pull.status().message());
    if (!*may_pull) granted = "";
  }
  json body = json::object();
  body["token"] = Mint(granted);
  body["access_token"] = "";  // as harbor-core has it
  body["expires_in"] = absl::ToInt64Seconds(options_.token_lifetime);
  exchange.Respond(200, {{"Content-Type", "application/json"}}, DumpJson(body));
}

}  // namespace kraken::registry::testing
