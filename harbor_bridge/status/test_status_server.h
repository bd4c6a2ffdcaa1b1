#ifndef HARBOR_BRIDGE_STATUS_TEST_STATUS_SERVER_H_
#define HARBOR_BRIDGE_STATUS_TEST_STATUS_SERVER_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "harbor_bridge/lease/lease_view.h"
#include "harbor_bridge/reconcile/reconcile_status.h"
#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/routing/routes.h"
#include "harbor_bridge/status/api_routes.h"
#include "harbor_bridge/status/bridge_admin.h"
#include "harbor_bridge/status/harbor_watch.h"
#include "harbor_bridge/status/status_report.h"
#include "harbor_bridge/work/dispatcher.h"
#include "harbor_bridge/work/job_board.h"
#include "kraken/base/random.h"
#include "kraken/daemon/admin_gate.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_server.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/router.h"
#include "kraken/net/socket_address.h"
#include "kraken/registry/testing/scripted_server.h"
#include "kraken/storage/job_queue.h"

namespace harbor_bridge {

// A bridge's API and page over a real queue and server, for tests: jobs do what the test says. Two
// Harbors: "eu" is well (its first rule ignores ":buildcache"), "us" refuses our credentials.
class TestStatusServer {
 public:
  explicit TestStatusServer(bool has_trackers = true);
  ~TestStatusServer();

  const kraken::net::SocketAddress& address() const { return address_; }
  kraken::storage::JobQueue& queue() { return *queue_; }
  BridgeAdmin& admin() { return *bridge_admin_; }

  // A request from this host; the answer's head and body.
  std::string Ask(absl::string_view method, absl::string_view path, absl::string_view body = "");

  // Nothing at first.
  void SetLease(std::optional<LeaseView> lease) ABSL_LOCKS_EXCLUDED(mu_);

  // None is reconciled at first.
  void SetReconciliation(std::vector<ReconcileStatus> all) ABSL_LOCKS_EXCLUDED(mu_);

  // From now on, jobs with this key end so; others with OK.
  void SetResult(const std::string& key, Dispatcher::Result result) ABSL_LOCKS_EXCLUDED(mu_);
  // Jobs with this key stop half way until they are cancelled or Release().
  void Hold(const std::string& key) ABSL_LOCKS_EXCLUDED(mu_);
  void Release() ABSL_LOCKS_EXCLUDED(mu_);

  // Until a job is in this state.
  void WaitFor(const std::string& key, kraken::storage::JobState state);
  // Until both Harbors were asked how they are.
  void WaitForHealth();

  // Ends the streams, as a shutdown does.
  void StopApi();

 private:
  std::unique_ptr<Harbors> MakeHarbors();
  void Serve();
  std::optional<LeaseView> lease() ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<ReconcileStatus> reconciliation() ABSL_LOCKS_EXCLUDED(mu_);
  Dispatcher::Result RunJob(const kraken::storage::Job& job,
                            const kraken::registry::Cancellation& cancellation);

  absl::Mutex mu_;
  absl::flat_hash_map<std::string, Dispatcher::Result> results_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, bool> held_ ABSL_GUARDED_BY(mu_);
  std::optional<LeaseView> lease_ ABSL_GUARDED_BY(mu_);
  std::vector<ReconcileStatus> reconciliation_ ABSL_GUARDED_BY(mu_);

  kraken::SystemBitGen bits_;
  kraken::net::BlockingHttpClient http_{kraken::net::HttpClientOptions()};
  kraken::registry::testing::ScriptedServer well_;
  kraken::registry::testing::ScriptedServer refusing_;
  std::unique_ptr<Harbors> harbors_;
  std::unique_ptr<Routes> routes_;
  std::unique_ptr<kraken::storage::JobQueue> queue_;
  JobBoard board_;
  std::unique_ptr<HarborWatch> watch_;
  kraken::net::LoopThread control_{"control"};
  kraken::net::LoopThread admin_{"http"};
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<BridgeAdmin> bridge_admin_;
  std::unique_ptr<StatusReport> report_;
  kraken::daemon::AdminGate gate_{kraken::daemon::AdminConfig()};
  std::unique_ptr<ApiRoutes> api_;
  kraken::net::Router router_;
  std::unique_ptr<kraken::net::HttpServer> server_;
  kraken::net::SocketAddress address_;
  bool api_stopped_ = false;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_STATUS_TEST_STATUS_SERVER_H_
