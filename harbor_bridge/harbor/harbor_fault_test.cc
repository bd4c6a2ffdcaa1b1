#include "harbor_bridge/harbor/harbor_fault.h"

#include <iterator>
#include <set>
#include <string>

#include "harbor_bridge/harbor/api_error.h"
#include "kraken/base/status_util.h"
#include "kraken/base/test_util.h"
#include "kraken/registry/errors.h"

namespace harbor_bridge::api {
namespace {

using ::testing::HasSubstr;

const CallDescription kCall = {.harbor = "eu", .method = "GET", .url = "https://hub/x"};

HarborFault OfRegistryAnswer(int http_status) {
  return FaultOfRegistry(
      kraken::Annotate(kraken::registry::StatusFromResponse(http_status, "", "registry"), "again"));
}

HarborFault OfApiAnswer(int http_status) {
  return FaultOfApi(kraken::Annotate(StatusFromAnswer(kCall, http_status, "", ""), "again"));
}

TEST(HarborFaultTest, AnAnswerTellsCredentialsFromOtherFaults) {
  for (const auto of : {OfRegistryAnswer, OfApiAnswer}) {
    EXPECT_EQ(of(401), HarborFault::kCredentials);
    EXPECT_EQ(of(403), HarborFault::kCredentials);
    for (const int other : {302, 404, 412, 429, 500, 503}) {
      EXPECT_EQ(of(other), HarborFault::kFailing) << other;
    }
  }
}

TEST(HarborFaultTest, WithoutAnAnswerTheCodeTells) {
  const auto of_api = [](const absl::Status& status) {
    return FaultOfApi(StatusFromTransport(kCall, status));
  };
  for (const auto of :
       {+[](const absl::Status& status) { return FaultOfRegistry(status); }, +of_api}) {
    EXPECT_EQ(of(absl::UnavailableError("connection refused")), HarborFault::kUnreachable);
    EXPECT_EQ(of(absl::DeadlineExceededError("no answer")), HarborFault::kSilent);
    EXPECT_EQ(of(absl::UnauthenticatedError("certificate")), HarborFault::kCertificate);
    EXPECT_EQ(of(absl::InternalError("not HTTP")), HarborFault::kFailing);
  }
}

TEST(HarborFaultTest, EachHasANameAndACureOfItsOwn) {
  std::set<std::string> names;
  std::set<std::string> cures;
  for (const HarborFault fault : kHarborFaults) {
    names.insert(std::string(NameOf(fault)));
    cures.insert(CureOf(fault, "harbors[].registry"));
  }
  EXPECT_EQ(names.size(), std::size(kHarborFaults));
  EXPECT_EQ(cures.size(), std::size(kHarborFaults));
  EXPECT_THAT(CureOf(HarborFault::kCertificate, "harbors[].registry"),
              HasSubstr("harbors[].registry.security.tls.cas"));
}

}  // namespace
}  // namespace harbor_bridge::api
