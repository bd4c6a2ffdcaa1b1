#ifndef KRAKEN_PEER_WIRE_PAYLOAD_SENDER_H_
#define KRAKEN_PEER_WIRE_PAYLOAD_SENDER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kraken/base/strong_index.h"
#include "kraken/net/transport.h"
#include "kraken/peer_wire/torrent_content.h"
#include "kraken/peer_wire/wire_dialect.h"
#include "kraken/peer_wire/wire_event.h"
#include "kraken/peer_wire/wire_message.h"

namespace kraken::peer_wire {

// The output of one connection: messages first, then payload in chunks, one of each upload in turn,
// with sendfile. Messages never wait for more than a chunk. Not thread-safe; lives on the
// connection's I/O loop.
class PayloadSender {
 public:
  // Reads `source` into the page cache on a thread that may block, and then calls back on the
  // connection's loop.
  using Warmer =
      absl::AnyInvocable<void(TorrentContent::Source source, absl::AnyInvocable<void()> done)>;

  explicit PayloadSender(std::vector<WireEvent>* events);
  ~PayloadSender();

  // Null: pages are not looked after.
  void set_warmer(Warmer warmer) { warmer_ = std::move(warmer); }

  // Before anything is sent; ours at first. It outlives the sender.
  void set_dialect(WireDialect* dialect) { dialect_ = dialect; }

  // Frames, whole, to be sent before any further chunk.
  std::string& messages() { return messages_; }
  size_t queued_message_bytes() const { return messages_.size() - messages_sent_; }

  void AddChannel(uint32_t channel, std::shared_ptr<TorrentContent> content);
  // Its uploads end without an event.
  void RemoveChannel(uint32_t channel);

  // UploadDone follows, whatever happens: if the piece can't be read, after a Reject to the peer.
  void StartUpload(uint32_t channel, PieceIndex piece, bool corrupt);
  // The rest of the piece is not sent: an Abort is, if it has not all been sent.
  void StopUpload(uint32_t channel, PieceIndex piece);

  struct Result {
    enum class End : uint8_t {
      kIdle,     // nothing more can be sent now
      kBlocked,  // the socket is full
      kBudget,   // there may be more
    };
    End end = End::kIdle;
    int64_t payload_bytes = 0;
  };
  // Sends until there is nothing more, the socket is full, or about `budget` bytes are sent.
  absl::StatusOr<Result> SendSome(net::Transport& transport, int64_t budget);

  // Something waits to be sent, or for its pages.
  bool has_output() const {
    return chunk_ != nullptr || queued_message_bytes() > 0 || !uploads_.empty();
  }
  bool in_chunk() const { return chunk_ != nullptr; }
  // Bytes sent from the start, of any kind.
  uint64_t sent_bytes() const { return sent_bytes_; }

 private:
  struct Upload;
  struct Chunk;
  enum class Step : uint8_t { kProgress, kBlocked, kIdle };

  std::shared_ptr<Upload> FindUpload(uint32_t channel, PieceIndex piece) const;
  void RemoveUpload(const Upload& upload);
  void Warm(const std::shared_ptr<Upload>& upload);
  bool StartChunk();
  absl::Status CorruptChunk();
  void FinishChunk();
  absl::StatusOr<Step> SendMessages(net::Transport& transport);
  absl::StatusOr<Step> SendChunk(net::Transport& transport, int64_t* payload_bytes);
  absl::StatusOr<Step> SendBytes(net::Transport& transport, const std::string& bytes, size_t* sent,
                                 bool more);
  absl::StatusOr<Step> ToStep(net::Transport& transport, const net::IoResult& result);

  std::vector<WireEvent>* const events_;
  WireDialect* dialect_ = &HarborDialect();
  Warmer warmer_;
  absl::flat_hash_map<uint32_t, std::shared_ptr<TorrentContent>> channels_;
  std::string messages_;
  size_t messages_sent_ = 0;
  std::deque<std::shared_ptr<Upload>> uploads_;
  std::unique_ptr<Chunk> chunk_;
  uint64_t sent_bytes_ = 0;
};

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_PAYLOAD_SENDER_H_
