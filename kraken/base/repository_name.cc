#include "kraken/base/repository_name.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace kraken {
namespace {

bool IsLowerAlnum(char c) { return absl::ascii_isdigit(c) || absl::ascii_islower(c); }

// Moves `text` past one of the separators '.', '_', "__" and '-'+ at its start.
bool ConsumeSeparator(absl::string_view& text) {
  if (text.empty()) return false;
  size_t length = 0;
  if (text[0] == '.') {
    length = 1;
  } else if (text[0] == '_') {
    length = text.substr(0, 2) == "__" ? 2 : 1;
  } else {
    while (length < text.size() && text[length] == '-') ++length;
  }
  text.remove_prefix(length);
  return length > 0;
}

// Moves `text` past the longest [a-z0-9]+ at its start.
bool ConsumeAlnums(absl::string_view& text) {
  size_t length = 0;
  while (length < text.size() && IsLowerAlnum(text[length])) ++length;
  text.remove_prefix(length);
  return length > 0;
}

bool IsRepositoryName(absl::string_view text) {
  while (true) {
    if (!ConsumeAlnums(text)) return false;
    if (text.empty()) return true;
    if (text[0] == '/') {
      text.remove_prefix(1);
    } else if (!ConsumeSeparator(text)) {
      return false;
    }
  }
}

}  // namespace

absl::StatusOr<RepositoryName> RepositoryName::Parse(absl::string_view text) {
  if (text.size() > kMaxLength) {
    return absl::InvalidArgumentError(
        absl::StrCat("repository name: longer than ", kMaxLength, " bytes"));
  }
  if (!IsRepositoryName(text)) {
    return absl::InvalidArgumentError(
        "repository name: expected lower-case letters and digits in components parted by '/', "
        "single '.', '_', \"__\" or '-' inside them");
  }
  return RepositoryName(text);
}

}  // namespace kraken
