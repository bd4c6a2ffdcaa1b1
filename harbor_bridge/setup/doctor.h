#ifndef HARBOR_BRIDGE_SETUP_DOCTOR_H_
#define HARBOR_BRIDGE_SETUP_DOCTOR_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "harbor_bridge/harbor/harbor_client.h"
#include "harbor_bridge/harbor/harbor_version.h"
#include "harbor_bridge/setup/desired_state.h"
#include "harbor_bridge/setup/report.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/tls_context.h"
#include "kraken/net/url.h"
#include "kraken/registry/registry_client.h"

namespace harbor_bridge {

// One Harbor, seen from the bridge.
struct DoctorSubject {
  RegistrationOptions registration;
  // Null: only a bare registry is there.
  api::HarborClient* api = nullptr;
  kraken::registry::RegistryClient* registry = nullptr;
  kraken::net::Url registry_url;
  std::shared_ptr<const kraken::net::TlsContext> registry_tls;
};

// Looks at every link of the chain between a Harbor and its bridge, in the order in which they
// carry each other: names, TCP, TLS, the API and its version, credentials, permissions, the
// registry's challenge and the right to pull, webhook policies and what became of their last
// deliveries, the preheat instance, and whether Harbor reaches the bridge (it is made to ask for
// the bridge's health, the only thing that Harbor sends on demand). Says of each how it is, and if
// it is bad, what to do. Changes nothing. Blocks.
class Doctor {
 public:
  // For one answer. The clients that it is given are to give up as soon, and to try nothing twice:
  // somebody waits for what it says, and there may be more Harbors to look at.
  static constexpr absl::Duration kPatience = absl::Seconds(10);

  // All outlive it.
  Doctor(DoctorSubject subject, kraken::net::BlockingHttpClient* http, Report* report)
      : subject_(std::move(subject)), http_(http), report_(report) {}

  void Examine();

 private:
  // Each returns whether what leans on it can be looked at.
  bool CheckName(const kraken::net::Url& url);
  bool CheckApi();
  bool CheckAccount();
  bool CheckContent();
  void CheckHealth();
  bool CheckRegistry();
  void CheckChallenge();
  void CheckPull();
  void CheckWebhooks();
  void CheckWebhook(const std::string& project);
  void CheckDelivery(const std::string& project, const api::WebhookPolicy& policy);
  void CheckPreheat();
  void CheckBridge();

  const DoctorSubject subject_;
  kraken::net::BlockingHttpClient* const http_;
  Report* const report_;
  std::optional<api::HarborVersion> version_;
  std::vector<api::Project> projects_;     // that the registration wants
  std::optional<api::Artifact> artifact_;  // something that can be pulled
  int webhooks_right_ = 0;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_SETUP_DOCTOR_H_
