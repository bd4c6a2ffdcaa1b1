#include "kraken/daemon/start_error.h"

#include <optional>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace kraken::daemon {
namespace {

constexpr absl::string_view kPayloadUrl = "kraken-harbor/exit-code";

}  // namespace

absl::Status WithExitCode(absl::Status status, config::ExitCode code) {
  if (!status.ok()) {
    status.SetPayload(kPayloadUrl, absl::Cord(absl::StrCat(static_cast<int>(code))));
  }
  return status;
}

config::ExitCode ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return config::kExitOk;
  const auto payload = status.GetPayload(kPayloadUrl);
  int code = config::kExitFailure;
  if (payload.has_value() && absl::SimpleAtoi(std::string(*payload), &code)) {
    return static_cast<config::ExitCode>(code);
  }
  return config::kExitFailure;
}

}  // namespace kraken::daemon
