#include "kraken/tracker/announce_load.h"

#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"

namespace kraken::tracker {
namespace {

using rpc::v1::AnnounceEvent;
using rpc::v1::AnnounceRecord;
using rpc::v1::AnnounceRequest;

constexpr uint64_t kPieceLength = 4 << 20;
constexpr uint32_t kPieces = 700;
constexpr int kWant = 20;
constexpr uint32_t kZones = 4;
constexpr uint32_t kPort = 16001;
constexpr size_t kDigestBytes = 32;
constexpr size_t kPeerIdBytes = 20;

// The bytes of `number`, spread over the string, so that no hash of a part of it is constant.
std::string Spread(uint64_t number, size_t size) {
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;
  std::string bytes;
  uint64_t state = number + 1;
  while (bytes.size() < size) {
    state = (state ^ (state >> 31)) * kOdd;
    bytes.push_back(static_cast<char>(state >> 56));
  }
  return bytes;
}

AnnounceRecord Record(int torrent, AnnounceEvent event, int want) {
  AnnounceRecord record;
  record.set_digest(Spread(static_cast<uint64_t>(torrent), kDigestBytes));
  record.set_piece_length_bytes(kPieceLength);
  record.set_event(event);
  record.set_have_pieces(event == rpc::v1::ANNOUNCE_EVENT_COMPLETE ? kPieces : 1);
  record.set_piece_count(kPieces);
  record.set_want_peers(want);
  return record;
}

AnnounceRecord JoinOf(int torrent) {
  return Record(torrent,
                torrent % 2 == 0 ? rpc::v1::ANNOUNCE_EVENT_COMPLETE : rpc::v1::ANNOUNCE_EVENT_JOIN,
                0);
}

AnnounceRecord RenewalOf(int torrent) {
  constexpr int kWanting = 5;
  constexpr int kComplete = 3;
  constexpr int kLeaving = 2;
  int place = torrent % AnnounceLoad::kRecordsPerMessage;
  if (place < kWanting) return Record(torrent, rpc::v1::ANNOUNCE_EVENT_PROGRESS, kWant);
  place -= kWanting;
  if (place < kComplete) return Record(torrent, rpc::v1::ANNOUNCE_EVENT_COMPLETE, 0);
  place -= kComplete;
  if (place < kLeaving) return Record(torrent, rpc::v1::ANNOUNCE_EVENT_LEAVE, 0);
  place -= kLeaving;
  // Those that have just left.
  if (place < kLeaving) return Record(torrent - kLeaving, rpc::v1::ANNOUNCE_EVENT_JOIN, kWant);
  return Record(torrent, rpc::v1::ANNOUNCE_EVENT_PROGRESS, 0);
}

}  // namespace

AnnounceLoad::AnnounceLoad(int groups, int torrents_per_peer)
    : messages_per_peer_((torrents_per_peer + kRecordsPerMessage - 1) / kRecordsPerMessage) {
  int torrent = 0;
  for (int group = 0; group < groups; ++group) {
    joins_.emplace_back(static_cast<size_t>(messages_per_peer_));
    renewals_.emplace_back(static_cast<size_t>(messages_per_peer_));
    for (size_t message = 0; message < renewals_.back().size(); ++message) {
      for (int i = 0; i < kRecordsPerMessage; ++i, ++torrent) {
        *joins_.back()[message].add_records() = JoinOf(torrent);
        *renewals_.back()[message].add_records() = RenewalOf(torrent);
      }
    }
  }
}

AnnounceRequest AnnounceLoad::Hello(uint32_t peer) {
  AnnounceRequest hello;
  rpc::v1::Peer* self = hello.mutable_self();
  self->set_id(Spread(peer, kPeerIdBytes));
  self->set_ip(absl::StrCat("10.", (peer >> 16) & 0xff, ".", (peer >> 8) & 0xff, ".", peer & 0xff));
  self->set_port(kPort);
  self->set_zone(absl::StrCat("zone-", peer % kZones));
  self->set_wire_version(2);
  self->set_tls(true);
  return hello;
}

int64_t ResidentBytes(pid_t pid) {
  int64_t size = 0;
  int64_t resident = 0;
  std::ifstream(absl::StrCat("/proc/", pid, "/statm")) >> size >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace kraken::tracker
