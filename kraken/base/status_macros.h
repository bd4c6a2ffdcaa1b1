// Early returns for functions that return absl::Status or absl::StatusOr.
#ifndef KRAKEN_BASE_STATUS_MACROS_H_
#define KRAKEN_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define KH_STATUS_MACROS_CONCAT_INNER(a, b) a##b
#define KH_STATUS_MACROS_CONCAT(a, b) KH_STATUS_MACROS_CONCAT_INNER(a, b)

// Evaluates `expression`, an absl::Status; returns it from the enclosing function unless it is OK.
#define KH_RETURN_IF_ERROR(expression)                                                \
  do {                                                                                \
    if (absl::Status kh_status = (expression); ABSL_PREDICT_FALSE(!kh_status.ok())) { \
      return kh_status;                                                               \
    }                                                                                 \
  } while (false)

// Evaluates `expression`, an absl::StatusOr<T>; on error returns its status from the enclosing
// function, else moves the value into `lhs`, which may declare a variable:
//   KH_ASSIGN_OR_RETURN(const Digest digest, Digest::Parse(text));
// A type with a comma in it goes through an alias or `auto`.
#define KH_ASSIGN_OR_RETURN(lhs, expression) \
  KH_ASSIGN_OR_RETURN_IMPL(KH_STATUS_MACROS_CONCAT(kh_status_or_, __LINE__), lhs, expression)

#define KH_ASSIGN_OR_RETURN_IMPL(status_or, lhs, expression) \
  auto status_or = (expression);                             \
  if (ABSL_PREDICT_FALSE(!status_or.ok())) {                 \
    return std::move(status_or).status();                    \
  }                                                          \
  lhs = *std::move(status_or)

#endif  // KRAKEN_BASE_STATUS_MACROS_H_
