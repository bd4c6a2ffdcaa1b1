#include "harbor_bridge/event/preheat_job.h"

#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "harbor_bridge/event/event_json.h"
#include "harbor_bridge/event/image_event.h"
#include "kraken/base/status_macros.h"
#include "kraken/registry/registry_paths.h"

namespace harbor_bridge {
namespace {

constexpr absl::string_view kBearer = "Bearer ";
constexpr size_t kMaxTokenBytes = 16 << 10;

// The path of "https://host/v2/…", without its query.
absl::StatusOr<absl::string_view> PathOf(absl::string_view url) {
  const size_t scheme = url.find("://");
  const size_t path = scheme == absl::string_view::npos ? scheme : url.find('/', scheme + 3);
  if (path == absl::string_view::npos) {
    return absl::InvalidArgumentError("args.url is no URL of a manifest");
  }
  url.remove_prefix(path);
  return url.substr(0, url.find_first_of("?#"));
}

std::string TokenIn(const nlohmann::json& args) {
  const nlohmann::json* headers = kraken::FindJsonIgnoreCase(args, "headers");
  if (headers == nullptr) return "";
  const std::string field = TextAt(*headers, "Authorization");
  absl::string_view token = field;
  // Anything but a token is not for us to send.
  if (!absl::StartsWithIgnoreCase(token, kBearer)) return "";
  token = absl::StripAsciiWhitespace(token.substr(kBearer.size()));
  for (const char c : token) {
    if (!absl::ascii_isgraph(static_cast<unsigned char>(c))) return "";
  }
  return token.size() > kMaxTokenBytes ? "" : std::string(token);
}

}  // namespace

absl::StatusOr<PreheatJob> ParsePreheatJob(absl::string_view body) {
  const absl::StatusOr<nlohmann::json> parsed_body = kraken::ParseJson(body, kMaxEventDepth);
  if (!parsed_body.ok()) {
    // The parser's own words repeat what it read last: perhaps the token.
    return absl::InvalidArgumentError("a preheat that is no JSON, or nests too deep");
  }
  const nlohmann::json& document = *parsed_body;
  const std::string type = TextAt(document, "type");
  if (type != "preheat") {
    return absl::UnimplementedError(
        absl::StrCat("jobs of type \"", Excerpt(type), "\": only \"preheat\" is known here"));
  }
  const nlohmann::json* args = kraken::FindJsonIgnoreCase(document, "args");
  if (args == nullptr || !args->is_object()) {
    return absl::InvalidArgumentError("a preheat without args");
  }
  const std::string what = TextAt(*args, "type");
  if (what != "image") {
    return absl::UnimplementedError(
        absl::StrCat("preheat of \"", Excerpt(what), "\": only \"image\" is known here"));
  }
  const std::string url = TextAt(*args, "url");
  KH_ASSIGN_OR_RETURN(const absl::string_view path, PathOf(url));
  auto request =
      kraken::registry::ParseRegistryPath("GET", path, kraken::registry::RegistryMode::kReadOnly);
  auto* parsed = std::get_if<kraken::registry::RegistryRequest>(&request);
  if (parsed == nullptr || parsed->endpoint != kraken::registry::Endpoint::kManifest) {
    return absl::InvalidArgumentError("args.url is no URL of a manifest");
  }
  return PreheatJob{.repository = *std::move(parsed->repository),
                    .reference = *std::move(parsed->reference),
                    .bearer_token = TokenIn(*args)};
}

}  // namespace harbor_bridge
