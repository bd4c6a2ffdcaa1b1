#include "kraken/base/label.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace kraken {

bool IsLabelText(absl::string_view text) {
  return !text.empty() && text.size() <= kMaxLabelLength &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
                  c == '.' || c == '/' || c == ':';
         });
}

}  // namespace kraken
