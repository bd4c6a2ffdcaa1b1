#include "kraken/krakenctl/daemon_json.h"

#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "kraken/base/check.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"

namespace kraken::krakenctl {
namespace {

constexpr char kKey[] = "registry-mirrors";

absl::Status Refuse(absl::string_view text, size_t position, absl::string_view what) {
  const auto line = 1 + std::count(text.begin(), text.begin() + position, '\n');
  return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", what));
}

// Where a value stands in the text.
struct Range {
  size_t begin = 0;
  size_t end = 0;
};

// Finds its way in text that is known to be JSON.
class Walker {
 public:
  explicit Walker(absl::string_view text) : text_(text) {}

  size_t position() const { return position_; }

  void SkipSpaces() {
    while (absl::ascii_isspace(text_[position_])) ++position_;
  }
  // Skips spaces and then `c`, if it is there.
  bool Consume(char c) {
    SkipSpaces();
    if (text_[position_] != c) return false;
    ++position_;
    return true;
  }
  // Skips a value, and the spaces before it.
  Range Value() {
    SkipSpaces();
    const size_t begin = position_;
    int depth = 0;
    do {
      const char c = text_[position_];
      if (c == '"') {
        SkipString();
      } else if (c == '[' || c == '{') {
        ++depth;
        ++position_;
      } else if (c == ']' || c == '}') {
        --depth;
        ++position_;
      } else if (depth > 0) {
        ++position_;
      } else {
        while (position_ < text_.size() && IsBare(text_[position_])) ++position_;
      }
    } while (depth > 0);
    return {begin, position_};
  }

 private:
  static bool IsBare(char c) { return absl::ascii_isalnum(c) || c == '-' || c == '+' || c == '.'; }
  void SkipString() {
    ++position_;
    while (text_[position_] != '"') position_ += text_[position_] == '\\' ? 2 : 1;
    ++position_;
  }

  const absl::string_view text_;
  size_t position_ = 0;
};

// "JSON: parse error at line 3, column 1: …" becomes "line 3: …".
absl::Status WithLine(const absl::Status& status) {
  absl::string_view message = status.message();
  const size_t at = message.find("at line ");
  if (at == absl::string_view::npos) return Refuse("", 0, message);
  absl::string_view number = message.substr(at + 8);
  number = number.substr(0, std::min(number.find_first_not_of("0123456789"), number.size()));
  return absl::InvalidArgumentError(absl::StrCat("line ", number, ": ", message));
}

// What of the file matters here.
struct Document {
  size_t after_brace = 0;       // of the object
  bool is_empty = false;        // {}
  bool has_list = false;        // of which there are:
  Range list;                   // with its brackets
  std::vector<Range> elements;  // with their quotes
  std::vector<std::string> mirrors;
};

absl::Status ReadList(absl::string_view text, Walker& walker, Document& document) {
  Walker list = walker;
  document.list = walker.Value();
  document.has_list = true;
  const absl::StatusOr<nlohmann::json> values =
      ParseJson(text.substr(document.list.begin, document.list.end - document.list.begin));
  KH_CHECK(values.ok());
  const bool are_texts =
      values->is_array() && std::all_of(values->begin(), values->end(),
                                        [](const nlohmann::json& v) { return v.is_string(); });
  if (!are_texts) {
    return Refuse(text, document.list.begin, absl::StrCat(kKey, " is not a list of texts"));
  }
  list.Consume('[');
  for (const nlohmann::json& value : *values) {
    document.mirrors.push_back(value.get<std::string>());
    document.elements.push_back(list.Value());
    list.Consume(',');
  }
  return absl::OkStatus();
}

absl::StatusOr<Document> Read(absl::string_view text) {
  if (absl::StripAsciiWhitespace(text).empty()) {
    return Refuse(text, text.size(), "the file is empty: delete it, or write {} into it");
  }
  const absl::StatusOr<nlohmann::json> json = ParseJson(text);
  if (!json.ok()) return WithLine(json.status());
  Walker walker(text);
  if (!json->is_object() || !walker.Consume('{')) return Refuse(text, 0, "not a JSON object");
  Document document;
  document.after_brace = walker.position();
  document.is_empty = json->empty();
  while (!walker.Consume('}')) {
    const Range key = walker.Value();
    const absl::StatusOr<nlohmann::json> name =
        ParseJson(text.substr(key.begin, key.end - key.begin));
    KH_CHECK(name.ok());
    walker.Consume(':');
    if (*name != kKey) {
      walker.Value();
    } else if (document.has_list) {
      return Refuse(text, key.begin, absl::StrCat(kKey, " is there twice: delete one"));
    } else {
      KH_RETURN_IF_ERROR(ReadList(text, walker, document));
    }
    walker.Consume(',');
  }
  return document;
}

// As docker compares them.
absl::string_view WithoutSlash(absl::string_view mirror) {
  absl::ConsumeSuffix(&mirror, "/");
  return mirror;
}

// What is written, each so that it can be told from what an operator writes and taken back.
std::string Quoted(absl::string_view mirror) { return DumpJson(std::string(mirror)); }
std::string NewFile(absl::string_view mirror) {
  return absl::StrCat("{\"", kKey, "\": [ ", Quoted(mirror), " ]}\n");
}
std::string NewKey(absl::string_view mirror, bool is_only) {
  return absl::StrCat("\n  \"", kKey, "\": [ ", Quoted(mirror), " ]", is_only ? "\n" : ",");
}
std::string NewElement(absl::string_view mirror, bool is_only) {
  return absl::StrCat(Quoted(mirror), is_only ? "" : ", ");
}

std::string Inserted(absl::string_view text, size_t position, absl::string_view what) {
  return absl::StrCat(text.substr(0, position), what, text.substr(position));
}
std::string Erased(absl::string_view text, size_t begin, size_t end) {
  return absl::StrCat(text.substr(0, begin), text.substr(end));
}

// Somebody has edited what we wrote: takes the element away with one comma.
std::string WithoutElement(absl::string_view text, const Document& document, size_t index) {
  const std::vector<Range>& elements = document.elements;
  if (index + 1 < elements.size()) {
    return Erased(text, elements[index].begin, elements[index + 1].begin);
  }
  if (index > 0) return Erased(text, elements[index - 1].end, elements[index].end);
  return Erased(text, elements[index].begin, elements[index].end);
}

}  // namespace

absl::StatusOr<std::string> AddRegistryMirror(const absl::optional<std::string>& before,
                                              absl::string_view mirror) {
  if (!before.has_value()) return NewFile(mirror);
  KH_ASSIGN_OR_RETURN(const Document document, Read(*before));
  for (const std::string& known : document.mirrors) {
    if (WithoutSlash(known) == WithoutSlash(mirror)) return *before;
  }
  if (!document.has_list) {
    return Inserted(*before, document.after_brace, NewKey(mirror, document.is_empty));
  }
  return Inserted(*before, document.list.begin + 1, NewElement(mirror, document.elements.empty()));
}

absl::StatusOr<absl::optional<std::string>> RemoveRegistryMirror(const std::string& before,
                                                                 absl::string_view mirror) {
  if (before == NewFile(mirror)) return absl::optional<std::string>();
  KH_ASSIGN_OR_RETURN(const Document document, Read(before));
  size_t index = 0;
  while (index < document.mirrors.size() &&
         WithoutSlash(document.mirrors[index]) != WithoutSlash(mirror)) {
    ++index;
  }
  if (index == document.mirrors.size()) return absl::make_optional(before);
  const absl::string_view text = before;
  for (const bool is_only : {true, false}) {
    const std::string key = NewKey(mirror, is_only);
    const absl::string_view rest = text.substr(document.after_brace);
    const bool is_alone = absl::StartsWith(
        absl::StripLeadingAsciiWhitespace(rest.substr(std::min(key.size(), rest.size()))), "}");
    if (absl::StartsWith(rest, key) && is_only == is_alone) {
      return absl::make_optional(
          Erased(text, document.after_brace, document.after_brace + key.size()));
    }
  }
  const size_t list_content = document.list.begin + 1;
  const std::string element = NewElement(mirror, document.elements.size() == 1);
  if (absl::StartsWith(text.substr(list_content), element)) {
    return absl::make_optional(Erased(text, list_content, list_content + element.size()));
  }
  return absl::make_optional(WithoutElement(text, document, index));
}

}  // namespace kraken::krakenctl
