#ifndef KRAKEN_BASE_PEAK_MEMORY_H_
#define KRAKEN_BASE_PEAK_MEMORY_H_

#include <cstdint>

namespace kraken {

// The most resident memory that this process has ever had, in bytes, as the kernel counts it; 0,
// and a failure of the test, where it does not say. For tests.
uint64_t PeakMemory();

}  // namespace kraken

#endif  // KRAKEN_BASE_PEAK_MEMORY_H_
