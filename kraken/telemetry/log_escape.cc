#include "kraken/telemetry/log_escape.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace kraken::telemetry {
namespace {

// The length of the UTF-8 sequence (RFC 3629) at the start of `text`; 0 if there is none.
size_t Utf8Length(absl::string_view text) {
  const auto byte = [text](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  size_t length = 0;
  uint8_t low = 0x80;   // The range of the second byte, which rules out overlong forms,
  uint8_t high = 0xbf;  // surrogates and what lies beyond U+10FFFF.
  if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
  }
  if (length == 0 || text.size() < length || byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  }
  return length;
}

// The letter after the backslash for a control character that has one; 0 else.
char ShortEscape(char c) {
  switch (c) {
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    default:
      return 0;
  }
}

bool IsControl(char c) { return static_cast<uint8_t>(c) < 0x20 || c == 0x7f; }

// How many bytes at the start of `text` are ASCII that JSON takes as it is.
size_t PlainLength(absl::string_view text) {
  size_t length = 0;
  while (length < text.size()) {
    const char c = text[length];
    if (IsControl(c) || static_cast<uint8_t>(c) >= 0x80 || c == '"' || c == '\\') break;
    ++length;
  }
  return length;
}

// Walks over `text` by characters: `on_valid` gets each whole one, `on_invalid` each stray byte.
template <typename OnValid, typename OnInvalid>
void ForEachCharacter(absl::string_view text, OnValid on_valid, OnInvalid on_invalid) {
  while (!text.empty()) {
    const size_t length = Utf8Length(text);
    if (length == 0) {
      on_invalid(text[0]);
      text.remove_prefix(1);
    } else {
      on_valid(text.substr(0, length));
      text.remove_prefix(length);
    }
  }
}

}  // namespace

void AppendJsonQuoted(std::string* out, absl::string_view text) {
  out->push_back('"');
  // Nearly always all of it.
  const size_t plain = PlainLength(text);
  out->append(text.data(), plain);
  ForEachCharacter(
      text.substr(plain),
      [out](absl::string_view character) {
        const char c = character[0];
        if (c == '"' || c == '\\') {
          absl::StrAppend(out, "\\", character);
        } else if (!IsControl(c)) {
          absl::StrAppend(out, character);
        } else if (const char letter = ShortEscape(c); letter != 0) {
          out->push_back('\\');
          out->push_back(letter);
        } else {
          absl::StrAppend(out, "\\u", absl::Hex(static_cast<uint8_t>(c), absl::kZeroPad4));
        }
      },
      [out](char) { absl::StrAppend(out, "\xef\xbf\xbd"); });
  out->push_back('"');
}

std::string JsonQuoted(absl::string_view text) {
  std::string out;
  AppendJsonQuoted(&out, text);
  return out;
}

std::string ConsoleText(absl::string_view text) {
  std::string out;
  const auto append_hex = [&out](char c) {
    absl::StrAppend(&out, "\\x", absl::Hex(static_cast<uint8_t>(c), absl::kZeroPad2));
  };
  ForEachCharacter(
      text,
      [&](absl::string_view character) {
        const char c = character[0];
        if (c == '\\') {
          absl::StrAppend(&out, "\\\\");
        } else if (!IsControl(c)) {
          absl::StrAppend(&out, character);
        } else if (const char letter = ShortEscape(c); letter != 0) {
          out.push_back('\\');
          out.push_back(letter);
        } else {
          append_hex(c);
        }
      },
      append_hex);
  return out;
}

std::string ConsoleValue(absl::string_view text) {
  std::string out = ConsoleText(text);
  if (!out.empty() && out.find_first_of(" \"=") == std::string::npos) return out;
  std::string quoted = "\"";
  for (const char c : out) {
    if (c == '"') quoted.push_back('\\');
    quoted.push_back(c);
  }
  quoted.push_back('"');
  return quoted;
}

}  // namespace kraken::telemetry
