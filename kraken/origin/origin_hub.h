#ifndef KRAKEN_ORIGIN_ORIGIN_HUB_H_
#define KRAKEN_ORIGIN_ORIGIN_HUB_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "kraken/base/worker_pool.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/daemon/blob_fetcher.h"
#include "kraken/daemon/epoch_fence.h"
#include "kraken/net/event_loop.h"
#include "kraken/origin/kraken_sums.h"
#include "kraken/origin/origin_blob.h"
#include "kraken/peer_wire/swarm_node.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/origin_client.h"
#include "kraken/rpc/origin_service.h"
#include "kraken/storage/blob_store.h"
#include "kraken/swarm/piece_list_signature.h"

namespace kraken::origin {

struct OriginStats {
  uint64_t backend_fetches = 0;
  uint64_t backend_bytes = 0;
  uint64_t backend_failures = 0;
  uint64_t replications = 0;
  uint64_t revocations = 0;
  uint64_t evicted_manifests = 0;
  uint64_t stale_writes = 0;  // refused
  size_t active = 0;
  size_t watchers = 0;
  size_t healthy_origins = 0;
};

// An origin's core: has blobs when somebody asks for them, and tells what they are.
//
// A digest belongs to the origins that the ring names, the first of them its source: that one reads
// the backend, the others copy from it through the swarm, piece by piece while it still arrives. If
// the source dies, the next one goes on from the bytes that it has. So a backend gives each byte
// out once, and once more at most for what was unfinished. Belongs to the control loop.
//
// Its methods are in four files: origin_hub.cc (the blobs, the store), origin_hub_sources.cc (how
// a blob comes here), origin_hub_requests.cc (those who ask), origin_hub_kraken.cc (what Kraken's
// version 1 is told).
class OriginHub final : public rpc::OriginHandler {
 public:
  struct Parts {
    net::EventLoop* loop = nullptr;
    cluster::ClusterMonitor* cluster = nullptr;
    rpc::OriginClient* origins = nullptr;
    peer_wire::SwarmNode* node = nullptr;
    storage::BlobStore* store = nullptr;
    daemon::BlobFetcher* fetcher = nullptr;
    WorkerPool* disk = nullptr;
    // Which bridges' orders are taken.
    daemon::EpochFence* fence = nullptr;
    // Null: there are no processes of Kraken's version 1 (`compat.kraken`).
    KrakenSums* sums = nullptr;
    // Null: TLS is off, and lists are not signed.
    std::shared_ptr<const swarm::PieceListSigner> signer;
    // Our label in the ring.
    std::string self;
    std::string zone;
  };

  // Everything in `parts` outlives it.
  explicit OriginHub(Parts parts);
  ~OriginHub() override;

  void OnWatchMetainfo(rpc::v1::WatchMetainfoRequest request,
                       std::shared_ptr<rpc::MetainfoOutlet> outlet) override;
  void OnPrefetch(rpc::v1::PrefetchRequest request,
                  std::shared_ptr<rpc::ProgressOutlet> outlet) override;
  void OnStat(rpc::v1::StatRequest request,
              std::function<void(absl::StatusOr<rpc::v1::StatReply>)> reply) override;
  void OnEvictManifest(
      rpc::v1::EvictManifestRequest request,
      std::function<void(absl::StatusOr<rpc::v1::EvictManifestReply>)> reply) override;
  void OnMetainfoStreamClosed(const std::shared_ptr<rpc::MetainfoOutlet>& outlet) override;
  void OnProgressStreamClosed(const std::shared_ptr<rpc::ProgressOutlet>& outlet) override;

  // Begins to bring the blob here, for whoever asks again (Kraken's 202).
  void Warm(const Digest& digest, const std::string& ns);

  // What Kraken's version 1 knows of the blob. Null, and the blob is on its way here, if it is not
  // complete in the store. NOT_FOUND: nor does the backend have it. Errors as KrakenSums::Get.
  // REQUIRES: Parts::sums.
  void GetKraken(const Digest& digest, const std::string& ns, KrakenSums::Done done);

  // The signer has another certificate than before: who watches a complete blob is told its list
  // again, signed anew, for those whom it tells of it later.
  void OnSignerChanged();

  // Ends all streams with UNAVAILABLE and gives up what is under way; what came stays.
  void Stop();

  OriginStats stats() const;

  // The blobs that are asked about, for a person who wonders what the origin is doing: a JSON list
  // of {digest, namespace, state, source, bytes_done, bytes_total, watchers, prefetches,
  // replicas_pending}.
  std::string DescribeJson() const;

 private:
  OriginBlob& Ensure(const Digest& digest, const std::string& ns);
  OriginBlob* Find(const Digest& digest);
  void DropIfUnused(const Digest& digest);

  // The store.
  void LookUp(const Digest& digest);
  void OnComplete(const Digest& digest, absl::StatusOr<rpc::v1::Metainfo> metainfo);
  void LoadMetainfo(const Digest& digest);
  absl::StatusOr<rpc::v1::Metainfo> ReadMetainfo(const Digest& digest) const;
  void SignAgain(std::vector<Digest> digests);
  void OnSignedAgain(const Digest& digest, uint64_t signer,
                     const absl::StatusOr<rpc::v1::Metainfo>& metainfo);
  void TellKraken(const Digest& digest);
  void OnKraken(OriginBlob& blob, const swarm::KrakenMetainfo& metainfo);
  void UseInfoHash(const Digest& digest);

  // Other origins.
  void NextSource(OriginBlob& blob);
  void ListSources(OriginBlob& blob) const;
  bool IsHere(const Digest& digest);
  void OnSourceNews(OriginBlob& blob, rpc::v1::MetainfoNews news);
  void OnSourceClosed(const Digest& digest, const absl::Status& status);
  void Leech(OriginBlob& blob, const rpc::v1::PieceRange& first);

  // The backend.
  void FetchFromBackend(OriginBlob& blob);
  void OnFetchBegin(OriginBlob& blob, std::shared_ptr<storage::PartialBlob> partial,
                    std::vector<Sha256State> states);
  void OnFetchDone(OriginBlob& blob, const absl::Status& status);
  void PublishSoon(OriginBlob& blob);
  void Publish(OriginBlob& blob);

  // Those who asked.
  void Prefetch(const rpc::v1::PrefetchRequest& request,
                const std::shared_ptr<rpc::ProgressOutlet>& outlet);
  void EvictManifest(const Digest& digest,
                     std::function<void(absl::StatusOr<rpc::v1::EvictManifestReply>)> reply);
  // Calls `done` with whether the bridge that writes so may; not after this object's end.
  void Admit(const rpc::v1::WriteEpoch& epoch, std::function<void(const absl::Status&)> done);
  void Tell(OriginBlob& blob, const rpc::v1::Metainfo& news);
  void TellAll(OriginBlob& blob, rpc::v1::MetainfoNews message);
  void Revoke(OriginBlob& blob, const absl::Status& reason);
  void Fail(const Digest& digest, const absl::Status& status);
  void EvictFound(const Digest& digest, std::string manifest,
                  std::function<void(absl::StatusOr<rpc::v1::EvictManifestReply>)> reply);
  void AskReplicas(OriginBlob& blob, const rpc::v1::WriteEpoch& epoch,
                   const std::shared_ptr<rpc::ProgressOutlet>& outlet);
  void OnReplicaDone(const Digest& digest, const std::shared_ptr<rpc::ProgressOutlet>& outlet,
                     const std::string& host, const absl::Status& status);
  void FinishPrefetches(OriginBlob& blob);
  void ReportProgress(const Digest& digest);

  rpc::v1::Peer Self(bool complete) const;
  absl::StatusOr<rpc::v1::PieceRange> SignedRange(const Digest& digest, ByteCount size,
                                                  ByteCount piece_length, PieceIndex first,
                                                  std::vector<Sha256State> states) const;

  const Parts parts_;
  rpc::ZoneTable zones_;
  absl::flat_hash_map<Digest, std::unique_ptr<OriginBlob>> blobs_;
  uint64_t next_blob_ = 1;
  OriginStats stats_;
  bool stopping_ = false;
  // Of what is signed with another, a newer signature is under way.
  uint64_t signer_generation_ = 0;
  std::shared_ptr<OriginHub*> alive_;
};

}  // namespace kraken::origin

#endif  // KRAKEN_ORIGIN_ORIGIN_HUB_H_
