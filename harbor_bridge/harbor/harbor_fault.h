// What is wrong with a Harbor, in a word that page, metrics and doctor share, and what to do.
#ifndef HARBOR_BRIDGE_HARBOR_HARBOR_FAULT_H_
#define HARBOR_BRIDGE_HARBOR_HARBOR_FAULT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace harbor_bridge::api {

enum class HarborFault {
  kUnreachable,  // no address, no route, a refused or broken connection
  kSilent,       // it takes connections and does not answer in time
  kCertificate,  // it, or our trust in it
  kCredentials,  // ours: wrong, disabled, expired, or of too few rights
  kFailing,      // it answers, but not as one that is well
};
inline constexpr HarborFault kHarborFaults[] = {HarborFault::kUnreachable, HarborFault::kSilent,
                                                HarborFault::kCertificate,
                                                HarborFault::kCredentials, HarborFault::kFailing};

// "unreachable", "silent", "certificate", "credentials", "failing".
absl::string_view NameOf(HarborFault fault);

// What to do about it. `section`: of the configuration, "harbors[].registry".
std::string CureOf(HarborFault fault, absl::string_view section);

// Of an error of a RegistryClient. REQUIRES: !status.ok().
HarborFault FaultOfRegistry(const absl::Status& status);
// Of an error of a HarborClient, whose message may have a cure already. REQUIRES: !status.ok().
HarborFault FaultOfApi(const absl::Status& status);

}  // namespace harbor_bridge::api

#endif  // HARBOR_BRIDGE_HARBOR_HARBOR_FAULT_H_
