#include "harbor_bridge/event/event_json.h"

#include "absl/strings/ascii.h"

namespace harbor_bridge {
namespace {

constexpr size_t kMaxExcerptBytes = 48;

}  // namespace

std::string TextAt(const nlohmann::json& object, absl::string_view key) {
  return kraken::JsonString(kraken::FindJsonIgnoreCase(object, key)).value_or("");
}

std::string Excerpt(absl::string_view text) {
  std::string excerpt(text.substr(0, kMaxExcerptBytes));
  for (char& c : excerpt) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  return excerpt;
}

}  // namespace harbor_bridge
