#include "harbor_bridge/status/page_routes.h"

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "harbor_bridge/status/page_files.h"

namespace harbor_bridge {
namespace {

constexpr absl::string_view kIndex = "index.html";
constexpr absl::string_view kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

absl::string_view TypeOf(absl::string_view name) {
  if (absl::EndsWith(name, ".js")) return "text/javascript; charset=utf-8";
  if (absl::EndsWith(name, ".css")) return "text/css; charset=utf-8";
  return "text/html; charset=utf-8";
}

}  // namespace

void AddPageRoutes(kraken::net::Router& router, kraken::daemon::AdminGate* gate) {
  for (const EmbeddedFile& file : PageFiles()) {
    const std::string path = file.name == kIndex ? "/" : absl::StrCat("/page/", file.name);
    router.Add("GET", path,
               gate->Guard([file](std::shared_ptr<kraken::net::HttpExchange> exchange) {
                 exchange->Respond(200,
                                   {{"Content-Type", TypeOf(file.name)},
                                    {"Content-Security-Policy", kPolicy},
                                    {"X-Content-Type-Options", "nosniff"},
                                    {"Referrer-Policy", "no-referrer"},
                                    {"Cross-Origin-Resource-Policy", "same-origin"},
                                    // A new version of the bridge brings a new page.
                                    {"Cache-Control", "no-cache"}},
                                   file.content);
               }));
  }
}

}  // namespace harbor_bridge
