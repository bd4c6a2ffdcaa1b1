#ifndef KRAKEN_AGENT_BLOB_WAITER_H_
#define KRAKEN_AGENT_BLOB_WAITER_H_

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kraken/net/event_loop.h"
#include "kraken/peer_wire/blob_reader.h"

namespace kraken::agent {

// Waits until all that `reader` is to read is here, for what is not sent before it is whole. `done`
// gets the reader back; or its error, or DEADLINE_EXCEEDED when nothing came for
// `progress_timeout`. Called in `loop`, and calls back there, perhaps inside this call.
void AwaitBlob(
    std::unique_ptr<peer_wire::BlobReader> reader, absl::Duration progress_timeout,
    net::EventLoop* loop,
    absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<peer_wire::BlobReader>>)> done);

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_BLOB_WAITER_H_
