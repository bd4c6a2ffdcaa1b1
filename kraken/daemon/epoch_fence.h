#ifndef KRAKEN_DAEMON_EPOCH_FENCE_H_
#define KRAKEN_DAEMON_EPOCH_FENCE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/common.pb.h"
#include "kraken/storage/file_system.h"

namespace kraken::daemon {

// Keeps bridges from writing that hold their lease no more: remembers the highest epoch of each
// lease that a write has come with, and refuses lower ones. A write with a new epoch is admitted
// once that epoch is durable, so that a restart makes no old one welcome again.
//
// Before any epoch was seen, writes without one are admitted: there is one bridge, without a lease.
// After that they are refused, until an operator deletes the file (the error names it).
//
// Belongs to its loop's thread.
class EpochFence {
 public:
  // In each directory; docs/formats.md has its format.
  static constexpr char kFileName[] = "write-epochs.json";
  // Bridges of other clusters may write here too, under leases of their own.
  static constexpr size_t kMaxLeases = 64;

  using Done = std::function<void(const absl::Status&)>;

  // Reads what was seen. Of several directories (an origin's volumes) each gets a copy, and the
  // highest epoch of all counts; a new one has to be on one disk at least. FAILED_PRECONDITION if a
  // file is none of ours; else why no directory can be read. Blocks. `loop`, `disk` and `files`
  // outlive it. REQUIRES: a directory.
  static absl::StatusOr<std::unique_ptr<EpochFence>> Open(
      net::EventLoop* loop, WorkerPool* disk, std::vector<std::string> directories,
      storage::FileSystem& files = storage::PosixFileSystem());
  ~EpochFence();
  EpochFence(const EpochFence&) = delete;
  EpochFence& operator=(const EpochFence&) = delete;

  // `done` is called in the loop, perhaps within this call: OK, and the write may be done; or
  // FAILED_PRECONDITION, as rpc::StaleEpochError(); INVALID_ARGUMENT; RESOURCE_EXHAUSTED: too many
  // leases; or why the epoch can't be written down.
  void Admit(const rpc::v1::WriteEpoch& epoch, Done done);

 private:
  // By the lease's name.
  using Epochs = std::map<std::string, uint64_t>;
  struct Waiting {
    std::string lease;
    uint64_t epoch = 0;
    Done done;
  };

  EpochFence(net::EventLoop* loop, WorkerPool* disk, std::vector<std::string> directories,
             storage::FileSystem& files, Epochs epochs);

  absl::Status Check(const rpc::v1::WriteEpoch& epoch) const;
  void WriteDown();
  void OnWritten(const Epochs& written, const absl::Status& status);

  net::EventLoop* const loop_;
  WorkerPool* const disk_;
  const std::vector<std::string> directories_;
  storage::FileSystem& files_;
  // What was seen, and what of it is on the disk.
  Epochs seen_;
  Epochs durable_;
  // Until what they came with is durable.
  std::vector<Waiting> waiting_;
  bool writing_ = false;
  std::shared_ptr<EpochFence*> alive_;
};

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_EPOCH_FENCE_H_
