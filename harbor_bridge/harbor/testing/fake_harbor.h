#ifndef HARBOR_BRIDGE_HARBOR_TESTING_FAKE_HARBOR_H_
#define HARBOR_BRIDGE_HARBOR_TESTING_FAKE_HARBOR_H_

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "harbor_bridge/harbor/api_types.h"
#include "harbor_bridge/harbor/harbor_version.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/net/http_server.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/router.h"
#include "kraken/net/tls_context.h"
#include "kraken/net/url.h"
#include "kraken/registry/credentials.h"

namespace harbor_bridge::api::testing {

struct FakeHarborOptions {
  HarborVersion version = {2, 15};
  const kraken::Clock* clock = nullptr;                // null: the system's
  std::shared_ptr<const kraken::net::TlsContext> tls;  // null: plain HTTP
};

// Who may log in.
inline kraken::registry::BasicCredentials AdminCredentials() {
  return {.username = "admin", .password = "Harbor12345"};
}

// A Harbor for tests: a real HTTP server on 127.0.0.1 that keeps projects, artifacts, tags, webhook
// policies, robot accounts and preheat instances in memory, and answers as Harbor does: paging with
// Link and X-Total-Count, 401, 403, 404, 409, 412, names escaped twice, what is there from which
// version on (before 2.0 there is no API v2.0, before 2.12 no list of a project's artifacts, from
// 2.15 on the version is a secret to strangers). Asks a preheat instance's endpoint for its health
// when told to ping it. Its /v2/ challenges, gives out tokens and knows its manifests' digests.
//
// Thread-safe.
class FakeHarbor {
 public:
  explicit FakeHarbor(FakeHarborOptions options = {});
  ~FakeHarbor();

  const kraken::net::Url& url() const { return url_; }

  // --- What users do there. Times are the clock's. ---
  void AddProject(const std::string& name, bool is_proxy_cache = false);
  void DeleteProject(const std::string& name);
  // A push: the artifact is new, or stays as old as it is; the tag moves. `tag` may be empty. The
  // project is made if it is missing. Returns the digest, which `content` decides.
  kraken::Digest Push(const std::string& repository, const std::string& tag,
                      const std::string& content);
  void DeleteTag(const std::string& repository, const std::string& tag);
  // With its tags.
  void DeleteArtifact(const std::string& repository, const kraken::Digest& digest);

  // --- Accounts ---
  // A robot account with these permissions in all projects ("artifact:list"), and in the system
  // ("system/preheat-instance:create").
  kraken::registry::BasicCredentials AddRobot(const std::string& name,
                                              const std::set<std::string>& permissions);
  void DisableRobot(const std::string& username);

  // --- Faults ---
  // Robot accounts may do nothing in this project.
  void Forbid(const std::string& project);
  // Every answer has this status; 0: as usual.
  void FailWith(int status);
  // Requests are taken and not answered.
  void Hang(bool hang);
  void set_version(HarborVersion version);
  void SetWebhookStatus(const std::string& project, const std::string& policy,
                        const std::string& status);

  // --- What is there now ---
  std::vector<WebhookPolicy> webhooks(const std::string& project) const;
  std::vector<PreheatInstance> instances() const;
  std::vector<PreheatPolicy> preheat_policies(const std::string& project) const;
  std::vector<Robot> robots() const;
  // "GET /api/v2.0/projects?sort=name…" of each request, in order, and how many there were.
  std::vector<std::string> requests() const;
  int request_count() const;
  void ForgetRequests();

 private:
  class State;

  std::shared_ptr<State> state_;
  kraken::net::LoopThread loop_{"fake-harbor"};
  kraken::net::Router router_;
  std::unique_ptr<kraken::net::HttpServer> server_;
  kraken::net::Url url_;
};

}  // namespace harbor_bridge::api::testing

#endif  // HARBOR_BRIDGE_HARBOR_TESTING_FAKE_HARBOR_H_
