#include "kraken/daemon/admin_gate.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "kraken/base/same_secret.h"
#include "kraken/net/socket_address.h"
#include "kraken/registry/credentials.h"
#include "kraken/telemetry/log.h"

namespace kraken::daemon {
namespace {

constexpr int kAnyPort = 80;

std::string ExpectedAuthorization(const AdminConfig& config) {
  if (config.username.empty()) return "";
  return registry::BasicAuthorization({config.username, config.password});
}

bool IsRead(const net::HttpExchange& exchange) {
  return exchange.method() == "GET" || exchange.method() == "HEAD";
}

// "localhost" or a loopback address, with any port.
bool NamesThisHost(absl::string_view host_field) {
  const auto host = net::SplitHostPort(host_field, kAnyPort);
  if (!host.ok()) return false;
  if (absl::EqualsIgnoreCase(host->host, "localhost")) return true;
  const auto address = net::SocketAddress::FromIp(host->host, kAnyPort);
  return address.ok() && address->is_loopback();
}

bool CameThroughProxy(const net::HeaderMap& headers) {
  return std::any_of(std::begin(kProxyFields), std::end(kProxyFields),
                     [&](const char* field) { return headers.Has(field); });
}

bool IsOnThisHost(const net::HttpExchange& exchange) {
  const net::HeaderMap& headers = exchange.request().headers;
  return exchange.peer().address.is_loopback() && !CameThroughProxy(headers) &&
         NamesThisHost(headers.GetOr("Host"));
}

// Browsers say in Origin and Sec-Fetch-Site whose page a request is from; other clients say
// nothing.
bool IsFromAnotherSite(const net::HeaderMap& headers) {
  const absl::string_view site = headers.GetOr("Sec-Fetch-Site");
  if (site == "cross-site" || site == "same-site") return true;
  const auto origin = headers.Get("Origin");
  if (!origin.has_value()) return false;
  absl::string_view host = *origin;
  if (!absl::ConsumePrefix(&host, "http://") && !absl::ConsumePrefix(&host, "https://")) {
    return true;
  }
  return !absl::EqualsIgnoreCase(host, headers.GetOr("Host"));
}

}  // namespace

void ReadConfig(config::ObjectReader& r, AdminConfig* c) {
  r.Optional("username", &c->username);
  r.Optional("password", &c->password);
  r.Optional("public_read", &c->public_read);
  if (c->username.empty() != c->password.empty()) {
    r.Error("", "username and password belong together: give both or neither");
  } else if (absl::StrContains(c->username, ':')) {
    r.Error("username", "HTTP's Basic authentication lets no ':' be in it");
  }
}

AdminGate::AdminGate(AdminConfig config)
    : authorization_(ExpectedAuthorization(config)), public_read_(config.public_read) {}

net::HttpHandler AdminGate::Guard(net::HttpHandler handler) {
  return [this, handler = std::move(handler)](std::shared_ptr<net::HttpExchange> exchange) {
    const absl::Status status = Check(*exchange);
    if (!status.ok()) return Refuse(*exchange, status);
    handler(std::move(exchange));
  };
}

absl::Status AdminGate::Check(const net::HttpExchange& exchange) const {
  if (!IsRead(exchange) && IsFromAnotherSite(exchange.request().headers)) {
    return absl::PermissionDeniedError("a page of another site gives no orders here");
  }
  return Check({.has_certificate = exchange.peer().certificate.has_value(),
                .is_on_this_host = IsOnThisHost(exchange),
                .authorization = exchange.request().headers.GetOr("Authorization")},
               IsRead(exchange) ? AdminAccess::kLook : AdminAccess::kOrder);
}

absl::Status AdminGate::Check(const AdminCaller& caller, AdminAccess access) const {
  if (public_read_ && access == AdminAccess::kLook) return absl::OkStatus();
  const bool has_password =
      !authorization_.empty() && IsSameSecret(caller.authorization, authorization_);
  if (caller.has_certificate || caller.is_on_this_host || has_password) return absl::OkStatus();
  if (!authorization_.empty()) return absl::UnauthenticatedError("username and password, please");
  return absl::PermissionDeniedError(
      "this is for operators: ask from this host, with a client certificate, or set `admin` "
      "(username, password) in the configuration");
}

void AdminGate::LogRefusal(absl::string_view ip, absl::string_view request,
                           const absl::Status& why) {
  const auto held_back = log_.Admit(net::EventLoop::MonotonicNow());
  if (!held_back.has_value()) return;
  telemetry::LogWarn(
      "request refused",
      {{"ip", ip}, {"request", request}, {"reason", why}, {"refused_since_last_line", *held_back}});
}

void AdminGate::Refuse(net::HttpExchange& exchange, const absl::Status& why) {
  LogRefusal(exchange.peer().address.ip(), absl::StrCat(exchange.method(), " ", exchange.path()),
             why);
  if (absl::IsUnauthenticated(why)) {
    exchange.RespondError(401, why.message(),
                          {{"WWW-Authenticate", "Basic realm=\"operators\", charset=\"UTF-8\""}});
  } else {
    exchange.RespondError(403, why.message());
  }
}

}  // namespace kraken::daemon
