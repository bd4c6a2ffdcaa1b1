#ifndef KRAKEN_AGENT_DOWNLOADS_H_
#define KRAKEN_AGENT_DOWNLOADS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/agent/agent_config.h"
#include "kraken/agent/origin_pool.h"
#include "kraken/agent/tracker_pool.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/random.h"
#include "kraken/base/worker_pool.h"
#include "kraken/daemon/blob_fetcher.h"
#include "kraken/net/event_loop.h"
#include "kraken/peer_wire/swarm_node.h"
#include "kraken/storage/blob_store.h"
#include "kraken/swarm/metainfo.h"

namespace kraken::agent {

// Who tells an agent what a blob is.
enum class BlobSource : size_t { kTracker, kOrigin, kBackend };
inline constexpr size_t kBlobSources = 3;
// As in metrics and logs: "tracker".
absl::string_view NameOf(BlobSource source);

struct DownloadStats {
  uint64_t started = 0;
  uint64_t completed = 0;
  uint64_t failed = 0;
  size_t active = 0;
  // Blobs by who told first what they are.
  std::array<uint64_t, kBlobSources> found{};
  // Times that somebody else than a tracker was asked for a blob.
  std::array<uint64_t, kBlobSources> asked{};
  uint64_t backend_bytes = 0;
};

// Brings blobs to this host: asks a tracker for a blob's metainfo, then has the swarm fetch it, or
// takes it whole if it is small. When the tracker does not help in time, it asks the origins
// themselves; when they do not either, or the swarm brings nothing, it reads the backend. Whoever
// tells first what the blob is, decides; peers add up; what is verified is fetched from nobody
// again. Many who want the same blob share one download. Belongs to the control loop.
//
// Its methods are in three files: downloads.cc (the blobs, whom to ask), downloads_news.cc (what
// trackers and origins tell), downloads_backend.cc (the backend).
class Downloads {
 public:
  // OK: the blob can be read now, from the store or by SwarmNode::OpenReader. NOT_FOUND: nobody has
  // it. UNAVAILABLE, DEADLINE_EXCEEDED: nobody could be asked in time; the message says who was,
  // and why each did not help. DATA_LOSS: what was told of it can't be true.
  using Ready = absl::AnyInvocable<void(absl::Status)>;

  // All outlive it.
  struct Parts {
    net::EventLoop* loop = nullptr;
    TrackerPool* trackers = nullptr;
    // Null: origins are only peers.
    OriginPool* origins = nullptr;
    // Null: backends are the origins' part.
    daemon::BlobFetcher* backends = nullptr;
    peer_wire::SwarmNode* node = nullptr;
    storage::BlobStore* store = nullptr;
    WorkerPool* disk = nullptr;
  };
  Downloads(const Parts& parts, const DownloadConfig& config);
  ~Downloads();

  // For a client that waits. `ready` is called later, in the loop.
  void Want(const Namespace& ns, const Digest& digest, Ready ready);
  // For whoever may come for it. No backend is read for that.
  void WantAhead(const Namespace& ns, const Digest& digest);
  // The same. `done` is called later, in the loop: OK when all of the blob is in the store, durable
  // and verified; errors as those of Ready.
  void FetchAhead(const Namespace& ns, const Digest& digest, Ready done);

  // What a tracker or an origin said.
  void OnNews(BlobSource source, const Digest& digest, const rpc::v1::TorrentNews& news);
  // An origin was asked, and works on it.
  void OnOriginAnswer(const Digest& digest);

  // Removes the blob and stops its download; who waits for it is told `reason`. `done`: as
  // BlobStore::Delete.
  void Remove(const Digest& digest, const absl::Status& reason, Ready done);

  DownloadStats stats() const;

 private:
  struct Download;

  Download& Ensure(const Namespace& ns, const Digest& digest);
  Download* Find(const Digest& digest);
  void OnStoreAnswer(const Digest& digest, bool complete);
  // Calls `method` of the download's, if there still is one, after `delay`.
  void Schedule(Download& download, size_t timer, absl::Duration delay,
                void (Downloads::*method)(Download&));
  void Answer(Download& download, const absl::Status& status);
  void OnDone(const Digest& digest, const absl::Status& status);

  // Whom to ask.
  void AskTrackers(Download& download);
  void AskOrigins(Download& download);
  void AskOriginsAgain(Download& download);
  void OnSilence(Download& download);
  void ReadBackendIfDue(Download& download);
  void OnStalled(const Digest& digest);
  void OnFound(Download& download, BlobSource source);
  void GiveUpIfHopeless(Download& download);
  void OnDeadline(Download& download);
  // Each way to the blob, and why it did not help.
  std::string Describe(const Download& download, absl::Duration waited) const;
  bool OriginsHaveFailed(const Download& download) const;
  bool BackendHasFailed(const Download& download) const;

  // What they tell.
  void OnMetainfo(BlobSource source, Download& download, const rpc::v1::Metainfo& metainfo);
  void OnInline(Download& download, const std::string& bytes);
  absl::Status BeginLeech(Download& download, const swarm::SignedPieceRange& first);
  void AddRange(swarm::SignedPieceRange range);
  void OnPeers(const Digest& digest, const rpc::v1::TorrentNews& news);
  void OnTrackerFailure(Download& download, const absl::Status& failure);
  void OnOriginFailure(Download& download, const absl::Status& failure);

  // The backend.
  void ReadBackend(Download& download);
  void OnBackendBegin(Download& download, std::shared_ptr<storage::PartialBlob> partial);
  void OnBackendDone(Download& download, const absl::Status& status);

  const Parts parts_;
  const DownloadConfig config_;
  SystemBitGen random_;
  absl::flat_hash_map<Digest, std::unique_ptr<Download>> downloads_;
  uint64_t next_download_ = 1;
  DownloadStats stats_;
  std::shared_ptr<Downloads*> alive_;
};

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_DOWNLOADS_H_
