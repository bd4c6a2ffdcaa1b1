#ifndef HARBOR_BRIDGE_HARBOR_HARBOR_CLIENT_H_
#define HARBOR_BRIDGE_HARBOR_HARBOR_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "harbor_bridge/harbor/api_types.h"
#include "kraken/base/repository_name.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/tls_context.h"
#include "kraken/net/url.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/credentials.h"

namespace harbor_bridge::api {

struct HarborClientOptions {
  std::string name;  // for errors: the Harbor's in the configuration
  // Scheme, host and port; the target is ignored.
  kraken::net::Url url;
  // Sent with every request; nothing: anonymous.
  std::optional<kraken::registry::BasicCredentials> credentials;
  std::shared_ptr<const kraken::net::TlsContext> tls;
  // For a whole answer.
  absl::Duration timeout = absl::Seconds(30);
  // Ends what is between two requests, and a body that comes in.
  kraken::registry::Cancellation cancellation;
};

// Which part of a list: pages count from 1.
struct PageRequest {
  int page = 1;
  int size = 100;
};
inline constexpr int kMaxPageSize = 100;  // Harbor's own

template <typename T>
struct Page {
  std::vector<T> items;
  // Entries that can't be used.
  size_t skipped = 0;
  // Whether there is a page behind this one.
  bool more = false;
  // Entries of the whole list; -1: Harbor does not say.
  int64_t total = -1;
};

// A client of one Harbor's API v2.0, which Harbor 2.0 and later have.
//
// Keeps no cookie, so that Harbor asks for no CSRF token; follows no redirect; tries nothing twice.
// Errors are those of api_error.h, INTERNAL for an answer that is something else than Harbor's
// documentation says, RESOURCE_EXHAUSTED for one that is longer than kMaxAnswerBytes.
//
// Thread-safe. Blocks: for worker threads.
class HarborClient {
 public:
  static constexpr uint64_t kMaxAnswerBytes = 16 << 20;
  // For lists that are read whole: more than a project or Harbor has of them.
  static constexpr int kMaxWholeListPages = 100;

  // `http` outlives this object.
  HarborClient(HarborClientOptions options, kraken::net::BlockingHttpClient* http);

  const std::string& name() const { return options_.name; }
  const kraken::net::Url& url() const { return options_.url; }

  // Who is there, and how it is. Need no credentials.
  absl::Status Ping();
  absl::StatusOr<std::vector<ComponentHealth>> Health();
  // Harbor tells more to who has credentials; with wrong ones it answers as without.
  absl::StatusOr<SystemInfo> GetSystemInfo();
  // OK: the credentials are good. A robot account, which is no user, is recognised too.
  absl::Status CheckCredentials();
  // What the account may do in a project. Empty for robot accounts of most versions.
  absl::StatusOr<std::vector<Permission>> ListPermissions(const Project& project);

  // By name, ascending.
  absl::StatusOr<Page<Project>> ListProjects(const PageRequest& page);
  absl::StatusOr<std::vector<Project>> ListAllProjects();
  absl::StatusOr<Page<RepositoryEntry>> ListRepositories(absl::string_view project,
                                                         const PageRequest& page);
  // With their tags, the newest push first. Not the children of an index, unless they are tagged.
  absl::StatusOr<Page<Artifact>> ListArtifacts(const kraken::RepositoryName& repository,
                                               const PageRequest& page);
  // The same of a whole project. NOT_FOUND before Harbor 2.12.
  absl::StatusOr<Page<Artifact>> ListProjectArtifacts(absl::string_view project,
                                                      const PageRequest& page);
  // `reference`: a tag or a digest.
  absl::StatusOr<Artifact> GetArtifact(const kraken::RepositoryName& repository,
                                       absl::string_view reference);
  absl::StatusOr<Page<ArtifactTag>> ListTags(const kraken::RepositoryName& repository,
                                             absl::string_view reference, const PageRequest& page);

  absl::StatusOr<WebhookAbilities> GetWebhookAbilities(absl::string_view project);
  absl::StatusOr<std::vector<WebhookPolicy>> ListWebhookPolicies(absl::string_view project);
  // ALREADY_EXISTS: there is one of this name.
  absl::Status CreateWebhookPolicy(absl::string_view project, const WebhookPolicy& policy);
  absl::Status UpdateWebhookPolicy(absl::string_view project, const WebhookPolicy& policy);
  absl::Status DeleteWebhookPolicy(absl::string_view project, int64_t id);
  // The last attempts to deliver, the newest first. NOT_FOUND before Harbor 2.8.
  absl::StatusOr<std::vector<Execution>> ListWebhookExecutions(absl::string_view project,
                                                               int64_t policy_id);

  // Robot accounts of the system.
  absl::StatusOr<std::vector<Robot>> ListRobots();
  absl::StatusOr<CreatedRobot> CreateRobot(const NewRobot& robot);
  absl::Status DeleteRobot(int64_t id);

  // P2P preheat, from Harbor 2.1 on.
  absl::StatusOr<std::vector<PreheatInstance>> ListPreheatInstances();
  // ALREADY_EXISTS: there is one of this name or endpoint.
  absl::Status CreatePreheatInstance(const PreheatInstance& instance);
  absl::Status UpdatePreheatInstance(const PreheatInstance& instance);
  // FAILED_PRECONDITION: a policy uses it.
  absl::Status DeletePreheatInstance(absl::string_view name);
  // Has Harbor ask the instance whether it is well. An error: it is not.
  absl::Status PingPreheatInstance(const PreheatInstance& instance);
  absl::StatusOr<std::vector<PreheatPolicy>> ListPreheatPolicies(absl::string_view project);
  absl::Status CreatePreheatPolicy(absl::string_view project, const PreheatPolicy& policy);
  absl::Status UpdatePreheatPolicy(absl::string_view project, const PreheatPolicy& policy);
  absl::Status DeletePreheatPolicy(absl::string_view project, absl::string_view name);

 private:
  struct Call;
  struct Answer;

  absl::StatusOr<Answer> Send(const Call& call);
  // Send() for what has no answer worth reading.
  absl::Status Do(const Call& call);
  // One page of a list, read by `parse`.
  template <typename T, typename Parse>
  absl::StatusOr<Page<T>> GetPage(Call call, const PageRequest& page, Parse parse);
  // All pages. RESOURCE_EXHAUSTED: more than kMaxWholeListPages.
  template <typename T, typename Parse>
  absl::StatusOr<std::vector<T>> GetAll(const Call& call, Parse parse);
  absl::Status Unreadable(const Call& call, const absl::Status& status) const;

  const HarborClientOptions options_;
  kraken::net::BlockingHttpClient* const http_;
};

// Whether a list goes on behind this page, from its answer's Link and X-Total-Count fields (either
// may be missing) and the number of entries that came. Pure.
bool HasNextPage(absl::string_view link, int64_t total, const PageRequest& page, size_t entries);

}  // namespace harbor_bridge::api

#endif  // HARBOR_BRIDGE_HARBOR_HARBOR_CLIENT_H_
