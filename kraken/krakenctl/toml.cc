#include "kraken/krakenctl/toml.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/status_macros.h"

namespace kraken::krakenctl {
namespace {

bool IsBareKey(char c) { return absl::ascii_isalnum(c) || c == '-' || c == '_'; }

// What may stand in a value outside strings and brackets: numbers, words, dates.
bool IsBareValue(char c) {
  return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '+' || c == '.' || c == ':';
}

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

// The character that a backslash and `c` stand for; NUL if none that we read.
char Unescape(char c) {
  switch (c) {
    case '"':
    case '\\':
      return c;
    case 'b':
      return '\b';
    case 't':
      return '\t';
    case 'n':
      return '\n';
    case 'f':
      return '\f';
    case 'r':
      return '\r';
    default:
      return '\0';
  }
}

class Scanner {
 public:
  explicit Scanner(absl::string_view text) : text_(text) {}

  absl::StatusOr<std::vector<TomlStatement>> Run() {
    std::vector<TomlStatement> statements;
    while (!AtEnd()) {
      TomlStatement statement;
      statement.begin = position_;
      statement.line = line_;
      KH_RETURN_IF_ERROR(ReadStatement(statement));
      statement.end = position_;
      statements.push_back(std::move(statement));
    }
    return statements;
  }

  // The string that begins here.
  absl::StatusOr<std::string> ReadString() {
    const char quote = text_[position_];
    if (absl::StartsWith(text_.substr(position_), std::string(3, quote))) {
      return Error("strings in triple quotes are not read here: write it on one line");
    }
    ++position_;
    std::string value;
    while (true) {
      if (AtEnd() || Peek() == '\n') return Error("a string does not end on its line");
      const char c = text_[position_++];
      if (c == quote) return value;
      if (IsControl(c)) return Error("a control character in a string");
      if (c != '\\' || quote == '\'') {
        value.push_back(c);
        continue;
      }
      const char unescaped = AtEnd() ? '\0' : Unescape(Peek());
      if (unescaped == '\0') return Error("an escape that is not read here");
      value.push_back(unescaped);
      ++position_;
    }
  }

  bool AtEnd() const { return position_ == text_.size(); }

 private:
  absl::Status Error(absl::string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat("line ", line_, ": ", what));
  }

  // REQUIRES: !AtEnd().
  char Peek() const { return text_[position_]; }

  bool Consume(char c) {
    if (AtEnd() || Peek() != c) return false;
    ++position_;
    return true;
  }

  void SkipSpaces() {
    while (!AtEnd() && (Peek() == ' ' || Peek() == '\t')) ++position_;
  }

  absl::Status ReadStatement(TomlStatement& statement) {
    SkipSpaces();
    if (AtEnd() || Peek() == '\n' || Peek() == '\r' || Peek() == '#') {
      const bool is_comment = !AtEnd() && Peek() == '#';
      statement.kind = is_comment ? TomlStatement::Kind::kComment : TomlStatement::Kind::kBlank;
      return FinishLine();
    }
    if (Consume('[')) {
      const bool is_array = Consume('[');
      statement.kind = is_array ? TomlStatement::Kind::kTableArray : TomlStatement::Kind::kTable;
      KH_RETURN_IF_ERROR(ReadName(statement.name));
      if (!Consume(']') || (is_array && !Consume(']'))) return Error("expected ']'");
      return FinishLine();
    }
    statement.kind = TomlStatement::Kind::kKey;
    KH_RETURN_IF_ERROR(ReadName(statement.name));
    if (!Consume('=')) return Error("expected '='");
    SkipSpaces();
    const size_t begin = position_;
    KH_RETURN_IF_ERROR(ReadValue());
    statement.value = text_.substr(begin, position_ - begin);
    return FinishLine();
  }

  absl::Status ReadName(std::vector<std::string>& name) {
    do {
      SkipSpaces();
      if (AtEnd()) return Error("expected a name");
      if (Peek() == '"' || Peek() == '\'') {
        KH_ASSIGN_OR_RETURN(std::string part, ReadString());
        name.push_back(std::move(part));
      } else {
        const size_t begin = position_;
        while (!AtEnd() && IsBareKey(Peek())) ++position_;
        if (position_ == begin) return Error("expected a name");
        name.emplace_back(text_.substr(begin, position_ - begin));
      }
      SkipSpaces();
    } while (Consume('.'));
    return absl::OkStatus();
  }

  absl::Status ReadValue() {
    std::vector<char> closers;
    do {
      if (AtEnd()) return Error(closers.empty() ? "expected a value" : "a bracket is not closed");
      const char c = Peek();
      if (c == '"' || c == '\'') {
        KH_RETURN_IF_ERROR(ReadString().status());
      } else if (c == '[' || c == '{') {
        if (closers.size() == kMaxTomlDepth) return Error("nested too deep");
        closers.push_back(c == '[' ? ']' : '}');
        ++position_;
      } else if (!closers.empty() && c == closers.back()) {
        closers.pop_back();
        ++position_;
      } else if (IsBareValue(c)) {
        while (!AtEnd() && IsBareValue(Peek())) ++position_;
      } else {
        KH_RETURN_IF_ERROR(ReadBetweenValues(closers));
      }
    } while (!closers.empty());
    return absl::OkStatus();
  }

  // What stands between the values of an array or an inline table.
  absl::Status ReadBetweenValues(const std::vector<char>& closers) {
    const char c = Peek();
    if (closers.empty()) return Error("expected a value");
    if (c == ' ' || c == '\t' || c == ',' || (c == '=' && closers.back() == '}')) {
      ++position_;
      return absl::OkStatus();
    }
    const bool lines_allowed =
        std::find(closers.begin(), closers.end(), '}') == closers.end();  // arrays only
    if ((c == '#' || c == '\n' || c == '\r') && lines_allowed) return FinishLine();
    return Error("not a value");
  }

  // Spaces, a comment, and the newline or the end of the text.
  absl::Status FinishLine() {
    SkipSpaces();
    if (Consume('#')) {
      while (!AtEnd() && Peek() != '\n' && !AtCarriageReturn()) {
        if (IsControl(Peek())) return Error("a control character in a comment");
        ++position_;
      }
    }
    if (AtCarriageReturn()) ++position_;
    if (AtEnd()) return absl::OkStatus();
    if (!Consume('\n')) return Error("more than one thing on a line");
    ++line_;
    return absl::OkStatus();
  }

  // Before a newline, where alone it may stand.
  bool AtCarriageReturn() const { return absl::StartsWith(text_.substr(position_), "\r\n"); }

  const absl::string_view text_;
  size_t position_ = 0;
  int line_ = 1;
};

}  // namespace

absl::StatusOr<std::vector<TomlStatement>> ParseToml(absl::string_view text) {
  return Scanner(text).Run();
}

absl::StatusOr<std::string> TomlString(absl::string_view value) {
  if (value.empty() || (value[0] != '"' && value[0] != '\'')) {
    return absl::InvalidArgumentError(absl::StrCat("expected a string, found ", value));
  }
  Scanner scanner(value);
  KH_ASSIGN_OR_RETURN(std::string text, scanner.ReadString());
  if (!scanner.AtEnd()) {
    return absl::InvalidArgumentError(absl::StrCat("expected one string, found ", value));
  }
  return text;
}

std::string TomlQuote(absl::string_view text) {
  KH_CHECK(std::all_of(text.begin(), text.end(),
                       [](char c) { return absl::ascii_isprint(c) && c != '"' && c != '\\'; }));
  return absl::StrCat("\"", text, "\"");
}

}  // namespace kraken::krakenctl
