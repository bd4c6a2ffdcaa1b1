#ifndef KRAKEN_BACKEND_NAMESPACE_PATTERN_H_
#define KRAKEN_BACKEND_NAMESPACE_PATTERN_H_

#include <re2/re2.h>

#include "kraken/base/namespace.h"

namespace kraken::backend {

// An expression of the configuration is tried, unanchored, on "host/repository" and then on
// "repository", so that `^team-b/.*` means the same image by either road.
inline bool MatchesNamespace(const re2::RE2& pattern, const Namespace& ns) {
  return re2::RE2::PartialMatch(ns.ToString(), pattern) ||
         re2::RE2::PartialMatch(ns.repository(), pattern);
}

}  // namespace kraken::backend

#endif  // KRAKEN_BACKEND_NAMESPACE_PATTERN_H_
