// Hosts as they stand in image names: "harbor.example.com", "localhost:5000", "[::1]:5000".
#ifndef KRAKEN_BASE_HOST_NAME_H_
#define KRAKEN_BASE_HOST_NAME_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace kraken {

inline constexpr size_t kMaxHostNameLength = 253;

// True if `text` is a host name, an IPv4 address or a bracketed IPv6 address, each with an optional
// ":port" (1 to 65535).
bool IsValidHost(absl::string_view text);

// True if the first component of an image's name is a host rather than the start of a repository:
// it has a '.' or a ':', or is "localhost" (the rule of the docker command line).
bool LooksLikeHost(absl::string_view first_component);

}  // namespace kraken

#endif  // KRAKEN_BASE_HOST_NAME_H_
