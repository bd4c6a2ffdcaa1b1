#include "kraken/config/position.h"

#include "absl/strings/str_cat.h"

namespace kraken::config {

std::string Position::ToString() const {
  if (file == nullptr) return "";
  return line == 0 ? *file : absl::StrCat(*file, ":", line, ":", column);
}

}  // namespace kraken::config
