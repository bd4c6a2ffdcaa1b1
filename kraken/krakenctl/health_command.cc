#include "kraken/krakenctl/health_command.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/config/exit_codes.h"
#include "kraken/config/flags.h"
#include "kraken/krakenctl/http_setup.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_client.h"
#include "kraken/net/http_message.h"
#include "kraken/net/url.h"

namespace kraken::krakenctl {
namespace {

constexpr absl::string_view kName = "krakenctl health";
constexpr uint64_t kMaxAnswerBytes = 64 * 1024;

// Asks one endpoint and tells the answer in a line. Whether it is good.
bool Check(net::BlockingHttpClient& http, net::Url url, absl::string_view endpoint,
           absl::Duration timeout, const Terminal& terminal) {
  net::HttpClientRequest request;
  url.target = absl::StrCat("/", endpoint);
  request.url = std::move(url);
  request.timeouts.connect = timeout;
  request.timeouts.total = timeout;
  request.max_body_bytes = kMaxAnswerBytes;
  const absl::StatusOr<net::HttpResponse> response = http.Fetch(std::move(request));
  if (!response.ok()) {
    terminal.out(absl::StrCat(endpoint, ": ", response.status().message(), "\n"));
    return false;
  }
  const absl::string_view body = absl::StripAsciiWhitespace(response->body);
  if (response->status == 200) {
    terminal.out(absl::StrCat(endpoint, ": ", body, "\n"));
    return true;
  }
  terminal.out(absl::StrCat(endpoint, ": ", response->status, " ",
                            net::ReasonPhrase(response->status), body.empty() ? "" : ": ", body,
                            "\n"));
  return false;
}

}  // namespace

int RunHealthCommand(Arguments arguments, const Terminal& terminal) {
  TlsFlags tls;
  absl::Duration timeout = absl::Seconds(10);
  config::FlagSet flags(kName,
                        "Asks a process of the cluster whether it lives and whether it is ready.\n"
                        "The port is that of its HTTP endpoints: 16002 of an agent, 15002 of an "
                        "origin.\nExit code 0: both; 1: not.");
  flags.AllowArguments("HOST:PORT");
  flags.Duration("timeout", &timeout, "for each answer");
  AddTlsFlags(flags, &tls);
  if (const auto code = ParseCommandLine(flags, kName, arguments, terminal)) return *code;
  if (flags.arguments().size() != 1) {
    return UsageError(kName, "say whom to ask: HOST:PORT", terminal);
  }
  const absl::StatusOr<net::Url> url = ParseAddress(flags.arguments()[0]);
  if (!url.ok()) return UsageError(kName, url.status().message(), terminal);
  const auto http = MakeHttpClient(tls);
  if (!http.ok()) return Failure(kName, http.status(), terminal);
  const bool is_healthy = Check(**http, *url, "health", timeout, terminal);
  const bool is_ready = Check(**http, *url, "readiness", timeout, terminal);
  return is_healthy && is_ready ? config::kExitOk : config::kExitFailure;
}

}  // namespace kraken::krakenctl
