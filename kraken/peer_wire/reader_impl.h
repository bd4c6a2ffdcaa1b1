#ifndef KRAKEN_PEER_WIRE_READER_IMPL_H_
#define KRAKEN_PEER_WIRE_READER_IMPL_H_

#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "kraken/base/strong_index.h"
#include "kraken/net/event_loop.h"
#include "kraken/peer_wire/blob_reader.h"
#include "kraken/peer_wire/torrent_content.h"

namespace kraken::peer_wire {

// What a reader tells its node: on the control loop, while the node lives.
class ReaderRegistry {
 public:
  virtual ~ReaderRegistry() = default;
  virtual void OnReaderAdvanced(uint64_t reader, ByteOffset cursor) = 0;
  virtual void OnReaderSuspended(uint64_t reader, bool suspended) = 0;
  virtual void OnReaderGone(uint64_t reader) = 0;
};

// A way to the node that may outlive it. `registry` belongs to the control loop.
struct ReaderHome {
  net::LoopHandle control;
  ReaderRegistry* registry = nullptr;
};

// Looks at the torrent's content itself; the control loop only hears where the cursor is, piece by
// piece.
class ReaderImpl final : public BlobReader {
 public:
  // `number` is the reader's name in the registry; 0: it is not there (a complete blob).
  ReaderImpl(std::shared_ptr<ReaderHome> home, uint64_t number,
             std::shared_ptr<TorrentContent> content, ByteOffset begin, ByteOffset end);
  ~ReaderImpl() override;

  const Digest& digest() const override { return content_->digest(); }
  ByteCount size() const override { return content_->layout().size(); }
  ByteOffset end() const override { return end_; }
  ByteOffset cursor() const override { return cursor_; }
  ByteOffset available() const override;
  absl::Status status() const override;
  int fd() const override;
  void Wait(net::LoopHandle loop, absl::AnyInvocable<void()> ready) override;
  void Advance(ByteOffset offset) override;
  void Suspend() override { TellSuspended(true); }
  void Resume() override { TellSuspended(false); }

 private:
  template <typename Function>
  void Tell(Function function);
  void TellSuspended(bool suspended);

  const std::shared_ptr<ReaderHome> home_;
  const uint64_t number_;
  const std::shared_ptr<TorrentContent> content_;
  const ByteOffset end_;
  ByteOffset cursor_;
  // What fd() has given out.
  mutable TorrentContent::Source source_;
  // False when this object is gone, for callbacks under way.
  std::shared_ptr<bool> alive_;
};

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_READER_IMPL_H_
