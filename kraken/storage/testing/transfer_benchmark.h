// For benchmarks of transfers over loopback: the bare loop that they are measured against, and how
// they are measured.
#ifndef KRAKEN_STORAGE_TESTING_TRANSFER_BENCHMARK_H_
#define KRAKEN_STORAGE_TESTING_TRANSFER_BENCHMARK_H_

#include <cstdint>
#include <string>
#include <vector>

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

// The bare loop: recv into 64 KiB, SHA-256, pwrite into a file in `directory`; fsync, rename.
// Aborts if the digest differs. Removes the file, outside of what is measured.
TransferCost MeasureBareTransfer(int source, int64_t size_bytes, const Digest& digest,
                                 const std::string& directory);

// REQUIRES: not empty.
double Median(std::vector<double> values);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_TESTING_TRANSFER_BENCHMARK_H_
