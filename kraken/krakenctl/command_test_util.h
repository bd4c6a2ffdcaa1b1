#ifndef KRAKEN_KRAKENCTL_COMMAND_TEST_UTIL_H_
#define KRAKEN_KRAKENCTL_COMMAND_TEST_UTIL_H_

#include <functional>
#include <string>

#include "absl/strings/string_view.h"

namespace kraken::krakenctl {

// For Terminal: collects what is written.
inline std::function<void(absl::string_view)> AppendTo(std::string* text) {
  return [text](absl::string_view more) { text->append(more.data(), more.size()); };
}

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_COMMAND_TEST_UTIL_H_
