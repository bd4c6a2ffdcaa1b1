// A registry that stands in for another one is told for which.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kraken/base/clock.h"
#include "kraken/base/image_name.h"
#include "kraken/base/random.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/http_message.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/registry_client.h"
#include "kraken/registry/testing/docker_registry.h"
#include "kraken/registry/testing/scripted_server.h"

namespace kraken::registry {
namespace {

using testing::DigestOf;
using ::testing::ElementsAre;
using testing::ScriptedServer;

std::vector<std::string> TargetsAsked(const std::string& mirrored_host) {
  ScriptedServer server([](std::shared_ptr<net::HttpExchange> exchange, int) {
    exchange->Respond(200, {{"Docker-Content-Digest", DigestOf("{}").ToString()}}, "{}");
  });
  SystemBitGen bits;
  net::BlockingHttpClient http{net::HttpClientOptions()};
  RegistryClientOptions options;
  options.registry = server.url();
  options.mirrored_host = mirrored_host;
  RegistryClient client(options, &http, &SystemClock::Get(), &bits);
  const RepositoryName repository = *RepositoryName::Parse("library/debian");
  EXPECT_OK(client.Ping(Cancellation()));
  EXPECT_OK(client.GetManifest(repository, *Reference::Parse("latest"), Cancellation()));
  EXPECT_OK(client.HeadBlob(repository, DigestOf("{}"), Cancellation()));
  std::vector<std::string> targets;
  for (const net::HttpRequestHead& request : server.requests()) targets.push_back(request.target);
  return targets;
}

TEST(RegistryClientMirrorTest, EveryRequestNamesTheRegistryThatIsMeant) {
  const std::string blob = absl::StrCat("/v2/library/debian/blobs/", DigestOf("{}").ToString());
  EXPECT_THAT(TargetsAsked("harbor.example.com:8443"),
              ElementsAre("/v2/?ns=harbor.example.com%3A8443",
                          "/v2/library/debian/manifests/latest?ns=harbor.example.com%3A8443",
                          blob + "?ns=harbor.example.com%3A8443"));
  EXPECT_THAT(TargetsAsked(""), ElementsAre("/v2/", "/v2/library/debian/manifests/latest", blob));
}

}  // namespace
}  // namespace kraken::registry
