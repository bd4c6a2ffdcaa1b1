#include "harbor_bridge/work/bounded_body.h"

#include <algorithm>
#include <utility>

namespace harbor_bridge {
namespace {

constexpr uint64_t kNoLimit = ~uint64_t{0};

}  // namespace

void ReadBoundedBody(std::shared_ptr<kraken::net::HttpExchange> exchange, size_t max_bytes,
                     absl::AnyInvocable<void(BoundedBody)> done) {
  exchange->set_max_body_bytes(kNoLimit);
  auto body = std::make_shared<BoundedBody>();
  exchange->OnBody(
      [body, max_bytes, done = std::move(done)](absl::string_view data, bool end) mutable {
        body->total_bytes += data.size();
        body->bytes.append(data.substr(0, max_bytes - std::min(max_bytes, body->bytes.size())));
        if (end) done(std::move(*body));
      });
}

}  // namespace harbor_bridge
