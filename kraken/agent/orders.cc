#include "kraken/agent/orders.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/daemon/stored_manifest.h"
#include "kraken/registry/manifest.h"
#include "kraken/rpc/agent_order.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/status.h"
#include "kraken/telemetry/log.h"

namespace kraken::agent {
namespace {

// How often a tracker is told how far an order is.
constexpr absl::Duration kSayInterval = absl::Milliseconds(200);

// The layers of a manifest that is about to go: nobody has a reason to ask for them.
std::vector<Digest> LayersOf(const std::string& body) {
  const absl::StatusOr<registry::Manifest> manifest = registry::Manifest::Parse(body);
  std::vector<Digest> layers;
  if (!manifest.ok() || manifest->is_index()) return layers;
  for (const registry::Descriptor& blob : manifest->References()) layers.push_back(blob.digest);
  return layers;
}

}  // namespace

Orders::Orders(const Parts& parts, Report report)
    : parts_(parts), report_(std::move(report)), alive_(std::make_shared<Orders*>(this)) {}

Orders::~Orders() {
  *alive_ = nullptr;
  Stop();
}

void Orders::Stop() {
  stopped_ = true;
  for (auto& [id, order] : orders_) parts_.loop->CancelTimer(order->deadline);
  orders_.clear();
  waiting_.clear();
}

Orders::Order* Orders::Find(const std::string& id) {
  const auto found = orders_.find(id);
  return found == orders_.end() ? nullptr : found->second.get();
}

Orders::Order* Orders::Find(const Ticket& ticket) {
  Order* order = Find(ticket.id);
  return order != nullptr && order->serial == ticket.serial ? order : nullptr;
}

void Orders::OnOrder(const std::string& tracker, const rpc::v1::AgentOrder& order) {
  if (stopped_) return;
  absl::Status status = rpc::CheckOrder(order);
  if (status.ok() && order.has_cancel()) return OnCancel(tracker, order.id());
  if (Order* known = Find(order.id())) {
    known->trackers.insert(tracker);
    return Say(*known);
  }
  if (status.ok()) status = Begin(tracker, order);
  if (status.ok()) return;
  rpc::v1::OrderStatus refused;
  refused.set_id(order.id());
  refused.set_state(rpc::v1::ORDER_STATE_FAILED);
  *refused.mutable_failure() = rpc::ToFailure(status);
  report_(tracker, refused);
}

absl::Status Orders::Begin(const std::string& tracker, const rpc::v1::AgentOrder& order) {
  if (orders_.size() >= rpc::kMaxOrders) {
    return absl::ResourceExhaustedError(
        absl::StrCat(orders_.size(), " orders are at work, the most that an agent takes"));
  }
  auto made = std::make_unique<Order>();
  made->serial = next_serial_++;
  made->is_fetch = order.has_fetch();
  if (made->is_fetch) {
    KH_ASSIGN_OR_RETURN(made->ns, Namespace::Parse(order.fetch().namespace_()));
  }
  for (const rpc::v1::BlobToFetch& blob : order.fetch().blobs()) {
    KH_ASSIGN_OR_RETURN(const Digest digest, rpc::DigestFromBytes(blob.digest()));
    made->blobs.push_back({.digest = digest, .size_bytes = blob.size_bytes()});
  }
  for (const std::string& bytes : order.drop().digests()) {
    KH_ASSIGN_OR_RETURN(const Digest digest, rpc::DigestFromBytes(bytes));
    made->blobs.push_back({.digest = digest});
  }
  made->left = made->blobs.size();
  made->trackers.insert(tracker);
  made->status.set_id(order.id());
  const Ticket ticket = {.id = order.id(), .serial = made->serial};
  const absl::Duration timeout = absl::Milliseconds(order.timeout_ms());
  made->deadline = parts_.loop->RunAfter(timeout, [this, ticket, timeout] {
    Conclude(ticket, absl::DeadlineExceededError(
                         absl::StrCat("it was not done within ", absl::FormatDuration(timeout))));
  });
  telemetry::LogInfo(made->is_fetch ? "ordered to fetch blobs" : "ordered to drop manifests",
                     {{"tracker", tracker}, {"blobs", made->blobs.size()}});
  const Order& taken = *(orders_[order.id()] = std::move(made));
  if (taken.is_fetch) {
    waiting_.push_back(ticket);
    FetchMore();
  } else {
    DropManifests(ticket, taken);
  }
  return absl::OkStatus();
}

// ---- Fetching ----

void Orders::FetchMore() {
  while (in_flight_ < kMaxInFlight && !waiting_.empty()) {
    const Ticket ticket = waiting_.front();
    Order* order = Find(ticket);
    if (order == nullptr || order->next == order->blobs.size()) {
      waiting_.pop_front();
      continue;
    }
    const size_t index = order->next++;
    ++order->in_flight;
    ++in_flight_;
    parts_.downloads->FetchAhead(*order->ns, order->blobs[index].digest,
                                 [alive = alive_, ticket, index](const absl::Status& status) {
                                   if (*alive != nullptr) (*alive)->OnBlob(ticket, index, status);
                                 });
  }
}

void Orders::OnBlob(const Ticket& ticket, size_t index, const absl::Status& status) {
  Order* order = Find(ticket);
  if (order == nullptr) return;
  --order->in_flight;
  --in_flight_;
  const Blob& blob = order->blobs[index];
  if (!status.ok()) return Conclude(ticket, Annotate(status, blob.digest.ToString()));
  order->status.set_blobs_done(order->status.blobs_done() + 1);
  order->status.set_bytes_done(order->status.bytes_done() + blob.size_bytes);
  if (--order->left == 0) {
    LookAgain(ticket, *order);
  } else if (net::EventLoop::MonotonicNow() - order->reported_at >= kSayInterval) {
    Say(*order);
  }
  FetchMore();
}

// An image that is larger than the disk pushes its own first blobs out.
void Orders::LookAgain(const Ticket& ticket, const Order& order) {
  const absl::Status submitted =
      parts_.disk->Submit([alive = alive_, handle = parts_.loop->handle(), store = parts_.store,
                           ticket, blobs = order.blobs] {
        absl::Status status;
        for (const Blob& blob : blobs) {
          if (!store->Contains(blob.digest)) {
            status = absl::ResourceExhaustedError(
                absl::StrCat(blob.digest.ToString(),
                             " is not there any more (evicted? the disk may be too small)"));
            break;
          }
          store->Touch(blob.digest);
        }
        handle.Post([alive, ticket, status] {
          if (*alive != nullptr) (*alive)->Conclude(ticket, status);
        });
      });
  if (!submitted.ok()) Conclude(ticket, submitted);
}

// ---- Dropping ----

void Orders::DropManifests(const Ticket& ticket, const Order& order) {
  const std::vector<Blob> blobs = order.blobs;
  for (const Blob& blob : blobs) {
    const absl::Status submitted =
        parts_.disk->Submit([alive = alive_, handle = parts_.loop->handle(), store = parts_.store,
                             ticket, digest = blob.digest] {
          const absl::StatusOr<std::string> manifest = daemon::ReadStoredManifest(*store, digest);
          if (manifest.ok()) {
            for (const Digest& layer : LayersOf(*manifest)) store->Demote(layer);
          }
          handle.Post([alive, ticket, digest, status = manifest.status()] {
            Orders* self = *alive;
            if (self == nullptr) return;
            if (!status.ok()) {
              // What is not here, or no manifest, needs not go.
              return self->OnDropped(ticket, absl::IsNotFound(status) ? absl::OkStatus() : status,
                                     /*was_here=*/false);
            }
            self->parts_.downloads->Remove(
                digest,
                absl::NotFoundError(absl::StrCat(digest.ToString(), " was deleted at its Harbor")),
                [alive, ticket](const absl::Status& removed) {
                  if (*alive == nullptr) return;
                  const bool is_gone = removed.ok() || absl::IsNotFound(removed);
                  (*alive)->OnDropped(ticket, is_gone ? absl::OkStatus() : removed, removed.ok());
                });
          });
        });
    if (!submitted.ok()) return Conclude(ticket, submitted);
  }
}

void Orders::OnDropped(const Ticket& ticket, const absl::Status& status, bool was_here) {
  stats_.dropped_manifests += was_here ? 1 : 0;
  Order* order = Find(ticket);
  if (order == nullptr) return;
  if (!status.ok()) return Conclude(ticket, status);
  order->status.set_blobs_done(order->status.blobs_done() + (was_here ? 1 : 0));
  if (--order->left == 0) Conclude(ticket, absl::OkStatus());
}

// ---- The end ----

void Orders::OnCancel(const std::string& tracker, const std::string& id) {
  Order* order = Find(id);
  if (order == nullptr) return;
  order->trackers.erase(tracker);
  if (!order->trackers.empty()) return;
  Conclude({.id = id, .serial = order->serial},
           absl::CancelledError("nobody waits for it any more"));
}

// What is under way arrives all the same, but holds up no other order.
void Orders::Conclude(const Ticket& ticket, const absl::Status& status) {
  if (Find(ticket) == nullptr) return;
  const auto found = orders_.find(ticket.id);
  const std::unique_ptr<Order> order = std::move(found->second);
  orders_.erase(found);
  parts_.loop->CancelTimer(order->deadline);
  in_flight_ -= order->in_flight;
  if (order->is_fetch) {
    ++(status.ok() ? stats_.fetches_done : stats_.fetches_failed);
  } else {
    ++(status.ok() ? stats_.drops_done : stats_.drops_failed);
  }
  if (!status.ok()) {
    *order->status.mutable_failure() = rpc::ToFailure(status);
    telemetry::LogWarn("an order was not done", {{"reason", status.ToString()}});
  }
  order->status.set_state(status.ok() ? rpc::v1::ORDER_STATE_DONE : rpc::v1::ORDER_STATE_FAILED);
  Say(*order);
  FetchMore();
}

void Orders::Say(Order& order) {
  order.reported_at = net::EventLoop::MonotonicNow();
  for (const std::string& tracker : order.trackers) report_(tracker, order.status);
}

OrderStats Orders::stats() const {
  OrderStats stats = stats_;
  stats.running = orders_.size();
  return stats;
}

}  // namespace kraken::agent
