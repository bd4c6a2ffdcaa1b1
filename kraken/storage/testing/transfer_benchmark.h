// For benchmarks of transfers over loopback: the bare loops that they are measured against, and how
// they are measured.
#ifndef KRAKEN_STORAGE_TESTING_TRANSFER_BENCHMARK_H_
#define KRAKEN_STORAGE_TESTING_TRANSFER_BENCHMARK_H_

#include <cstdint>
#include <string>

#include "absl/functional/function_ref.h"
#include "kraken/base/digest.h"

namespace kraken::storage {

struct TransferCost {
  double wall_s = 0;
  // The whole process's.
  double cpu_s = 0;
};

TransferCost MeasureCost(absl::FunctionRef<void()> body);

// Sends the file `source` over loopback TCP, in a thread with sendfile, while `receive` takes it
// from its descriptor.
TransferCost MeasureTransfer(int source, int64_t size_bytes, absl::FunctionRef<void(int)> receive);

// The bare loops. Each ends in fsync and rename, aborts if the digest differs, and removes the file
// outside of what is measured.

// sendfile; recv into 64 KiB, SHA-256, pwrite into a file in `directory`.
TransferCost MeasureBareTransfer(int source, int64_t size_bytes, const Digest& digest,
                                 const std::string& directory);
// What TLS can't do without (bare_tls_records.h): pread of 64 KiB, seal, send; recv, open, SHA-256,
// pwrite of 64 KiB.
TransferCost MeasureBareTlsTransfer(int source, int64_t size_bytes, const Digest& digest,
                                    const std::string& directory);

// Runs both, `pairs` times, in pairs that alternate in order, after one of each that does not
// count. Prints each pair as it is done, then medians and spread.
void ComparePairs(const std::string& name, int64_t size_bytes, int pairs,
                  absl::FunctionRef<TransferCost()> bare, absl::FunctionRef<TransferCost()> ours);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_TESTING_TRANSFER_BENCHMARK_H_
