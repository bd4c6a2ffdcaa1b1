// What names a swarm, and what the engine calls its torrents, links and readers.
#ifndef KRAKEN_SWARM_IDS_H_
#define KRAKEN_SWARM_IDS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/digest.h"
#include "kraken/base/strong_index.h"

namespace kraken::swarm {

// A swarm: everybody who shares this blob, cut into pieces of this length.
struct TorrentKey {
  Digest digest;
  ByteCount piece_length;

  std::string ToString() const {
    return absl::StrCat(digest.ToString(), "/", piece_length.value());
  }

  friend bool operator==(const TorrentKey&, const TorrentKey&) = default;
  friend auto operator<=>(const TorrentKey&, const TorrentKey&) = default;
  template <typename H>
  friend H AbslHashValue(H state, const TorrentKey& key) {
    return H::combine(std::move(state), key.digest, key.piece_length);
  }
};

// A slot in a table with the number of its use, so that a late callback for a former user of the
// slot is recognised and ignored. Value 0 is nobody.
template <typename Tag>
class SlotId {
 public:
  constexpr SlotId() = default;
  constexpr SlotId(uint32_t slot, uint32_t generation)
      : value_(uint64_t{generation} << 32 | slot) {}
  static constexpr SlotId FromValue(uint64_t value) {
    SlotId id;
    id.value_ = value;
    return id;
  }

  constexpr uint32_t slot() const { return static_cast<uint32_t>(value_); }
  constexpr uint32_t generation() const { return static_cast<uint32_t>(value_ >> 32); }
  constexpr uint64_t value() const { return value_; }
  constexpr bool is_valid() const { return value_ != 0; }

  friend constexpr auto operator<=>(SlotId, SlotId) = default;
  template <typename H>
  friend H AbslHashValue(H state, SlotId id) {
    return H::combine(std::move(state), id.value_);
  }

 private:
  uint64_t value_ = 0;
};

// One torrent of one Scheduler.
using TorrentId = SlotId<struct TorrentTag>;

// One torrent's relation with one peer. With Kraken v1 a link is a TCP connection; between our own
// peers it is a channel, and all links of a pair share their connections.
using LinkId = SlotId<struct LinkTag>;

// What the network calls something that came in and is not accepted yet. The network's own choice.
enum class IncomingId : uint64_t {};

// One client that reads a torrent in order.
using ReaderId = SlotId<struct ReaderTag>;

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_IDS_H_
