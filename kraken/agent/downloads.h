#ifndef KRAKEN_AGENT_DOWNLOADS_H_
#define KRAKEN_AGENT_DOWNLOADS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kraken/agent/agent_config.h"
#include "kraken/agent/tracker_pool.h"
#include "kraken/base/backoff.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/random.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/event_loop.h"
#include "kraken/peer_wire/swarm_node.h"
#include "kraken/storage/blob_store.h"

namespace kraken::agent {

struct DownloadStats {
  uint64_t started = 0;
  uint64_t completed = 0;
  uint64_t failed = 0;
  size_t active = 0;
};

// Brings blobs to this host: asks a tracker for a blob's metainfo, then has the swarm fetch it, or
// takes it whole if it is small. Many who want the same blob share one download. Belongs to the
// control loop.
class Downloads {
 public:
  // OK: the blob can be read now, from the store or by SwarmNode::OpenReader. NOT_FOUND: nobody has
  // it. UNAVAILABLE, DEADLINE_EXCEEDED: nobody could be asked in time. DATA_LOSS: what a tracker
  // told of it can't be true.
  using Ready = absl::AnyInvocable<void(absl::Status)>;

  // All outlive it.
  Downloads(net::EventLoop* loop, TrackerPool* trackers, peer_wire::SwarmNode* node,
            storage::BlobStore* store, WorkerPool* disk, const DownloadConfig& config);
  ~Downloads();

  // `ready` is called later, in the loop.
  void Want(const Namespace& ns, const Digest& digest, Ready ready);

  // What a tracker said.
  void OnNews(const Digest& digest, const rpc::v1::TorrentNews& news);

  // Removes the blob and stops its download. `done`: as BlobStore::Delete.
  void Remove(const Digest& digest, Ready done);

  DownloadStats stats() const;

 private:
  struct Download;

  void OnStoreAnswer(const Digest& digest, bool complete);
  // `waited`: since the download began.
  void AwaitNews(Download& download, absl::Duration waited);
  void OnNoNews(const Digest& digest, absl::Duration waited);
  void OnMetainfo(Download& download, const rpc::v1::Metainfo& metainfo);
  void OnInline(Download& download, const std::string& bytes);
  absl::Status BeginLeech(Download& download, const swarm::SignedPieceRange& first);
  void AddRange(swarm::SignedPieceRange range);
  void OnPeers(const Digest& digest, const rpc::v1::TorrentNews& news);
  void OnFailure(Download& download, const absl::Status& failure);
  void OnDone(const Digest& digest, const absl::Status& status);
  void Answer(Download& download, const absl::Status& status);
  Download* Find(const Digest& digest);

  net::EventLoop* const loop_;
  TrackerPool* const trackers_;
  peer_wire::SwarmNode* const node_;
  storage::BlobStore* const store_;
  WorkerPool* const disk_;
  const DownloadConfig config_;
  SystemBitGen random_;
  absl::flat_hash_map<Digest, std::unique_ptr<Download>> downloads_;
  DownloadStats stats_;
  std::shared_ptr<Downloads*> alive_;
};

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_DOWNLOADS_H_
