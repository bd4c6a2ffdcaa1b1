#include "kraken/rpc/write_epoch.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace kraken::rpc {
namespace {

constexpr absl::string_view kStale = "stale write epoch ";
constexpr absl::string_view kNewer = ": epoch ";

// The digits at the beginning.
absl::string_view Digits(absl::string_view text) {
  size_t count = 0;
  while (count < text.size() && absl::ascii_isdigit(static_cast<unsigned char>(text[count]))) {
    ++count;
  }
  return text.substr(0, count);
}

bool IsNameCharacter(char c) {
  return absl::ascii_islower(static_cast<unsigned char>(c)) ||
         absl::ascii_isdigit(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
}

}  // namespace

bool IsLeaseName(absl::string_view name) {
  if (name.empty() || name.size() > kMaxLeaseNameBytes) return false;
  if (!absl::ascii_isalnum(static_cast<unsigned char>(name[0]))) return false;
  for (const char c : name) {
    if (!IsNameCharacter(c)) return false;
  }
  return true;
}

absl::Status CheckWriteEpoch(const v1::WriteEpoch& epoch) {
  if (epoch.lease().empty() && epoch.epoch() == 0) return absl::OkStatus();
  if (!IsLeaseName(epoch.lease())) {
    return absl::InvalidArgumentError("write epoch: this is no name of a lease");
  }
  if (epoch.epoch() == 0 ||
      epoch.epoch() > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    return absl::InvalidArgumentError(absl::StrCat("write epoch: lease \"", epoch.lease(),
                                                   "\" can't have epoch ", epoch.epoch()));
  }
  return absl::OkStatus();
}

absl::Status StaleEpochError(uint64_t written, absl::string_view lease, uint64_t seen,
                             absl::string_view what_to_do) {
  return absl::FailedPreconditionError(absl::StrCat(kStale, written, kNewer, seen, " of lease \"",
                                                    lease, "\" was seen; ", what_to_do));
}

std::optional<uint64_t> SeenEpoch(const absl::Status& status) {
  if (!absl::IsFailedPrecondition(status)) return std::nullopt;
  const absl::string_view message = status.message();
  const size_t begin = message.find(kStale);
  if (begin == absl::string_view::npos) return std::nullopt;
  absl::string_view rest = message.substr(begin + kStale.size());
  rest.remove_prefix(Digits(rest).size());
  if (rest.substr(0, kNewer.size()) != kNewer) return std::nullopt;
  uint64_t seen = 0;
  if (!absl::SimpleAtoi(Digits(rest.substr(kNewer.size())), &seen)) return std::nullopt;
  return seen;
}

}  // namespace kraken::rpc
