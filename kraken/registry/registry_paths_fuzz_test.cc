#include <cstddef>
#include <cstdint>
#include <variant>

#include "absl/strings/string_view.h"
#include "kraken/base/check.h"
#include "kraken/registry/registry_paths.h"

// "METHOD path": refused, or every part that the endpoint needs is there.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using kraken::registry::Endpoint;
  using kraken::registry::RegistryMode;
  using kraken::registry::RegistryRefusal;
  using kraken::registry::RegistryRequest;
  const absl::string_view line(reinterpret_cast<const char*>(data), size);
  const size_t space = line.find(' ');
  if (space == absl::string_view::npos) return 0;
  for (RegistryMode mode : {RegistryMode::kReadOnly, RegistryMode::kReadWrite}) {
    const auto parsed =
        kraken::registry::ParseRegistryPath(line.substr(0, space), line.substr(space + 1), mode);
    if (const auto* refusal = std::get_if<RegistryRefusal>(&parsed)) {
      const int status = refusal->reply.http_status;
      KH_CHECK(status == 400 || status == 404 || status == 405);
      KH_CHECK(refusal->allow.has_value() == (status == 405));
      KH_CHECK(!refusal->reply.error.code.empty());
      continue;
    }
    const RegistryRequest& request = std::get<RegistryRequest>(parsed);
    const Endpoint endpoint = request.endpoint;
    KH_CHECK(request.repository.has_value() ==
             (endpoint != Endpoint::kBase && endpoint != Endpoint::kCatalog));
    KH_CHECK(request.reference.has_value() == (endpoint == Endpoint::kManifest));
    KH_CHECK(request.digest.has_value() ==
             (endpoint == Endpoint::kBlob || endpoint == Endpoint::kReferrers));
    KH_CHECK(request.upload_id.empty() == (endpoint != Endpoint::kUpload));
  }
  return 0;
}
