#ifndef KRAKEN_STORAGE_STORE_FIXTURE_H_
#define KRAKEN_STORAGE_STORE_FIXTURE_H_

#include <memory>
#include <string>

#include "kraken/base/manual_clock.h"
#include "kraken/base/test_util.h"
#include "kraken/base/worker_pool.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/piece_writer.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::storage {

// For tests: a store in a directory of its own, which can be closed and opened again, also "after a
// reboot".
class StoreFixture : public testing::Test {
 protected:
  StoreFixture();
  ~StoreFixture() override;

  // REQUIRES: closed.
  void Open();
  void Close();
  void Reopen() {
    Close();
    Open();
  }
  // From the next Open on the machine has been started anew.
  void Reboot();

  std::string PathOf(const Digest& digest, std::string_view file) const;
  std::string PartialPathOf(const Digest& digest, std::string_view file) const;

  // Begins `blob` with all states known.
  std::shared_ptr<PartialBlob> Begin(const TestBlob& blob);
  // Writes and verifies one piece.
  void Deliver(PartialBlob& partial, const TestBlob& blob, int piece);
  // Stores the whole blob.
  void Store(const TestBlob& blob);
  void ExpectStored(const TestBlob& blob);

  WorkerPool pool_{2, 1000};
  ManualClock clock_;
  BlobStoreOptions options_;
  std::unique_ptr<BlobStore> store_;

 private:
  int boots_ = 0;
};

// The whole of a blob.
std::vector<uint8_t> ReadAll(const Blob& blob);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_STORE_FIXTURE_H_
