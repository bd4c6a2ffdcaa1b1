#ifndef KRAKEN_DAEMON_METAINFO_RELAY_H_
#define KRAKEN_DAEMON_METAINFO_RELAY_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/cluster/cluster_monitor.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/origin_client.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/kraken_metainfo.h"

namespace kraken::daemon {

// What the relay tells its owner about a blob, all in the loop.
class RelayObserver {
 public:
  virtual ~RelayObserver() = default;
  // An origin has answered, and may have nothing to tell yet: it looks for the blob itself.
  virtual void OnAnswered(const Digest& /*digest*/) {}
  // More is known than before: `news` is only what is new.
  virtual void OnMetainfo(const Digest& digest, const rpc::v1::Metainfo& news) = 0;
  // An origin that serves the blob was found, or is (no longer) there.
  virtual void OnOrigin(const Digest& digest, const rpc::v1::Peer& origin,
                        uint64_t piece_length_bytes, bool complete) = 0;
  virtual void OnOriginGone(const Digest& digest, const rpc::v1::Peer& origin,
                            uint64_t piece_length_bytes) = 0;
  virtual void OnRevoked(const Digest& digest, const absl::Status& reason) = 0;
  // No origin can say anything about it; the relay has forgotten the blob.
  virtual void OnUnavailable(const Digest& digest, const absl::Status& reason) = 0;
};

struct MetainfoRelayOptions {
  // How long a blob is kept after the last Want(), unless StopWanting() ends it.
  absl::Duration ttl = absl::Minutes(5);
  // Origins that could not be watched are tried again after this, by Sweep().
  absl::Duration retry = absl::Seconds(1);
  // Origins that serve a blob are reported this often.
  absl::Duration renew = absl::Seconds(5);
};

// Watches, at the origins that the ring names, the blobs that somebody asks for (a tracker's peers,
// an agent's clients), and keeps what was learnt for the next who asks. Believes nothing and signs
// nothing: who uses it checks the signatures.
// Belongs to its loop's thread.
class MetainfoRelay {
 public:
  // All outlive it.
  MetainfoRelay(net::EventLoop* loop, rpc::OriginClient* origins, cluster::ClusterMonitor* cluster,
                const MetainfoRelayOptions& options, RelayObserver* observer);
  ~MetainfoRelay();

  // Somebody uses the blob now. Begins to watch it if nobody does. Who does not know its namespace
  // (`ns` empty) hears of it only from origins that have it already.
  void Want(const Digest& digest, const std::string& ns);

  // Nobody uses the blob any more: ends its watches and forgets it. The observer hears nothing.
  void StopWanting(const Digest& digest);

  // All that is known now; null if nothing is.
  const rpc::v1::Metainfo* Known(const Digest& digest) const;

  // What Kraken's version 1 knows of the blob; null if no origin has told yet. (Known() has only
  // the info hash.)
  std::shared_ptr<const swarm::KrakenMetainfo> FindKraken(const Digest& digest) const;
  // Our own name for the swarm of `metainfo`, which FindKraken() has returned.
  swarm::TorrentKey KeyOf(const swarm::KrakenMetainfo& metainfo) const;

  // Origins that serve the blob are reported to the observer again (to renew their leases), and
  // what nobody has wanted for the `ttl` is forgotten. Call about every few seconds.
  void Sweep();

  size_t blob_count() const { return blobs_.size(); }

 private:
  struct Watch;
  struct Blob;

  void Open(const Digest& digest, Blob& blob, const std::string& host);
  void OpenMissing(const Digest& digest, Blob& blob);
  void OnNews(const Digest& digest, const std::string& host, rpc::v1::MetainfoNews news);
  void OnClosed(const Digest& digest, const std::string& host, const absl::Status& status);
  void Rewatch(const Digest& digest, Blob& blob, const std::string& ns);
  void AbsorbKraken(const Digest& digest, Blob& blob, const rpc::v1::Metainfo& metainfo,
                    rpc::v1::Metainfo& fresh);
  void Absorb(const Digest& digest, Blob& blob, const rpc::v1::Metainfo& metainfo);
  static void Renew(const rpc::v1::PieceRange& range, Blob& blob);
  void ReportOrigin(const Digest& digest, const Blob& blob, const Watch& watch);
  void Forget(const Digest& digest, const absl::Status* unavailable);

  net::EventLoop* const loop_;
  rpc::OriginClient* const origins_;
  cluster::ClusterMonitor* const cluster_;
  const MetainfoRelayOptions options_;
  RelayObserver* const observer_;
  absl::flat_hash_map<Digest, std::unique_ptr<Blob>> blobs_;
  uint64_t next_watch_ = 1;
  std::shared_ptr<MetainfoRelay*> alive_;
};

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_METAINFO_RELAY_H_
