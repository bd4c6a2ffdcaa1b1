// The epoch that writes of bridges carry, and how a server says that it is too old.
#ifndef KRAKEN_RPC_WRITE_EPOCH_H_
#define KRAKEN_RPC_WRITE_EPOCH_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "kraken/rpc/common.pb.h"

namespace kraken::rpc {

inline constexpr size_t kMaxLeaseNameBytes = 64;

// Letters a-z, digits, '.', '_' and '-', at most kMaxLeaseNameBytes of them, the first one a letter
// or a digit.
bool IsLeaseName(absl::string_view name);

// INVALID_ARGUMENT: a lease's name that is none, a name without an epoch, an epoch without a name,
// or one that does not fit into an int64_t.
absl::Status CheckWriteEpoch(const v1::WriteEpoch& epoch);

// FAILED_PRECONDITION, with both epochs and what to do: of a write with epoch `written`, where
// `seen` of `lease` was seen.
absl::Status StaleEpochError(uint64_t written, absl::string_view lease, uint64_t seen,
                             absl::string_view what_to_do);

// The epoch that was seen, of an error that was once made by StaleEpochError(), whatever was put
// around its message. Nothing: it is another error, or none.
std::optional<uint64_t> SeenEpoch(const absl::Status& status);

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_WRITE_EPOCH_H_
