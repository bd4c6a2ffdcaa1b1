#ifndef KRAKEN_PEER_WIRE_PAYLOAD_RECEIVER_H_
#define KRAKEN_PEER_WIRE_PAYLOAD_RECEIVER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "kraken/base/clock.h"
#include "kraken/base/strong_index.h"
#include "kraken/peer_wire/torrent_content.h"
#include "kraken/peer_wire/wire_event.h"
#include "kraken/peer_wire/wire_message.h"

namespace kraken::peer_wire {

// The incoming payload of one connection: puts chunks together to pieces, which are hashed and
// written on the way, one pass, without a copy. Knows which pieces were asked for, and takes no
// others. Not thread-safe; lives on the connection's I/O loop.
class PayloadReceiver {
 public:
  // Between two reports of a piece's progress.
  static constexpr absl::Duration kProgressInterval = absl::Milliseconds(100);

  explicit PayloadReceiver(std::vector<WireEvent>* events);
  ~PayloadReceiver();

  // `channel` is our number of it, `peer_channel` the peer's, with which its chunks come.
  void AddChannel(uint32_t channel, std::shared_ptr<TorrentContent> content);
  void SetPeerChannel(uint32_t channel, uint32_t peer_channel);
  // What was being received is dropped; what still comes of it is skipped.
  void RemoveChannel(uint32_t channel);

  // A piece was asked for; returns its length, 0 if there is no such channel or piece.
  ByteCount AddRequest(uint32_t channel, PieceIndex piece);
  // A request was taken back, of which the peer takes no notice: the piece may come once more than
  // it is asked for.
  void ExpectOnceMore(uint32_t channel, PieceIndex piece);
  // The peer will not send a piece, or not the rest of it. True if the control loop shall know that
  // the request came to nothing; a piece that had begun is reported as aborted here.
  bool OnRefused(uint32_t peer_channel, PieceIndex piece);
  // The peer has opened a channel. INVALID_ARGUMENT unless the number is new and larger than all
  // before.
  absl::Status OnPeerOpened(uint32_t peer_channel);

  // A chunk's header: its `length` bytes come next. INVALID_ARGUMENT for what was not asked for, or
  // does not follow the piece's last chunk.
  absl::Status OnChunk(uint32_t peer_channel, const PieceChunk& chunk, MonotonicTime now);
  void OnPayload(absl::string_view bytes);
  // Reports how far the piece is that is arriving, if it has not been for a while. For pieces that
  // come in one chunk; else each chunk does it.
  void ReportProgress(MonotonicTime now);

 private:
  struct Piece;
  struct Channel;

  Channel* FindByPeer(uint32_t peer_channel);
  void StartPiece(Channel& channel, Piece& piece, PieceIndex index);
  void Write(Piece& piece, absl::string_view bytes);
  void ReportFailure(const absl::Status& status);
  void FinishPiece();

  std::vector<WireEvent>* const events_;
  absl::flat_hash_map<uint32_t, std::unique_ptr<Channel>> channels_;
  absl::flat_hash_map<uint32_t, uint32_t> channel_of_peer_;
  uint32_t highest_peer_channel_ = 0;

  // The chunk whose payload comes: null channel while it is being skipped.
  Channel* chunk_channel_ = nullptr;
  PieceIndex chunk_piece_;
  int64_t chunk_left_ = 0;
};

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_PAYLOAD_RECEIVER_H_
