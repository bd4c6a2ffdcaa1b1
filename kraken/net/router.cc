#include "kraken/net/router.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "kraken/base/check.h"
#include "kraken/net/url.h"

namespace kraken::net {
namespace {

struct PatternSegment {
  enum class Kind { kLiteral, kOne, kMany };
  Kind kind;
  std::string text;  // the literal or the name
};

std::vector<PatternSegment> ParsePattern(absl::string_view pattern) {
  KH_CHECK(absl::StartsWith(pattern, "/"));
  std::vector<PatternSegment> result;
  size_t many = 0;
  for (absl::string_view segment : absl::StrSplit(pattern.substr(1), '/')) {
    if (!absl::StartsWith(segment, "{")) {
      KH_CHECK(!absl::StrContains(segment, '{') && !absl::StrContains(segment, '}'));
      result.push_back({PatternSegment::Kind::kLiteral, std::string(segment)});
      continue;
    }
    KH_CHECK(absl::EndsWith(segment, "}"));
    absl::string_view name = segment.substr(1, segment.size() - 2);
    const bool is_many = absl::EndsWith(name, "...");
    if (is_many) name.remove_suffix(3);
    KH_CHECK(!name.empty());
    many += is_many ? 1 : 0;
    result.push_back(
        {is_many ? PatternSegment::Kind::kMany : PatternSegment::Kind::kOne, std::string(name)});
  }
  KH_CHECK(many <= 1);
  return result;
}

using Params = std::vector<std::pair<std::string, std::string>>;

// One or more segments, none empty.
bool TakeMany(const PatternSegment& pattern, absl::Span<const std::string> segments,
              Params* params) {
  for (const std::string& segment : segments) {
    if (segment.empty()) return false;
  }
  params->emplace_back(pattern.text, absl::StrJoin(segments, "/"));
  return !segments.empty();
}

bool Match(const std::vector<PatternSegment>& pattern, const std::vector<std::string>& segments,
           Params* params) {
  params->clear();
  size_t s = 0;
  for (size_t p = 0; p < pattern.size(); ++p) {
    if (pattern[p].kind == PatternSegment::Kind::kMany) {
      // As there is one such segment only, what follows it says how many it takes.
      const size_t after = pattern.size() - p - 1;
      if (segments.size() < s + 1 + after) return false;
      const size_t count = segments.size() - s - after;
      if (!TakeMany(pattern[p], absl::MakeConstSpan(segments).subspan(s, count), params)) {
        return false;
      }
      s += count;
      continue;
    }
    if (s == segments.size()) return false;
    if (pattern[p].kind == PatternSegment::Kind::kLiteral) {
      if (segments[s] != pattern[p].text) return false;
    } else {
      if (segments[s].empty()) return false;
      params->emplace_back(pattern[p].text, segments[s]);
    }
    ++s;
  }
  return s == segments.size();
}

// Splits at '/', then decodes each segment once.
absl::StatusOr<std::vector<std::string>> DecodeSegments(absl::string_view path) {
  std::vector<std::string> result;
  for (const absl::string_view raw : absl::StrSplit(path.substr(1), '/')) {
    absl::StatusOr<std::string> segment = PercentDecode(raw);
    if (!segment.ok()) return segment.status();
    if (*segment == "." || *segment == "..") {
      return absl::InvalidArgumentError("dot segment in the path");
    }
    result.push_back(*std::move(segment));
  }
  return result;
}

}  // namespace

struct Router::Route {
  std::string method;
  std::vector<PatternSegment> pattern;
  HttpHandler handler;
  RouteOptions options;
};

Router::Router() = default;
Router::~Router() = default;

void Router::Add(absl::string_view method, absl::string_view pattern, HttpHandler handler,
                 RouteOptions options) {
  routes_.push_back(std::make_unique<Route>(
      Route{std::string(method), ParsePattern(pattern), std::move(handler), options}));
}

void Router::SetFallback(HttpHandler handler) { fallback_ = std::move(handler); }

void Router::Dispatch(std::shared_ptr<HttpExchange> exchange) const {
  if (!absl::StartsWith(exchange->path(), "/")) return exchange->RespondError(400, "bad path");
  const auto segments = DecodeSegments(exchange->path());
  if (!segments.ok()) return exchange->RespondError(400, segments.status().message());
  const Route* found = nullptr;
  Params found_params;
  Params params;
  std::vector<absl::string_view> allowed;
  for (const auto& route : routes_) {
    if (!Match(route->pattern, *segments, &params)) continue;
    if (route->method == exchange->method()) {
      found = route.get();
      found_params = std::move(params);
      break;
    }
    if (found == nullptr && exchange->method() == "HEAD" && route->method == "GET") {
      found = route.get();
      found_params = params;
    }
    allowed.push_back(route->method);
  }
  if (found == nullptr) {
    if (allowed.empty()) {
      if (fallback_) return fallback_(std::move(exchange));
      return exchange->RespondError(404, "not found");
    }
    return exchange->RespondError(405, "method not allowed",
                                  {{"Allow", absl::StrJoin(allowed, ", ")}});
  }
  exchange->path_params_ = std::move(found_params);
  if (found->options.max_body_bytes.has_value()) {
    exchange->set_max_body_bytes(*found->options.max_body_bytes);
  }
  found->handler(std::move(exchange));
}

HttpHandler Router::AsHandler() const {
  return [this](std::shared_ptr<HttpExchange> exchange) { Dispatch(std::move(exchange)); };
}

}  // namespace kraken::net
