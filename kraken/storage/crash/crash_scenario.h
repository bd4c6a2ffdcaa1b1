#ifndef KRAKEN_STORAGE_CRASH_CRASH_SCENARIO_H_
#define KRAKEN_STORAGE_CRASH_CRASH_SCENARIO_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "kraken/base/digest.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::storage {

// What crash tests let a store do, which is everything it does, once or more, and what they hold
// it to afterwards.
//
// A store's promises are told as letters, in the order in which they are made:
//   D  `doomed` is stored and kept             -  that no longer holds
//   m  the manifest is stored and kept         p  `pieces` is stored and kept
//   a  `abandoned` is forgotten                u  `unknown_size` is stored and kept
//   s  `sequential` is stored and kept         d  `doomed` is deleted
struct CrashScenario {
  static constexpr int64_t kPieceLength = 64 << 10;
  static constexpr std::string_view kManifest = R"({"schemaVersion": 2})";

  TestBlob victim{kPieceLength + 1, kPieceLength, 1};
  TestBlob doomed{2 * kPieceLength, kPieceLength, 2};
  TestBlob pieces{2 * kPieceLength + 5, kPieceLength, 3};
  TestBlob abandoned{2 * kPieceLength, kPieceLength, 4};
  TestBlob unknown_size{kPieceLength + 9, kPieceLength, 5};
  TestBlob sequential{2 * kPieceLength, kPieceLength, 6};
  Digest manifest;

  CrashScenario();

  // A quota under which the last blob has no room unless the first is evicted.
  ByteCount Quota() const;

  // One life of a process, from opening the store to closing it. A step that fails is tried
  // `tries` times. Returns the first error of a step whose last try failed.
  absl::Status Live(const BlobStoreOptions& options, int tries,
                    const std::function<void(char)>& promise) const;

  // Complete and right, or resumable, or gone; the books agree with the directories; what was
  // promised holds; and a life that follows brings everything about.
  void ExpectSound(BlobStoreOptions options, const std::string& promises) const;
};

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_CRASH_CRASH_SCENARIO_H_
