#include "kraken/krakenctl/route_command.h"

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/json.h"
#include "kraken/config/exit_codes.h"
#include "kraken/krakenctl/bridge_client.h"
#include "kraken/net/url.h"

namespace kraken::krakenctl {
namespace {

constexpr absl::string_view kName = "krakenctl route";

std::string Text(const nlohmann::json& answer, absl::string_view key) {
  return JsonString(FindJson(answer, key)).value_or("");
}

}  // namespace

int RunRouteCommand(Arguments arguments, const Terminal& terminal) {
  BridgeFlags bridge;
  config::FlagSet flags(kName,
                        "Asks a harbor-bridge what its routes do with an image, and why: which "
                        "rules match, which\ndo not. Nothing happens to the image. IMAGE is as "
                        "users name it, library/debian:latest,\nor with its Harbor's host before "
                        "it.");
  flags.AllowArguments("IMAGE");
  AddBridgeFlags(flags, &bridge);
  if (const auto code = ParseCommandLine(flags, kName, arguments, terminal)) return *code;
  if (flags.arguments().size() != 1) {
    return UsageError(kName, "say which image: library/debian:latest", terminal);
  }
  absl::StatusOr<BridgeClient> client = BridgeClient::Create(bridge);
  if (!client.ok()) return UsageError(kName, client.status().message(), terminal);
  const absl::StatusOr<nlohmann::json> answer = client->Get(
      absl::StrCat("/api/v1/routes/explain?image=", net::PercentEncode(flags.arguments()[0])));
  if (!answer.ok()) return Failure(kName, answer.status(), terminal);
  terminal.out(absl::StrCat(Text(*answer, "image"), " of Harbor ", Text(*answer, "harbor"), ":\n",
                            Text(*answer, "text")));
  return config::kExitOk;
}

}  // namespace kraken::krakenctl
