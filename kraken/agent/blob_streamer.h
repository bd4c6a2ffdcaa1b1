#ifndef KRAKEN_AGENT_BLOB_STREAMER_H_
#define KRAKEN_AGENT_BLOB_STREAMER_H_

#include <memory>

#include "absl/time/time.h"
#include "kraken/net/http_exchange.h"
#include "kraken/peer_wire/blob_reader.h"

namespace kraken::agent {

// Sends what a reader yields as the body of a response that has been started with the length of the
// reader's range: each verified byte as soon as it is there. A download that fails, or brings
// nothing for `progress_timeout`, resets the connection, so that the client never takes it for the
// whole. Called in the exchange's loop; keeps itself alive as long as it works.
void StreamBlob(std::shared_ptr<net::HttpExchange> exchange,
                std::unique_ptr<peer_wire::BlobReader> reader, absl::Duration progress_timeout,
                net::EventLoop* loop);

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_BLOB_STREAMER_H_
