#ifndef HARBOR_BRIDGE_SETUP_REGISTRATION_H_
#define HARBOR_BRIDGE_SETUP_REGISTRATION_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "harbor_bridge/harbor/harbor_client.h"
#include "harbor_bridge/harbor/harbor_version.h"
#include "harbor_bridge/setup/desired_state.h"
#include "harbor_bridge/setup/report.h"

namespace harbor_bridge {

// Makes a Harbor tell a bridge of its events, or stop it, through Harbor's API. What is there
// already and right stays untouched: again is the same as once. Blocks.
class Registration {
 public:
  // All outlive it.
  Registration(RegistrationOptions options, api::HarborClient* harbor, Report* report)
      : options_(std::move(options)), harbor_(harbor), report_(report) {}

  // A webhook policy in each project; the bridge as a preheat instance; if wanted, a preheat policy
  // in each project. One that fails holds up no other.
  void Register();
  // Takes away all that bears this name, in every project.
  void Unregister();
  // Makes the account that a running bridge needs, and writes its secret to `path`, which must not
  // be there yet, for its owner's eyes.
  void CreateRobot(const std::string& name, const std::string& path);

 private:
  // False: it has reported why nothing can be done.
  bool Meet();
  // The id of our preheat instance; nothing: there is none.
  std::optional<int64_t> EnsureInstance();
  std::optional<int64_t> InstanceId();
  absl::Status ReplaceInstance(const api::PreheatInstance& actual,
                               const api::PreheatInstance& desired);
  // Makes or mends the one of `all` that bears the name of `desired`. `what`: for the report.
  template <typename Policy, typename Create, typename Update>
  void EnsurePolicy(const std::string& what, const std::vector<Policy>& all, Policy desired,
                    Create create, Update update);
  void EnsureWebhook(const std::string& project);
  void EnsurePreheatPolicy(const api::Project& project, int64_t provider_id);
  void RemoveFrom(const std::string& project);
  void RemoveInstance();
  // Does it, or says that it would.
  template <typename Change>
  bool Apply(const std::string& what, Change change);

  const RegistrationOptions options_;
  api::HarborClient* const harbor_;
  Report* const report_;
  std::optional<api::HarborVersion> version_;
  int unchanged_ = 0;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_SETUP_REGISTRATION_H_
