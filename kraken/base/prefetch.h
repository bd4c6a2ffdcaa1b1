#ifndef KRAKEN_BASE_PREFETCH_H_
#define KRAKEN_BASE_PREFETCH_H_

namespace kraken {

// Tells the processor that the cache line at `address` will be read soon. Changes nothing else; any
// address will do.
inline void Prefetch(const void* address) { __builtin_prefetch(address); }

}  // namespace kraken

#endif  // KRAKEN_BASE_PREFETCH_H_
