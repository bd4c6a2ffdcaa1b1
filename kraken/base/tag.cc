#include "kraken/base/tag.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"

namespace kraken {
namespace {

bool IsWordCharacter(char c) { return absl::ascii_isalnum(c) || c == '_'; }

bool IsTagCharacter(char c) { return IsWordCharacter(c) || c == '.' || c == '-'; }

}  // namespace

absl::StatusOr<Tag> Tag::Parse(absl::string_view text) {
  if (text.empty() || text.size() > kMaxLength || !IsWordCharacter(text[0]) ||
      !std::all_of(text.begin(), text.end(), IsTagCharacter)) {
    return absl::InvalidArgumentError(
        "tag: expected at most 128 letters, digits, '_', '.' and '-', not starting with '.' or "
        "'-'");
  }
  return Tag(text);
}

}  // namespace kraken
