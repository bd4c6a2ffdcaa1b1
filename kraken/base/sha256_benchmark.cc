// Sha256 against BoringSSL's own SHA256_Update: the difference is what our buffering costs.

#include <cstdint>
#include <vector>

#include "benchmark/benchmark.h"
#include "kraken/base/sha256.h"
#include "openssl/sha.h"

namespace kraken {
namespace {

void BM_Sha256(benchmark::State& state) {
  const std::vector<uint8_t> bytes(state.range(0), 0x5a);
  Sha256 hash;
  for (auto _ : state) {
    hash.Update(bytes);
    benchmark::DoNotOptimize(hash);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_Sha256)->Arg(100)->Arg(4096)->Arg(64 << 10)->Arg(1 << 20);

void BM_BoringSslUpdate(benchmark::State& state) {
  const std::vector<uint8_t> bytes(state.range(0), 0x5a);
  SHA256_CTX context;
  SHA256_Init(&context);
  for (auto _ : state) {
    SHA256_Update(&context, bytes.data(), bytes.size());
    benchmark::DoNotOptimize(context);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_BoringSslUpdate)->Arg(100)->Arg(4096)->Arg(64 << 10)->Arg(1 << 20);

}  // namespace
}  // namespace kraken
