#ifndef KRAKEN_TRACKER_KRAKEN_HUB_H_
#define KRAKEN_TRACKER_KRAKEN_HUB_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/net/cidr_set.h"
#include "kraken/net/event_loop.h"
#include "kraken/swarm/ids.h"
#include "kraken/swarm/kraken_metainfo.h"
#include "kraken/swarm/peer_info.h"
#include "kraken/tracker/announce_hub.h"
#include "kraken/tracker/kraken_announce.h"

namespace kraken::tracker {

struct KrakenHubOptions {
  // A request for what is not known yet waits so long for the news, as who asks again loses a
  // second (Kraken's processes give up after ten).
  absl::Duration patience = absl::Seconds(4);
  // Requests that wait. More are answered at once.
  size_t max_waiting = 10'000;
  // Peers of version 1 announce the torrents that they lack in turn, one every few seconds; and one
  // that they have once, to serve it for hours. So long they are handed out afterwards.
  absl::Duration leecher_lease = absl::Minutes(2);
  absl::Duration seeder_lease = absl::Hours(1);
  // How often they are announced on their behalf meanwhile; less than the hub's leases.
  absl::Duration renewal = absl::Seconds(5);
  // One peer in one swarm each. More are refused.
  size_t max_entries = 100'000;
  // When peers are told to come again, as Kraken's trackers say it.
  absl::Duration interval = absl::Seconds(3);
};

// The tracker for peers of Kraken's version 1, which ask over HTTP and again and again: they share
// swarms with our own. A swarm of theirs is named by an info hash, which is known, as its metainfo
// is, once an origin has told of the blob's sums (MetainfoRelay). Belongs to its loop's thread.
class KrakenHub final : private KrakenNewsObserver {
 public:
  using MetainfoPtr = std::shared_ptr<const swarm::KrakenMetainfo>;
  // Null: an origin is fetching the blob; ask again. NOT_FOUND: it is nowhere. UNAVAILABLE: no
  // origin can be asked.
  using MetainfoDone = std::function<void(const absl::StatusOr<MetainfoPtr>&)>;
  // The peers to connect to; none for who is complete. INVALID_ARGUMENT: the peer announces what
  // the origins know otherwise. PERMISSION_DENIED: it is not who it says, or not where it may be.
  // UNAVAILABLE: what the torrent is, is not known yet. RESOURCE_EXHAUSTED: too many.
  using AnnounceDone = std::function<void(const absl::StatusOr<std::vector<swarm::PeerInfo>>&)>;

  // `allowed`: where peers of version 1 may be. Loop and hub outlive it.
  KrakenHub(net::EventLoop* loop, AnnounceHub* hub, net::CidrSet allowed,
            KrakenHubOptions options = {});
  ~KrakenHub() override;

  // Both call back in the loop, perhaps inside the call.
  void GetMetainfo(const Digest& digest, const std::string& ns, MetainfoDone done);
  void Announce(const KrakenAnnounce& announce, AnnounceDone done);

  absl::Duration interval() const { return options_.interval; }
  // Peers of version 1, once for each of their swarms.
  size_t entry_count() const { return entry_count_; }

 private:
  using EntryKey = std::pair<swarm::TorrentKey, PeerId>;
  struct Entry {
    swarm::PeerInfo peer;
    MonotonicTime expires;
  };
  // Renewed one after the other, so that the loop is never busy with it for long.
  static constexpr size_t kSlices = 10;
  using Slice = absl::flat_hash_map<EntryKey, Entry>;
  // Told once: OK when the blob's metainfo is known.
  using Waiter = std::function<void(const absl::Status&)>;
  struct Waiting {
    uint64_t id = 0;
    Waiter waiter;
    net::TimerId timer = net::TimerId::kNone;
  };

  void AskForMetainfo(const Digest& digest, const std::string& ns, MonotonicTime deadline,
                      MetainfoDone done);
  void Wait(const Digest& digest, Waiter waiter);
  void Tell(const Digest& digest, const absl::Status& status);
  absl::StatusOr<std::vector<swarm::PeerInfo>> Join(const KrakenAnnounce& announce);
  // Null: no more are taken.
  Entry* FindOrAdd(const EntryKey& key);
  void Renew();

  // KrakenNewsObserver:
  void OnKrakenNews(const Digest& digest, const absl::Status& status) override;

  net::EventLoop* const loop_;
  AnnounceHub* const hub_;
  const net::CidrSet allowed_;
  const KrakenHubOptions options_;
  std::array<Slice, kSlices> slices_;
  size_t entry_count_ = 0;
  size_t next_slice_ = 0;
  absl::flat_hash_map<Digest, std::vector<Waiting>> waiting_;
  size_t waiting_count_ = 0;
  uint64_t next_waiting_ = 1;
  net::TimerId renewal_timer_ = net::TimerId::kNone;
  std::shared_ptr<KrakenHub*> alive_;
};

}  // namespace kraken::tracker

#endif  // KRAKEN_TRACKER_KRAKEN_HUB_H_
