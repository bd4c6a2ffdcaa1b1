#ifndef KRAKEN_AGENT_BLOB_STREAMER_H_
#define KRAKEN_AGENT_BLOB_STREAMER_H_

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "kraken/net/http_exchange.h"
#include "kraken/peer_wire/blob_reader.h"

namespace kraken::agent {

struct BlobStreamOptions {
  // Starts the response, with the length of the reader's range. Not before the first byte is there:
  // until then the client can still be told that there is none.
  absl::AnyInvocable<void(net::HttpExchange&)> start;
  // Answers with this error instead.
  absl::AnyInvocable<void(net::HttpExchange&, const absl::Status&)> refuse;
  absl::Duration first_byte_timeout;
  absl::Duration progress_timeout;
};

// Sends what a reader yields as the body of a response: each verified byte as soon as it is there.
// A download that fails, or brings nothing for as long as `options` say, is refused before its
// first byte (DEADLINE_EXCEEDED), and resets the connection afterwards, so that the client never
// takes it for the whole. Called in the exchange's loop; keeps itself alive as long as it works.
void StreamBlob(std::shared_ptr<net::HttpExchange> exchange,
                std::unique_ptr<peer_wire::BlobReader> reader, BlobStreamOptions options,
                net::EventLoop* loop);

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_BLOB_STREAMER_H_
