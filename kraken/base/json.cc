#include "kraken/base/json.h"

#include <exception>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace kraken {
namespace {

using nlohmann::json;

// True if `text` nests arrays and objects deeper than `max_depth`. Right for every well-formed
// document; what it says of others does not matter, since the parser refuses them.
bool ExceedsDepth(absl::string_view text, int max_depth) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > max_depth) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

// The library's messages start with "[json.exception.parse_error.101] ".
absl::string_view WithoutExceptionName(absl::string_view message) {
  const size_t close = message.find("] ");
  return close == absl::string_view::npos ? message : message.substr(close + 2);
}

}  // namespace

absl::StatusOr<json> ParseJson(absl::string_view text, int max_depth) {
  if (ExceedsDepth(text, max_depth)) {
    return absl::InvalidArgumentError(absl::StrCat("JSON: nested deeper than ", max_depth));
  }
  try {
    return json::parse(text.begin(), text.end());
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("JSON: ", WithoutExceptionName(error.what())));
  }
}

std::string DumpJson(const json& value) {
  return value.dump(/*indent=*/-1, /*indent_char=*/' ', /*ensure_ascii=*/false,
                    json::error_handler_t::replace);
}

const json* FindJson(const json& object, absl::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(key);
  return it == object.end() ? nullptr : &*it;
}

const json* FindJsonIgnoreCase(const json& object, absl::string_view key) {
  if (const json* exact = FindJson(object, key); exact != nullptr) return exact;
  if (!object.is_object()) return nullptr;
  for (auto it = object.begin(); it != object.end(); ++it) {
    if (absl::EqualsIgnoreCase(it.key(), key)) return &*it;
  }
  return nullptr;
}

std::optional<std::string> JsonString(const json* value) {
  if (value == nullptr || !value->is_string()) return std::nullopt;
  return value->get_ref<const std::string&>();
}

std::optional<int64_t> JsonInt64(const json* value) {
  if (value == nullptr || !value->is_number_integer()) return std::nullopt;
  if (value->is_number_unsigned() &&
      value->get<uint64_t>() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return std::nullopt;
  }
  return value->get<int64_t>();
}

std::optional<bool> JsonBool(const json* value) {
  if (value == nullptr || !value->is_boolean()) return std::nullopt;
  return value->get<bool>();
}

}  // namespace kraken
