// Messages of the control plane to and from the rooms' own types, everything validated.
#ifndef KRAKEN_RPC_CONVERT_H_
#define KRAKEN_RPC_CONVERT_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/base/digest.h"
#include "kraken/base/info_hash.h"
#include "kraken/rpc/common.pb.h"
#include "kraken/swarm/kraken_metainfo.h"
#include "kraken/swarm/metainfo.h"
#include "kraken/swarm/peer_info.h"

namespace kraken::rpc {

// Blobs of at most so many bytes travel with the metainfo instead of in pieces.
inline constexpr int64_t kMaxInlineBytes = 64 << 10;

// Numbers for zone names, and back. PeerInfo has a number only. A name has the same number in every
// process, for peers tell each other theirs.
class ZoneTable {
 public:
  static constexpr size_t kMaxZones = 4096;
  // 0 for no name. Of many names two may have the same number; their zones are taken for one.
  static uint16_t NumberFor(absl::string_view name);

  // As NumberFor, and remembers the name. 0 for all names beyond kMaxZones.
  uint16_t NumberOf(absl::string_view name);
  // What was remembered first for the number; else no name.
  const std::string& NameOf(uint16_t number) const;

 private:
  absl::flat_hash_map<uint16_t, std::string> names_;
};

// INVALID_ARGUMENT from all of these says which field is wrong.
std::string ToBytes(const Digest& digest);
absl::StatusOr<Digest> DigestFromBytes(absl::string_view bytes);

v1::Peer ToProto(const swarm::PeerInfo& peer, const ZoneTable& zones);
absl::StatusOr<swarm::PeerInfo> FromProto(const v1::Peer& peer, ZoneTable& zones);

v1::PieceRange ToProto(const swarm::SignedPieceRange& range);
absl::StatusOr<swarm::SignedPieceRange> FromProto(const v1::PieceRange& range);

// With the sums, as an origin tells it.
v1::KrakenMetainfo ToProto(const swarm::KrakenMetainfo& metainfo);
absl::StatusOr<swarm::KrakenMetainfo> FromProto(const v1::KrakenMetainfo& metainfo,
                                                const Digest& digest, uint64_t size_bytes);

std::string ToBytes(const InfoHash& info_hash);
absl::StatusOr<InfoHash> InfoHashFromBytes(absl::string_view bytes);

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_CONVERT_H_
