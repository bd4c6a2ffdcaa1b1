#ifndef KRAKEN_NET_OUTPUT_QUEUE_H_
#define KRAKEN_NET_OUTPUT_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "kraken/net/transport.h"

namespace kraken::net {

// What waits to be sent on one connection: bytes and ranges of files, in order. What is small goes
// out in one system call, however many calls queued it. Belongs to one thread.
class OutputQueue {
 public:
  enum class Result {
    kDrained,  // everything was handed to the kernel
    kBlocked,  // the rest waits for the next writable edge
    kYield,    // the budget is used up: call again after others had their turn
    kError,    // see Transport::error()
  };

  OutputQueue() = default;
  OutputQueue(const OutputQueue&) = delete;
  OutputQueue& operator=(const OutputQueue&) = delete;

  // Where small text is built in place: append to it, and to nothing else of this queue meanwhile.
  std::string* TailBuffer();
  void Append(absl::string_view bytes);
  // `size` > 0; `keep_alive` is dropped when the range has been sent.
  void AppendFile(int fd, uint64_t offset, uint64_t size, std::shared_ptr<const void> keep_alive);
  void Clear();

  // Sends at most about `budget` bytes; *sent is increased by what left.
  Result Send(Transport* transport, uint64_t budget, uint64_t* sent);

  bool empty() const { return first_ == segments_.size(); }
  uint64_t pending_bytes() const;
  // Bytes that occupy memory: without files.
  uint64_t pending_memory() const;
  size_t pending_ranges() const { return ranges_; }

 private:
  // Text below this size is joined with what came before.
  static constexpr size_t kJoinBytes = 64 * 1024;
  // An emptied queue keeps a buffer of up to this size for the next message.
  static constexpr size_t kKeepBytes = 16 * 1024;
  static constexpr size_t kMaxPieces = 16;

  struct Segment {
    std::string text;
    size_t text_offset = 0;
    int fd = -1;
    uint64_t file_offset = 0;
    uint64_t file_size = 0;
    std::shared_ptr<const void> keep_alive;

    bool is_file() const { return fd >= 0; }
  };

  IoResult SendTexts(Transport* transport);
  IoResult SendRange(Transport* transport, uint64_t budget);
  void DropText(size_t bytes);
  void PopFront();

  // Those before first_ have been sent.
  std::vector<Segment> segments_;
  size_t first_ = 0;
  size_t ranges_ = 0;
  std::string spare_;  // a sent text's buffer, emptied
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_OUTPUT_QUEUE_H_
