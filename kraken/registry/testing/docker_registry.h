#ifndef KRAKEN_REGISTRY_TESTING_DOCKER_REGISTRY_H_
#define KRAKEN_REGISTRY_TESTING_DOCKER_REGISTRY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "kraken/base/digest.h"
#include "kraken/base/repository_name.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/url.h"
#include "kraken/registry/credentials.h"
#include "kraken/registry/testing/child_process.h"

namespace kraken::registry::testing {

// The user that Harbor's own registry has, and a password for tests.
inline constexpr char kHarborRegistryUser[] = "harbor_registry_user";
inline constexpr char kHarborRegistryPassword[] = "harbor_registry_password";

// How to let clients in.
struct RegistryTokenAuth {
  std::string realm;  // URL of the token server
  std::string service;
  std::string issuer;
  std::string certificates_file;  // PEM, of who signs tokens
};

struct DockerRegistryOptions {
  // An empty folder for its files. Given again, a registry finds its old content.
  std::string directory;
  std::string listen_host = "127.0.0.1";
  uint16_t port = 0;  // 0: any
  // True: htpasswd with kHarborRegistryUser, as Harbor configures it.
  bool basic_auth = false;
  absl::optional<RegistryTokenAuth> token_auth;
  // PEM files; empty: plain HTTP.
  std::string tls_certificate_file;
  std::string tls_key_file;
  // Further top-level YAML, for example `notifications:`.
  std::string extra_yaml;
};

// One line of the access log.
struct AccessLogEntry {
  std::string method;
  std::string target;
  int status = 0;
  int64_t body_bytes = 0;
  std::string user_agent;
};

// Debian's docker-registry (package docker-registry, distribution 2.8.2: the program that Harbor
// runs as harbor-registry), started by a test and configured as Harbor configures it.
class DockerRegistry {
 public:
  // Ready to serve when this returns. NOT_FOUND, naming the package, if it is not installed.
  static absl::StatusOr<std::unique_ptr<DockerRegistry>> Start(
      const DockerRegistryOptions& options);
  // Kills it.
  ~DockerRegistry();

  const net::Url& url() const { return url_; }
  // "127.0.0.1:40001".
  std::string address() const { return url_.host_port(); }

  // Lets requests end, then waits for the end of the process. The access log is whole then.
  void Stop();
  void Kill();

  // The access log so far. An entry is written when its response is complete, which the client may
  // know a moment earlier.
  std::vector<AccessLogEntry> AccessLog() const;
  // Waits until `condition` holds for the access log; false after `limit`.
  bool WaitForAccessLog(const std::function<bool(const std::vector<AccessLogEntry>&)>& condition,
                        absl::Duration limit) const;
  // What the registry says of itself, for a failing test to print.
  std::vector<std::string> Log() const;

 private:
  DockerRegistry(net::Url url, std::unique_ptr<ChildProcess> process)
      : url_(std::move(url)), process_(std::move(process)) {}

  net::Url url_;
  std::unique_ptr<ChildProcess> process_;
};

// The user of a registry with basic_auth.
BasicCredentials HarborRegistryCredentials();

// Pushes content to a registry as a client does.
class RegistryPusher {
 public:
  // `authorization`: the Authorization field for a repository; empty text: none. `http` outlives
  // this.
  RegistryPusher(net::BlockingHttpClient* http, net::Url registry,
                 std::function<std::string(const RepositoryName&)> authorization);
  RegistryPusher(net::BlockingHttpClient* http, net::Url registry);  // nobody asks
  RegistryPusher(net::BlockingHttpClient* http, net::Url registry,
                 const BasicCredentials& credentials);

  absl::StatusOr<Digest> PushBlob(const RepositoryName& repository, absl::string_view content);
  // `reference`: a tag or a digest; empty: the body's digest.
  absl::StatusOr<Digest> PushManifest(const RepositoryName& repository, absl::string_view reference,
                                      absl::string_view media_type, absl::string_view body);

 private:
  absl::StatusOr<net::HttpResponse> Send(const RepositoryName& repository, std::string method,
                                         net::Url url, absl::string_view content_type,
                                         absl::string_view body, int expected_status);

  net::BlockingHttpClient* const http_;
  const net::Url registry_;
  const std::function<std::string(const RepositoryName&)> authorization_;
};

Digest DigestOf(absl::string_view content);

}  // namespace kraken::registry::testing

#endif  // KRAKEN_REGISTRY_TESTING_DOCKER_REGISTRY_H_
