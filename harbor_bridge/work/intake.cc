#include "harbor_bridge/work/intake.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "harbor_bridge/event/harbor_webhook.h"
#include "harbor_bridge/event/registry_notification.h"
#include "harbor_bridge/work/authorization.h"
#include "harbor_bridge/work/enqueue_all.h"
#include "harbor_bridge/work/event_actions.h"
#include "harbor_bridge/work/harbor_routes.h"
#include "kraken/base/status_macros.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {
namespace {

constexpr int kReplayBatch = 256;
// A registry has a few replicas; one that restarts again and again has more names.
constexpr size_t kMaxInstances = 64;
// Reasons of one body's entries that are kept.
constexpr size_t kMaxReasons = 5;

}  // namespace

absl::string_view Intake::NameOf(Source source) {
  return source == Source::kRegistry ? "registry" : "webhook";
}

void Intake::AddRoutes(kraken::net::Router& router) {
  const auto take = [this](Source source) {
    return [this, source](Exchange exchange, const Harbor& harbor) {
      Receive(std::move(exchange), harbor, source);
    };
  };
  AddHarborRoute(router, "POST", "/registry/notifications", parts_.harbors,
                 take(Source::kRegistry));
  AddHarborRoute(router, "POST", "/webhook", parts_.harbors, take(Source::kWebhook));
  AddNamedHarborRoute(router, "GET", "/health", parts_.harbors,
                      [](const Exchange& exchange, const Harbor&) {
                        exchange->Respond(200, {{"Content-Type", "text/plain"}}, "OK");
                      });
  router.Add("GET", "/x/quarantine",
             parts_.gate->Guard([this](const Exchange& exchange) { ListQuarantine(exchange); }));
}

void Intake::ListQuarantine(const Exchange& exchange) {
  parts_.quarantine->List(
      kMaxListed, [exchange](absl::StatusOr<std::vector<QuarantinedBody>> bodies) {
        exchange->Post([bodies = std::move(bodies)](kraken::net::HttpExchange& e) {
          if (bodies.ok()) {
            e.Respond(200, {{"Content-Type", "application/json"}}, ToJson(*bodies));
          } else {
            e.RespondError(503, bodies.status().message());
          }
        });
      });
}

void Intake::Receive(Exchange exchange, const Harbor& harbor, Source source) {
  if (!IsAuthorized(*exchange, harbor.authorization)) {
    Count(&IntakeStats::unauthorized);
    kraken::telemetry::LogWarn("event refused: wrong or no credential (harbors[].authorization)",
                               {{"harbor", harbor.name},
                                {"source", NameOf(source)},
                                {"from", exchange->peer().address.ToString()}});
    RespondUnauthorized(*exchange);
    return;
  }
  Count(&IntakeStats::notifications);
  ReadBoundedBody(exchange,
                  {.max_bytes = kMaxBodyBytes, .copies = kBodyCopies, .budget = parts_.bodies},
                  [this, exchange, name = harbor.name, source](BoundedBody body) {
                    OnBody(exchange, name, source, std::move(body));
                  });
}

void Intake::OnBody(Exchange exchange, const std::string& harbor, Source source, BoundedBody body) {
  Begin();
  if (!body.is_whole()) {
    Count(&IntakeStats::oversized);
    body.bytes.resize(kMaxQuarantinedBytes);
    body.bytes.shrink_to_fit();
    body.room.ShrinkTo(body.bytes.size());
    SetAside({.harbor = harbor,
              .source = std::string(NameOf(source)),
              .reason = absl::StrCat("larger than ", kMaxBodyBytes, " bytes"),
              .body_bytes = body.total_bytes,
              .body = std::move(body.bytes)},
             [this, exchange, room = std::move(body.room)] {
               exchange->Post([](kraken::net::HttpExchange& e) { e.Respond(202, {}, ""); });
               End();
             });
    return;
  }
  std::string copy = body.bytes;
  parts_.journal->Append(
      absl::StrCat(harbor, "/", NameOf(source)), std::move(copy),
      [this, exchange, harbor, source,
       body = std::move(body)](absl::StatusOr<int64_t> sequence) mutable {
        // What was written down is not in memory any more.
        body.room.ShrinkTo(body.bytes.size());
        exchange->Post([status = sequence.status()](kraken::net::HttpExchange& e) {
          if (status.ok()) {
            e.Respond(202, {}, "");
          } else {
            e.RespondError(503, status.message());
          }
        });
        if (sequence.ok()) {
          ProcessSoon(*sequence, harbor, source, std::move(body));
        } else {
          End();
        }
      });
}

void Intake::ProcessSoon(int64_t sequence, const std::string& harbor, Source source,
                         BoundedBody body) {
  // Not taken from here by a task that is refused.
  auto kept = std::make_shared<BoundedBody>(std::move(body));
  const auto process = [this, sequence, harbor, source, kept] {
    Process(sequence, harbor, source, std::move(*kept));
  };
  if (!processor_.Submit(process).ok()) process();
}

void Intake::Process(int64_t sequence, const std::string& harbor, Source source, BoundedBody body) {
  absl::StatusOr<ParsedEvents> parsed = source == Source::kRegistry
                                            ? ParseRegistryNotification(body.bytes)
                                            : ParseHarborWebhook(body.bytes);
  std::vector<std::string> wrong;
  if (parsed.ok()) {
    wrong = std::move(parsed->unreadable);
  } else {
    wrong.emplace_back(parsed.status().message());
    parsed = ParsedEvents();
  }
  if (!parsed->instance.empty()) NoteInstance(harbor, parsed->instance);
  if (wrong.empty()) {
    Enqueue(sequence, harbor, *parsed, std::move(body.room));
    return;
  }
  Count(&IntakeStats::unreadable, wrong.size());
  wrong.resize(std::min(wrong.size(), kMaxReasons));
  SetAside(
      {.harbor = harbor,
       .source = std::string(NameOf(source)),
       .reason = absl::StrJoin(wrong, "; "),
       .body_bytes = body.bytes.size(),
       .body = body.bytes.substr(0, kMaxQuarantinedBytes)},
      [this, sequence, harbor, parsed = *std::move(parsed), room = std::move(body.room)]() mutable {
        Enqueue(sequence, harbor, parsed, std::move(room));
      });
}

void Intake::SetAside(QuarantinedBody body, absl::AnyInvocable<void()> done) {
  kraken::telemetry::LogWarn(
      "a body can't be used, and is in quarantine",
      {{"harbor", body.harbor}, {"source", body.source}, {"reason", body.reason}});
  const std::string reason = absl::StrCat("an event can't be used: ", body.reason);
  parts_.reconcile(body.harbor, reason);
  parts_.quarantine->Put(
      std::move(body), [done = std::move(done)](const absl::Status& status) mutable {
        // The sender can do nothing about it.
        if (!status.ok()) {
          kraken::telemetry::LogError("the quarantine can't be written", {{"reason", status}});
        }
        done();
      });
}

void Intake::Enqueue(int64_t sequence, const std::string& harbor, const ParsedEvents& parsed,
                     BodyBudget::Room room) {
  Count(&IntakeStats::ignored, parsed.ignored);
  // One body may tell of one image many times.
  std::map<std::string, ImageWork> work;
  for (const ImageEvent& event : parsed.events) {
    EventActions actions = ActionsFor(harbor, event);
    const bool asks = !actions.work.empty() || !actions.reconcile.empty();
    Count(asks ? &IntakeStats::events : &IntakeStats::ignored);
    if (event.kind == ImageEvent::Kind::kQuota) {
      kraken::telemetry::LogWarn(
          "Harbor says that a quota is, or is nearly, used up: pushes are refused",
          {{"harbor", harbor},
           {"repository", event.repository.has_value() ? event.repository->ToString() : ""}});
    }
    if (!actions.reconcile.empty()) parts_.reconcile(harbor, actions.reconcile);
    for (ImageWork& item : actions.work) {
      auto [it, is_new] = work.try_emplace(item.Key(), item);
      if (is_new) continue;
      it->second.expected |= item.expected;
      it->second.told = item.told;
    }
  }
  std::vector<kraken::storage::NewJob> jobs;
  jobs.reserve(work.size());
  for (const auto& entry : work) jobs.push_back(entry.second.ToJob(kEventPriority));
  // The entry is forgotten once all of its work is durable.
  EnqueueAll(*parts_.queue, std::move(jobs),
             [this, sequence, room = std::move(room)](const absl::Status& status) mutable {
               if (status.ok()) return Acknowledge(sequence, std::move(room));
               // It stays in the journal, and the next start tries again.
               kraken::telemetry::LogError("work can't be stored", {{"reason", status}});
               End();
             });
}

void Intake::Acknowledge(int64_t sequence, BodyBudget::Room room) {
  parts_.journal->Acknowledge({sequence},
                              [this, room = std::move(room)](const absl::Status&) { End(); });
}

void Intake::Begin() {
  absl::MutexLock lock(&mu_);
  ++under_way_;
}

void Intake::End() {
  absl::MutexLock lock(&mu_);
  --under_way_;
}

void Intake::Shutdown() {
  {
    absl::MutexLock lock(&mu_);
    const auto idle = [this]() ABSL_SHARED_LOCKS_REQUIRED(mu_) { return under_way_ == 0; };
    mu_.Await(absl::Condition(&idle));
  }
  processor_.Shutdown();
}

void Intake::NoteInstance(const std::string& harbor, const std::string& instance) {
  bool is_another = false;
  {
    absl::MutexLock lock(&mu_);
    std::set<std::string>& known = instances_[harbor];
    if (known.size() == kMaxInstances && !known.contains(instance)) known.clear();
    // Of the first one it is not known that there was one before.
    is_another = known.insert(instance).second && known.size() > 1;
  }
  if (is_another) {
    parts_.reconcile(harbor, "its registry was restarted, and has forgotten what waited there");
  }
}

absl::Status Intake::Replay() {
  int64_t after = 0;
  while (true) {
    KH_ASSIGN_OR_RETURN(std::vector<kraken::storage::JournalEntry> entries,
                        parts_.journal->Read(after, kReplayBatch));
    if (entries.empty()) return absl::OkStatus();
    for (kraken::storage::JournalEntry& entry : entries) {
      // "harbor/source"; before there were webhooks, "harbor".
      const std::string harbor = entry.source.substr(0, entry.source.find('/'));
      const bool is_webhook =
          absl::EndsWith(entry.source, absl::StrCat("/", NameOf(Source::kWebhook)));
      // What became work is forgotten before too much more is read.
      BodyBudget::Room room = parts_.bodies->TakeAndWait(entry.body.size());
      Begin();
      Process(entry.sequence, harbor, is_webhook ? Source::kWebhook : Source::kRegistry,
              {.bytes = std::move(entry.body), .room = std::move(room)});
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
