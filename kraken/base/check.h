// Assertions that stay on in production, for what must never happen.
//
// What the network, the disk or a user can cause is a Status, never a check.
#ifndef KRAKEN_BASE_CHECK_H_
#define KRAKEN_BASE_CHECK_H_

#include "absl/base/optimization.h"

namespace kraken::internal {

// Prints "file:line: check failed: expression" to stderr and aborts. Allocates nothing.
[[noreturn]] void CheckFailed(const char* file, int line, const char* expression) noexcept;

}  // namespace kraken::internal

// Aborts the process unless `condition` holds. Always evaluated.
#define KH_CHECK(condition)                        \
  (ABSL_PREDICT_TRUE(static_cast<bool>(condition)) \
       ? static_cast<void>(0)                      \
       : ::kraken::internal::CheckFailed(__FILE__, __LINE__, #condition))

// As KH_CHECK, for conditions too dear for production: compiled, and never evaluated, with NDEBUG.
#ifdef NDEBUG
#define KH_DCHECK(condition) KH_CHECK(true || static_cast<bool>(condition))
#else
#define KH_DCHECK(condition) KH_CHECK(condition)
#endif

#endif  // KRAKEN_BASE_CHECK_H_
