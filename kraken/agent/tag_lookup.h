#ifndef KRAKEN_AGENT_TAG_LOOKUP_H_
#define KRAKEN_AGENT_TAG_LOOKUP_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/base/lru_cache.h"
#include "kraken/base/namespace.h"
#include "kraken/base/tag.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/build_index_client.h"

namespace kraken::agent {

// What tags stand for. An answer of the build-index is good for a moment, counted from when it was
// asked: a node whose containers start together asks once, and a tag that moves is seen in time.
//
// Thread-safe.
class TagLookup {
 public:
  // Errors as rpc::BuildIndexClient::GetTag(); they are not kept.
  using Done = std::function<void(absl::StatusOr<Digest>)>;

  // `control` and `build_index`, which belongs to it, outlive this. `max_age` 0: each is asked for.
  TagLookup(net::EventLoop* control, rpc::BuildIndexClient* build_index, absl::Duration max_age);

  // Calls `done` at once and in this thread when the answer is known, else on the control loop.
  void Resolve(const Namespace& ns, const Tag& tag, Done done);

 private:
  struct Answer {
    Digest digest;
    MonotonicTime asked;
  };

  net::EventLoop* const control_;
  rpc::BuildIndexClient* const build_index_;
  const absl::Duration max_age_;
  LruCache<std::string, Answer> answers_;
};

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_TAG_LOOKUP_H_
