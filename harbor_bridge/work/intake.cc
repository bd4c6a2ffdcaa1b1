#include "harbor_bridge/work/intake.h"

#include <openssl/mem.h>

#include <atomic>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "harbor_bridge/event/registry_notification.h"
#include "harbor_bridge/work/image_work.h"
#include "kraken/base/status_macros.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {
namespace {

constexpr int kReplayBatch = 256;
constexpr uint64_t kNoLimit = ~uint64_t{0};

bool IsAuthorized(const Harbor& harbor, const kraken::net::HttpExchange& exchange) {
  if (harbor.authorization.empty()) return true;
  const absl::string_view given = exchange.request().headers.GetOr("Authorization");
  return given.size() == harbor.authorization.size() &&
         CRYPTO_memcmp(given.data(), harbor.authorization.data(), given.size()) == 0;
}

}  // namespace

Intake::Intake(const Harbors* harbors, kraken::storage::Journal* journal,
               kraken::storage::JobQueue* queue)
    : harbors_(harbors), journal_(journal), queue_(queue) {}

void Intake::AddRoutes(kraken::net::Router& router) {
  router.Add("POST", "/registry/notifications",
             [this](Exchange exchange) { Receive(std::move(exchange), harbors_->first()); });
  router.Add("POST", "/{harbor}/registry/notifications", [this](Exchange exchange) {
    absl::StatusOr<const Harbor*> harbor = harbors_->Find(exchange->path_param("harbor"));
    if (harbor.ok()) {
      Receive(std::move(exchange), **harbor);
    } else {
      exchange->RespondError(404, harbor.status().message());
    }
  });
}

void Intake::Receive(Exchange exchange, const Harbor& harbor) {
  if (!IsAuthorized(harbor, *exchange)) {
    Count(&IntakeStats::unauthorized);
    exchange->Respond(401, {{"WWW-Authenticate", "Basic realm=\"harbor-bridge\""}},
                      "the Authorization of this Harbor's events is wrong or missing\n");
    return;
  }
  Count(&IntakeStats::notifications);
  // What is too large is read and dropped, as a refusal would be repeated for ever.
  exchange->set_max_body_bytes(kNoLimit);
  auto body = std::make_shared<std::string>();
  auto oversized = std::make_shared<bool>(false);
  exchange->OnBody(
      [this, exchange, harbor = harbor.name, body, oversized](absl::string_view data, bool end) {
        if (body->size() + data.size() > kMaxBodyBytes) {
          *oversized = true;
          body->clear();
        }
        if (!*oversized) body->append(data);
        if (!end) return;
        if (*oversized) {
          Count(&IntakeStats::oversized);
          kraken::telemetry::LogWarn("notification dropped: larger than any registry sends",
                                     {{"harbor", harbor}, {"max_bytes", kMaxBodyBytes}});
          exchange->Respond(202, {}, "");
        } else {
          OnBody(exchange, harbor, std::move(*body));
        }
      });
}

void Intake::OnBody(Exchange exchange, const std::string& harbor, std::string body) {
  std::string copy = body;
  journal_->Append(
      harbor, std::move(copy),
      [this, exchange, harbor, body = std::move(body)](absl::StatusOr<int64_t> sequence) {
        exchange->Post([status = sequence.status()](kraken::net::HttpExchange& e) {
          if (status.ok()) {
            e.Respond(202, {}, "");
          } else {
            e.RespondError(503, status.message());
          }
        });
        if (sequence.ok()) Process(*sequence, harbor, body);
      });
}

void Intake::Process(int64_t sequence, const std::string& harbor, const std::string& body) {
  absl::StatusOr<ParsedNotification> parsed = ParseRegistryNotification(body);
  if (!parsed.ok()) {
    Count(&IntakeStats::unreadable);
    kraken::telemetry::LogWarn("notification can't be read",
                               {{"harbor", harbor}, {"reason", parsed.status()}});
    journal_->Acknowledge({sequence}, [](const absl::Status&) {});
    return;
  }
  Count(&IntakeStats::ignored, parsed->skipped.size());
  std::vector<ImageWork> work;
  for (const ImageEvent& event : parsed->events) {
    const bool wanted = event.action == ImageEvent::Action::kPush &&
                        (event.tag.has_value() || event.digest.has_value());
    if (!wanted) {
      Count(&IntakeStats::ignored);
      continue;
    }
    Count(&IntakeStats::events);
    const kraken::Reference reference =
        event.tag.has_value() ? kraken::Reference(*event.tag) : kraken::Reference(*event.digest);
    work.push_back({.harbor = harbor, .repository = event.repository, .reference = reference});
  }
  if (work.empty()) {
    journal_->Acknowledge({sequence}, [](const absl::Status&) {});
    return;
  }
  // The entry is forgotten once all of its work is durable.
  auto missing = std::make_shared<std::atomic<size_t>>(work.size());
  for (const ImageWork& item : work) {
    queue_->Enqueue(item.ToJob(kEventPriority),
                    [this, sequence, missing](const absl::Status& status) {
                      if (!status.ok()) {
                        // It stays in the journal, and the next start tries again.
                        kraken::telemetry::LogError("work can't be stored", {{"reason", status}});
                        return;
                      }
                      if (missing->fetch_sub(1) == 1) {
                        journal_->Acknowledge({sequence}, [](const absl::Status&) {});
                      }
                    });
  }
}

absl::Status Intake::Replay() {
  int64_t after = 0;
  while (true) {
    KH_ASSIGN_OR_RETURN(const std::vector<kraken::storage::JournalEntry> entries,
                        journal_->Read(after, kReplayBatch));
    if (entries.empty()) return absl::OkStatus();
    for (const kraken::storage::JournalEntry& entry : entries) {
      Process(entry.sequence, entry.source, entry.body);
      after = entry.sequence;
    }
  }
}

void Intake::Count(uint64_t IntakeStats::*counter, uint64_t n) {
  absl::MutexLock lock(&mu_);
  stats_.*counter += n;
}

IntakeStats Intake::stats() const {
  absl::MutexLock lock(&mu_);
  return stats_;
}

}  // namespace harbor_bridge
