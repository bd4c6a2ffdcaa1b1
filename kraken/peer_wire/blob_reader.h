#ifndef KRAKEN_PEER_WIRE_BLOB_READER_H_
#define KRAKEN_PEER_WIRE_BLOB_READER_H_

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "kraken/base/digest.h"
#include "kraken/base/strong_index.h"
#include "kraken/net/event_loop.h"

namespace kraken::peer_wire {

// One client that reads a range of a blob in order while it may still be arriving. Made by
// SwarmNode::OpenReader; what it reads next is fetched first.
//
// A client streams like this, on the loop that serves it:
//   for (;;) if (reader.available() > cursor) send file bytes [cursor, available()) of fd(),
//            then Advance() to there; at end() it is done;
//            else if (!reader.status().ok()) reset the connection, never end it cleanly;
//            else Wait(loop, …) and look again.
//
// Never gives out the blob's last byte before the whole digest is known to hold.
//
// Used by one thread at a time, any one; it may be destroyed on any, but a callback of Wait() is
// certain not to run after the destruction only if that happens on the loop that was given there.
class BlobReader {
 public:
  virtual ~BlobReader() = default;

  virtual const Digest& digest() const = 0;
  // The whole blob's size.
  virtual ByteCount size() const = 0;
  // The end of the range that is read.
  virtual ByteOffset end() const = 0;
  // Where the client is: the offset last given to Advance(), at first the range's start.
  virtual ByteOffset cursor() const = 0;

  // The end of the bytes from the cursor on that are here, checked, and may be given out; at most
  // end(). Equal to cursor() when there are none, and for ever after a failure.
  virtual ByteOffset available() const = 0;
  // OK while bytes may still come, and when all are here. Else why they will not: the download
  // failed, the list was revoked (DATA_LOSS), the node shuts down.
  virtual absl::Status status() const = 0;
  // To pread and sendfile available bytes from, with explicit offsets. Valid as long as the reader;
  // -1 while nothing is available. The blob's whole file, so offsets are the blob's.
  virtual int fd() const = 0;

  // Posts `ready` to `loop`, once, when available() > cursor() or status() is no longer OK: at once
  // if that is so already. A new call replaces the callback of the last.
  virtual void Wait(net::LoopHandle loop, absl::AnyInvocable<void()> ready) = 0;
  // REQUIRES: cursor() <= offset <= end().
  virtual void Advance(ByteOffset offset) = 0;

  // The client does not take what we have: nothing is fetched ahead for it until Resume().
  virtual void Suspend() = 0;
  virtual void Resume() = 0;
};

}  // namespace kraken::peer_wire

#endif  // KRAKEN_PEER_WIRE_BLOB_READER_H_
