// Fills a store with blobs that nobody else has, for measurements of whole processes, and prints
// their digests, one a line.
//
//   fill_store --root=DIRECTORY [--count=1] [--size=1MB] [--seed=1]

#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "kraken/base/byte_size.h"
#include "kraken/base/worker_pool.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/testing/generated_blob.h"

namespace kraken::storage {
namespace {

struct Flags {
  std::string root;
  int count = 1;
  int64_t size = 1 << 20;
  uint64_t seed = 1;
};

bool Parse(absl::string_view argument, Flags& flags) {
  if (absl::ConsumePrefix(&argument, "--root=")) {
    flags.root = std::string(argument);
    return !flags.root.empty();
  }
  if (absl::ConsumePrefix(&argument, "--size=")) {
    const auto size = ParseByteSize(argument);
    flags.size = size.value_or(0);
    return flags.size > 0;
  }
  if (absl::ConsumePrefix(&argument, "--count=")) return absl::SimpleAtoi(argument, &flags.count);
  return absl::ConsumePrefix(&argument, "--seed=") && absl::SimpleAtoi(argument, &flags.seed);
}

int Fill(const Flags& flags) {
  WorkerPool pool(1, 100);
  auto store = BlobStore::Open({.root = flags.root}, pool);
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.status().ToString().c_str());
    return 1;
  }
  for (int i = 0; i < flags.count; ++i) {
    const GeneratedBlob blob(ByteCount(flags.size), flags.seed + static_cast<uint64_t>(i));
    StoreBlob(**store, blob);
    std::printf("%s\n", blob.digest().ToString().c_str());
  }
  store->reset();
  pool.WaitIdle();
  return 0;
}

}  // namespace
}  // namespace kraken::storage

int main(int argc, char** argv) {
  kraken::storage::Flags flags;
  bool good = true;
  for (int i = 1; i < argc; ++i) good = good && kraken::storage::Parse(argv[i], flags);
  if (!good || flags.root.empty()) {
    std::fprintf(stderr, "usage: %s --root=DIRECTORY [--count=1] [--size=1MB] [--seed=1]\n",
                 argv[0]);
    return 2;
  }
  return kraken::storage::Fill(flags);
}
