#ifndef KRAKEN_BASE_SAME_SECRET_H_
#define KRAKEN_BASE_SAME_SECRET_H_

#include "absl/strings/string_view.h"

namespace kraken {

// Whether two secrets are equal. How long it takes does not tell how much of them is, nor whether
// their lengths are.
bool IsSameSecret(absl::string_view given, absl::string_view expected);

}  // namespace kraken

#endif  // KRAKEN_BASE_SAME_SECRET_H_
