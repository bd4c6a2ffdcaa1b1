#include "kraken/rpc/capabilities.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"

namespace kraken::rpc {

std::string ToJson(const Capabilities& capabilities) {
  nlohmann::json json;
  json["role"] = capabilities.role;
  json["grpc"] = {{"port", capabilities.grpc_port}, {"tls", capabilities.grpc_tls}};
  return DumpJson(json);
}

absl::StatusOr<Capabilities> ParseCapabilities(absl::string_view json) {
  KH_ASSIGN_OR_RETURN(nlohmann::json document, ParseJson(json));
  Capabilities capabilities;
  capabilities.role = JsonString(FindJson(document, "role")).value_or("");
  const nlohmann::json* grpc = FindJson(document, "grpc");
  if (grpc == nullptr) return absl::InvalidArgumentError("capabilities without \"grpc\"");
  const int64_t port = JsonInt64(FindJson(*grpc, "port")).value_or(0);
  if (port <= 0 || port > std::numeric_limits<uint16_t>::max()) {
    return absl::InvalidArgumentError(absl::StrCat("capabilities with gRPC port ", port));
  }
  capabilities.grpc_port = static_cast<uint16_t>(port);
  capabilities.grpc_tls = JsonBool(FindJson(*grpc, "tls")).value_or(false);
  return capabilities;
}

}  // namespace kraken::rpc
