#ifndef KRAKEN_REGISTRY_REGISTRY_CLIENT_H_
#define KRAKEN_REGISTRY_REGISTRY_CLIENT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "kraken/base/backoff.h"
#include "kraken/base/clock.h"
#include "kraken/base/digest.h"
#include "kraken/base/image_name.h"
#include "kraken/base/random.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/strong_index.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/tls_context.h"
#include "kraken/net/url.h"
#include "kraken/registry/authenticator.h"
#include "kraken/registry/blob_sink.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/catalog.h"
#include "kraken/registry/credentials.h"

namespace kraken::registry {

struct RegistryClientOptions {
  static constexpr int kDefaultMaxRedirects = 5;

  // Scheme, host and port of the registry; the target is ignored.
  net::Url registry;
  // `registry` is a mirror, asked for the images of this host: sent as `ns` with every request, as
  // containerd does. Empty: it is asked for its own.
  std::string mirrored_host;
  // Sent only when the registry asks for them, over http too (an in-cluster registry is plain
  // HTTP).
  absl::optional<BasicCredentials> credentials;
  // Sent with every request instead: a token that somebody else has got. Empty: none.
  std::string bearer_token;
  // For the registry and its token realm.
  std::shared_ptr<const net::TlsContext> tls;
  // For hosts that the registry redirects to: without our certificate. Null: the HTTP client's own.
  std::shared_ptr<const net::TlsContext> redirect_tls;
  // To the head of a response, and between two bytes of a body. Kraken's `timeout`.
  absl::Duration timeout = absl::Seconds(60);
  // Of what is UNAVAILABLE or DEADLINE_EXCEEDED.
  BackoffOptions retry = {.initial_interval = absl::Milliseconds(250),
                          .max_interval = absl::Seconds(5),
                          .max_retries = 2};
  int max_redirects = kDefaultMaxRedirects;
  // Who else than https realms may be sent our credentials: see CheckTokenRealm().
  std::vector<std::string> trusted_realm_hosts;
};

// What a registry says of a manifest.
struct ManifestInfo {
  Digest digest;
  std::string media_type;  // the response's Content-Type: a hint
  ByteCount size;
};

struct FetchedManifest {
  Digest digest;           // computed from `body`
  std::string media_type;  // the response's Content-Type: a hint
  std::string body;
};

// A client of one registry (OCI distribution specification 1.1), for reading.
//
// Authenticates when challenged (Basic or Bearer) and remembers how. Follows redirects of GET and
// HEAD, to http or https, but never from https to http, and sends credentials to the registry's own
// scheme, host and port only. Tries again what may pass (UNAVAILABLE, DEADLINE_EXCEEDED), a blob
// from where it broke off.
//
// An error names the thing, the registry, what it answered and the number of tries: "blob
// sha256:ab… from harbor:5000: 503 Service Unavailable after 3 tries". It never contains a
// credential. Codes are those of StatusFromResponse() and of net::HttpCallbacks::on_done,
// CANCELLED, and, where said, more.
//
// Thread-safe. Blocks: for worker threads. Cancellation takes effect between requests, when a head
// or a part of a body arrives, and while waiting for the next try.
class RegistryClient {
 public:
  static constexpr size_t kMaxTags = 200'000;

  // `http`, `clock` and `bits` outlive this object; `bits` is thread-safe.
  RegistryClient(RegistryClientOptions options, net::BlockingHttpClient* http, const Clock* clock,
                 BitGen* bits);
  RegistryClient(const RegistryClient&) = delete;
  RegistryClient& operator=(const RegistryClient&) = delete;

  // GET /v2/: whether the registry is there and takes our credentials.
  absl::Status Ping(const Cancellation& cancellation);

  // HEAD of a manifest, by tag or by digest. A registry that names no digest is asked with GET.
  absl::StatusOr<ManifestInfo> HeadManifest(const RepositoryName& repository,
                                            const Reference& reference,
                                            const Cancellation& cancellation);

  // DATA_LOSS: the body's digest is not the one asked for, or not the one the registry says.
  // RESOURCE_EXHAUSTED: longer than kMaxManifestBytes.
  absl::StatusOr<FetchedManifest> GetManifest(const RepositoryName& repository,
                                              const Reference& reference,
                                              const Cancellation& cancellation);

  // The size of a blob. INTERNAL: the registry does not say.
  absl::StatusOr<ByteCount> HeadBlob(const RepositoryName& repository, const Digest& digest,
                                     const Cancellation& cancellation);

  // Streams a blob from `offset` to its end into `sink`. The bytes are not hashed here: who stores
  // them does. OUT_OF_RANGE: `offset` is behind the end. DATA_LOSS: the blob's size changed
  // between tries. Errors of the sink come back as they are.
  absl::Status GetBlob(const RepositoryName& repository, const Digest& digest, ByteOffset offset,
                       BlobSink& sink, const Cancellation& cancellation);

  // All tags of a repository, page by page. RESOURCE_EXHAUSTED: more than kMaxTags.
  absl::StatusOr<std::vector<std::string>> GetTags(const RepositoryName& repository,
                                                   const Cancellation& cancellation);
  // A page of the registry's repositories: at most `n`, in order, after `last` ("": the first).
  // Registries may refuse it, or let administrators ask only, as Harbor does.
  absl::StatusOr<CatalogPage> GetCatalogPage(absl::string_view last, size_t n,
                                             const Cancellation& cancellation);
  // An index of what refers to a manifest and, unless `artifact_type` is "", has that type. From
  // the registry's referrers API or, where it has none, the tag under which clients keep the list;
  // an empty one if there is neither.
  absl::StatusOr<std::string> GetReferrers(const RepositoryName& repository, const Digest& subject,
                                           absl::string_view artifact_type,
                                           const Cancellation& cancellation);

  // "harbor:5000", as in errors.
  std::string host() const { return options_.registry.host_port(); }

 private:
  struct Request;
  struct Answer;
  class ResponseReader;
  class HeadReader;
  class BodyReader;
  class BlobReader;

  // Exchange() until it succeeds, fails for good, or the retries are used up.
  absl::Status ExchangeWithRetries(const Request& request, ResponseReader& reader,
                                   const Cancellation& cancellation);
  // One request, with what it takes of challenges and redirects.
  absl::Status Exchange(const Request& request, ResponseReader& reader,
                        const Cancellation& cancellation);
  absl::StatusOr<Answer> Send(const Request& request, const net::Url& url,
                              absl::string_view authorization, ResponseReader& reader,
                              const Cancellation& cancellation);
  absl::StatusOr<net::Url> NextUrl(const net::Url& url, const Answer& answer) const;
  Request ManifestRequest(absl::string_view method, const RepositoryName& repository,
                          const Reference& reference) const;
  Request BlobRequest(absl::string_view method, const RepositoryName& repository,
                      const Digest& digest) const;
  // The end of a request's target.
  std::string Query() const;

  const RegistryClientOptions options_;
  net::BlockingHttpClient* const http_;
  BitGen* const bits_;
  Authenticator authenticator_;
};

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_REGISTRY_CLIENT_H_
