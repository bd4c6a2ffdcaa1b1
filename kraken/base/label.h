#ifndef KRAKEN_BASE_LABEL_H_
#define KRAKEN_BASE_LABEL_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace kraken {

// Labels of agents, `key=value`, by which an order says which of them it means.
inline constexpr size_t kMaxLabels = 64;
inline constexpr size_t kMaxLabelLength = 128;

// Whether it may be a label's key or value, or a zone's name in an order: 1 to 128 letters, digits,
// '-', '_', '.', '/' and ':'.
bool IsLabelText(absl::string_view text);

// What IsLabelText() asks for, for messages.
inline constexpr char kLabelTextRule[] = "1 to 128 letters, digits, '-', '_', '.', '/' and ':'";

}  // namespace kraken

#endif  // KRAKEN_BASE_LABEL_H_
