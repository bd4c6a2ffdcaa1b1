#ifndef HARBOR_BRIDGE_HARBOR_TESTING_FAKE_HARBOR_STATE_H_
#define HARBOR_BRIDGE_HARBOR_TESTING_FAKE_HARBOR_STATE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "harbor_bridge/harbor/testing/fake_harbor.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/base/worker_pool.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/router.h"

namespace harbor_bridge::api::testing {

using nlohmann::json;

inline constexpr char kManifestType[] = "application/vnd.oci.image.manifest.v1+json";

// "team" of "team/a/b".
std::string ProjectOf(const std::string& repository);
std::string Rfc3339(absl::Time time);

void Reply(kraken::net::HttpExchange& exchange, int status, const json& body,
           kraken::net::HeaderMap headers = {});
void ReplyError(kraken::net::HttpExchange& exchange, int status, const std::string& code,
                const std::string& message);
// One page of `entries`, as the query asks for it.
void ReplyPage(kraken::net::HttpExchange& exchange, const std::vector<json>& entries);

// All that this Harbor knows; handlers run in the server's loop.
class FakeHarbor::State {
 public:
  using Exchange = std::shared_ptr<kraken::net::HttpExchange>;
  struct Tagged {
    kraken::Digest digest;
    std::string content;
    absl::Time push_time;
    std::map<std::string, absl::Time> tags;
  };
  struct StoredProject {
    int64_t id = 0;
    bool is_proxy_cache = false;
    bool is_forbidden = false;
    std::map<std::string, std::vector<Tagged>> repositories;
    std::vector<WebhookPolicy> webhooks;
    std::map<int64_t, std::string> deliveries;
    std::vector<PreheatPolicy> preheats;
  };
  struct Account {
    std::string password;
    bool is_admin = false;
    bool disabled = false;
    std::set<std::string> permissions;
    Robot robot;
  };

  explicit State(const FakeHarborOptions& options);

  void Handle(const kraken::net::Router& router, Exchange exchange) ABSL_LOCKS_EXCLUDED(mu);

  // Who asks; null: nobody who is known.
  const Account* Who(const kraken::net::HttpExchange& exchange) const
      ABSL_SHARED_LOCKS_REQUIRED(mu);
  // Whether it may go on; answers if not.
  bool Permits(kraken::net::HttpExchange& exchange, const std::string& permission) const
      ABSL_SHARED_LOCKS_REQUIRED(mu);
  // The project that a path names; null, and answered, if there is none.
  StoredProject* FindProject(kraken::net::HttpExchange& exchange) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  // The repository that a path names, escaped twice; null, and 404, if there is none.
  std::vector<Tagged>* FindRepository(kraken::net::HttpExchange& exchange, std::string* name)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);
  static const Tagged* FindArtifact(const std::vector<Tagged>& artifacts,
                                    absl::string_view reference);
  json ArtifactJson(const std::string& repository, const Tagged& artifact) const
      ABSL_SHARED_LOCKS_REQUIRED(mu);
  // The newest first.
  std::vector<json> ArtifactList(std::vector<std::pair<std::string, const Tagged*>> artifacts) const
      ABSL_SHARED_LOCKS_REQUIRED(mu);
  StoredProject& EnsureProject(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu);

  const kraken::Clock* const clock;
  mutable absl::Mutex mu;
  HarborVersion version ABSL_GUARDED_BY(mu);
  std::map<std::string, StoredProject> projects ABSL_GUARDED_BY(mu);
  std::map<std::string, Account> accounts ABSL_GUARDED_BY(mu);
  std::vector<PreheatInstance> instances ABSL_GUARDED_BY(mu);
  std::vector<std::string> requests ABSL_GUARDED_BY(mu);
  std::vector<Exchange> hanging ABSL_GUARDED_BY(mu);
  int64_t next_id ABSL_GUARDED_BY(mu) = 1;
  int fail_with ABSL_GUARDED_BY(mu) = 0;
  bool hang ABSL_GUARDED_BY(mu) = false;
  std::string realm ABSL_GUARDED_BY(mu);

  void AddSystemRoutes(kraken::net::Router& router);
  void AddProjectRoutes(kraken::net::Router& router);
  void AddArtifactRoutes(kraken::net::Router& router);
  void AddWebhookRoutes(kraken::net::Router& router);
  void AddWebhookChangeRoutes(kraken::net::Router& router);
  void AddRobotRoutes(kraken::net::Router& router);
  void AddPreheatInstanceRoutes(kraken::net::Router& router);
  void AddPreheatInstanceChangeRoutes(kraken::net::Router& router);
  void AddPreheatPolicyRoutes(kraken::net::Router& router);
  void AddRegistryRoutes(kraken::net::Router& router);

 private:
  // Calls fn(exchange, project) with the lock held, if `permission` is there.
  template <typename Fn>
  kraken::net::HttpHandler InProject(std::string permission, Fn fn) {
    return [this, permission = std::move(permission), fn](Exchange exchange) {
      absl::MutexLock lock(&mu);
      if (!Permits(*exchange, permission)) return;
      if (StoredProject* project = FindProject(*exchange)) fn(*exchange, *project);
    };
  }
  // The same with the request's body.
  template <typename Fn>
  kraken::net::HttpHandler WithBody(std::string permission, Fn fn) {
    return [this, permission = std::move(permission), fn](Exchange exchange) {
      exchange->ReadBody([this, exchange, permission, fn](std::string body) {
        absl::MutexLock lock(&mu);
        if (Permits(*exchange, permission)) fn(exchange, body);
      });
    };
  }
  void Ping(Exchange exchange, const PreheatInstance& instance);

  kraken::net::BlockingHttpClient http_{kraken::net::HttpClientOptions()};
  kraken::WorkerPool pings_{1, 64, "fake-ping"};
};

}  // namespace harbor_bridge::api::testing

#endif  // HARBOR_BRIDGE_HARBOR_TESTING_FAKE_HARBOR_STATE_H_
