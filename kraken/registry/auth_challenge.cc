#include "kraken/registry/auth_challenge.h"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/base/status_macros.h"

namespace kraken::registry {
namespace {

bool IsTokenChar(char c) {
  constexpr absl::string_view kOthers = "!#$%&'*+-.^_`|~";
  return absl::ascii_isalnum(c) || kOthers.find(c) != absl::string_view::npos;
}

bool IsToken68Char(char c) {
  constexpr absl::string_view kOthers = "-._~+/";
  return absl::ascii_isalnum(c) || kOthers.find(c) != absl::string_view::npos;
}

// What is taken of a value that should have been quoted.
bool IsBareValueChar(char c) { return absl::ascii_isgraph(c) && c != ',' && c != '"'; }

bool IsSpace(char c) { return c == ' ' || c == '\t'; }

// Reads the field from left to right.
class ChallengeParser {
 public:
  explicit ChallengeParser(absl::string_view text) : rest_(text) {}

  absl::StatusOr<std::vector<AuthChallenge>> Parse() {
    std::vector<AuthChallenge> challenges;
    SkipSeparators();
    while (!rest_.empty()) {
      if (challenges.size() == kMaxAuthChallenges) return Error("too many challenges");
      AuthChallenge challenge;
      challenge.scheme = absl::AsciiStrToLower(TakeWhile(IsTokenChar));
      if (challenge.scheme.empty()) return Error("no scheme");
      if (!rest_.empty() && !IsSpace(rest_[0]) && rest_[0] != ',') return Error("bad scheme");
      KH_RETURN_IF_ERROR(ParseCredentials(challenge));
      challenges.push_back(std::move(challenge));
    }
    return challenges;
  }

 private:
  // What follows a scheme: a token68, or a list of parameters, or nothing.
  absl::Status ParseCredentials(AuthChallenge& challenge) {
    SkipSpaces();
    if (TakeToken68(challenge)) return EndOfElement();
    while (true) {
      const absl::string_view before = rest_;
      SkipSeparators();
      absl::string_view name = TakeWhile(IsTokenChar);
      SkipSpaces();
      if (name.empty() || !TakeChar('=')) {
        // No parameter: the next challenge, or the end.
        rest_ = before;
        SkipSeparators();
        return absl::OkStatus();
      }
      SkipSpaces();
      if (challenge.params.size() == kMaxAuthParams) return Error("too many parameters");
      KH_ASSIGN_OR_RETURN(std::string value, TakeValue());
      std::string key = absl::AsciiStrToLower(name);
      if (challenge.Get(key).has_value()) return Error(absl::StrCat(key, " is given twice"));
      challenge.params.emplace_back(std::move(key), std::move(value));
      KH_RETURN_IF_ERROR(EndOfElement());
    }
  }

  // A token68 stands alone, where a parameter has a value behind its '='.
  bool TakeToken68(AuthChallenge& challenge) {
    const absl::string_view before = rest_;
    const absl::string_view token = TakeWhile(IsToken68Char);
    const absl::string_view padding = TakeWhile([](char c) { return c == '='; });
    const absl::string_view taken = before.substr(0, token.size() + padding.size());
    SkipSpaces();
    const bool alone = rest_.empty() || rest_[0] == ',';
    if (token.empty() || !alone) {
      rest_ = before;
      return false;
    }
    challenge.token68 = std::string(taken);
    return true;
  }

  absl::StatusOr<std::string> TakeValue() {
    if (!TakeChar('"')) {
      const absl::string_view value = TakeWhile(IsBareValueChar);
      if (value.empty()) return Error("a parameter without value");
      return std::string(value);
    }
    std::string value;
    while (!rest_.empty()) {
      char c = rest_[0];
      rest_.remove_prefix(1);
      if (c == '"') return value;
      if (c == '\\') {
        if (rest_.empty()) break;
        c = rest_[0];
        rest_.remove_prefix(1);
      }
      if (absl::ascii_iscntrl(c) && c != '\t') return Error("a control character");
      value.push_back(c);
    }
    return Error("a quote that does not end");
  }

  // After a parameter or a token68: a comma or the end.
  absl::Status EndOfElement() {
    SkipSpaces();
    if (!rest_.empty() && rest_[0] != ',') return Error("no comma after a parameter");
    SkipSeparators();
    return absl::OkStatus();
  }

  template <typename Predicate>
  absl::string_view TakeWhile(Predicate predicate) {
    size_t length = 0;
    while (length < rest_.size() && predicate(rest_[length])) ++length;
    const absl::string_view taken = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return taken;
  }

  bool TakeChar(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void SkipSpaces() { TakeWhile(IsSpace); }
  void SkipSeparators() {
    TakeWhile([](char c) { return IsSpace(c) || c == ','; });
  }

  static absl::Status Error(absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("WWW-Authenticate: ", what));
  }

  absl::string_view rest_;
};

}  // namespace

absl::optional<absl::string_view> AuthChallenge::Get(absl::string_view name) const {
  for (const auto& [key, value] : params) {
    if (key == name) return value;
  }
  return absl::nullopt;
}

absl::StatusOr<std::vector<AuthChallenge>> ParseAuthChallenges(absl::string_view header) {
  return ChallengeParser(header).Parse();
}

std::vector<AuthChallenge> ChallengesOf(const net::HeaderMap& headers) {
  std::vector<AuthChallenge> all;
  for (absl::string_view field : headers.GetAll("WWW-Authenticate")) {
    absl::StatusOr<std::vector<AuthChallenge>> challenges = ParseAuthChallenges(field);
    if (!challenges.ok()) continue;
    for (AuthChallenge& challenge : *challenges) all.push_back(std::move(challenge));
  }
  return all;
}

}  // namespace kraken::registry
