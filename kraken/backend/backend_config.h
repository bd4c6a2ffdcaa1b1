#ifndef KRAKEN_BACKEND_BACKEND_CONFIG_H_
#define KRAKEN_BACKEND_BACKEND_CONFIG_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "kraken/config/bandwidth_config.h"
#include "kraken/config/tls_config.h"
#include "kraken/registry/credentials.h"

namespace re2 {
class RE2;
}
namespace kraken::config {
class ObjectReader;
}

namespace kraken::backend {

// A registry and how to speak to it: sections `registry_blob` and `registry_tag`, and the bridge's
// `harbors[].registry`.
struct RegistryConfig {
  std::string address;  // "host:port"
  // To the head of a response, and between two bytes of a body.
  absl::Duration timeout = absl::Seconds(60);
  // security.basic. Sent over plain HTTP too, where TLS is disabled.
  registry::BasicCredentials credentials;
  // security.tls; `client.disabled: true` is plain HTTP.
  config::TlsConfig tls;
};
void ReadConfig(config::ObjectReader& r, RegistryConfig* c);

// Section `file`: a directory in the layout of docker's registry, or of plain blobs.
struct FileConfig {
  std::string root_directory;
};
void ReadConfig(config::ObjectReader& r, FileConfig* c);

// One entry of `backends`. Exactly one kind is set.
struct BackendEntryConfig {
  std::shared_ptr<const re2::RE2> pattern;  // key `namespace`
  std::optional<RegistryConfig> registry_blob;
  std::optional<RegistryConfig> registry_tag;
  std::optional<FileConfig> file;
  // What may come in from it; egress is for backends that can be written to.
  config::BandwidthConfig bandwidth;
  // Requests to it at once; not one of Kraken's keys.
  static constexpr int kDefaultMaxConcurrent = 128;
  int max_concurrent = kDefaultMaxConcurrent;
  // The process starts only when this backend answers.
  bool must_ready = false;
};
void ReadConfig(config::ObjectReader& r, BackendEntryConfig* c);

}  // namespace kraken::backend

#endif  // KRAKEN_BACKEND_BACKEND_CONFIG_H_
