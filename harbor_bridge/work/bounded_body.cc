#include "harbor_bridge/work/bounded_body.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "kraken/net/event_loop.h"

namespace harbor_bridge {
namespace {

using kraken::net::EventLoop;
using kraken::net::HttpExchange;
using Done = absl::AnyInvocable<void(BoundedBody)>;

constexpr uint64_t kNoLimit = ~uint64_t{0};

// What a body may grow to, as far as its sender says.
size_t KeptBytes(const HttpExchange& exchange, const BodyLimits& limits) {
  const uint64_t declared = exchange.declared_body_bytes().value_or(limits.max_bytes);
  return static_cast<size_t>(std::min<uint64_t>(declared, limits.max_bytes));
}

void ReadInto(HttpExchange& exchange, const BodyLimits& limits, BodyBudget::Room room, Done done) {
  auto body = std::make_shared<BoundedBody>();
  body->room = std::move(room);
  // At once, so that it never takes more than its room while it grows.
  body->bytes.reserve(KeptBytes(exchange, limits));
  BodyBudget::Reader reader = limits.budget->BeginReading(
      EventLoop::MonotonicNow(), [exchange = exchange.weak_from_this()] {
        const std::shared_ptr<HttpExchange> alive = exchange.lock();
        if (alive == nullptr) return;
        alive->Post([](HttpExchange& e) { e.Reset("too slow, while others wait for memory"); });
      });
  exchange.OnBody([body, limits, reader = std::move(reader), done = std::move(done)](
                      absl::string_view data, bool end) mutable {
    const size_t left = limits.max_bytes - std::min(limits.max_bytes, body->bytes.size());
    body->total_bytes += data.size();
    body->bytes.append(data.substr(0, left));
    if (!end) return;
    reader.End();
    body->bytes.shrink_to_fit();
    body->room.ShrinkTo(body->bytes.size() * limits.copies);
    done(std::move(*body));
  });
}

}  // namespace

void ReadBoundedBody(std::shared_ptr<HttpExchange> exchange, BodyLimits limits, Done done) {
  exchange->set_max_body_bytes(kNoLimit);
  const size_t bytes = KeptBytes(*exchange, limits) * limits.copies;
  if (std::optional<BodyBudget::Room> room = limits.budget->TryTake(bytes)) {
    return ReadInto(*exchange, limits, *std::move(room), std::move(done));
  }
  limits.budget->Take(
      bytes, EventLoop::MonotonicNow(),
      [exchange, limits, done = std::move(done)](absl::StatusOr<BodyBudget::Room> room) mutable {
        exchange->Post(
            [limits, room = std::move(room), done = std::move(done)](HttpExchange& e) mutable {
              if (room.ok()) {
                ReadInto(e, limits, *std::move(room), std::move(done));
              } else {
                e.RespondError(503, room.status().message(), {{"Retry-After", "1"}});
              }
            });
      });
}

}  // namespace harbor_bridge
