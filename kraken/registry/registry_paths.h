#ifndef KRAKEN_REGISTRY_REGISTRY_PATHS_H_
#define KRAKEN_REGISTRY_REGISTRY_PATHS_H_

#include <string>
#include <variant>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/base/digest.h"
#include "kraken/base/image_name.h"
#include "kraken/base/repository_name.h"
#include "kraken/registry/errors.h"

namespace kraken::registry {

// The endpoints of the OCI distribution specification 1.1.
enum class Endpoint {
  kBase,         // /v2/
  kCatalog,      // /v2/_catalog
  kManifest,     // /v2/<name>/manifests/<reference>
  kBlob,         // /v2/<name>/blobs/<digest>
  kUploadStart,  // /v2/<name>/blobs/uploads/
  kUpload,       // /v2/<name>/blobs/uploads/<id>
  kTagsList,     // /v2/<name>/tags/list
  kReferrers,    // /v2/<name>/referrers/<digest>
};

// A request to a registry, its path parsed into types. What belongs to the endpoint is there.
struct RegistryRequest {
  Endpoint endpoint = Endpoint::kBase;
  absl::optional<RepositoryName> repository;  // all but kBase and kCatalog
  absl::optional<Reference> reference;        // kManifest
  absl::optional<Digest> digest;              // kBlob, kReferrers
  std::string upload_id;                      // kUpload
};

// Why a path leads nowhere: 404 (no such endpoint), 400 (a name, tag or digest that is none) or
// 405.
struct RegistryRefusal {
  ErrorReply reply;
  absl::optional<std::string> allow;  // of a 405: the Allow field, which may be empty
};

// Whether the registry takes pushes.
enum class RegistryMode { kReadOnly, kReadWrite };

// `raw_path` is the path as sent, without query. It is split while still escaped, and each segment
// is decoded once. A repository may itself be called "a/manifests/b": the end of the path decides.
// HEAD is allowed wherever GET is.
std::variant<RegistryRequest, RegistryRefusal> ParseRegistryPath(absl::string_view method,
                                                                 absl::string_view raw_path,
                                                                 RegistryMode mode);

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_REGISTRY_PATHS_H_
