#include "kraken/agent/look_ahead.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/agent/test_agent.h"
#include "kraken/agent/testing/scripted_tracker.h"
#include "kraken/base/sha256.h"
#include "kraken/base/test_util.h"
#include "kraken/config/config_test_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/url.h"
#include "kraken/peer_wire/test_swarm.h"

namespace kraken::agent {
namespace {

class LookAheadTest : public ::testing::Test {
 protected:
  LookAheadTest() {
    TestAgentOptions options;
    options.tracker = tracker_.address();
    options.look_ahead = LookAheadConfig();
    agent_ = std::make_unique<TestAgent>(options);
  }

  Digest OfferInline(const std::string& bytes) {
    const Digest digest = Sha256Digest(bytes);
    tracker_.Offer(digest, InlineMetainfo(bytes));
    return digest;
  }

  void Ask(const std::string& method, const Digest& manifest) {
    net::HttpClientRequest request;
    request.method = method;
    request.url =
        *net::Url::Parse(absl::StrCat("http://", agent_->registry_address().ToString(),
                                      "/v2/library/debian/manifests/", manifest.ToString()));
    ASSERT_OK_AND_ASSIGN(const net::HttpResponse response, http_.Fetch(std::move(request)));
    EXPECT_EQ(response.status, 200);
  }

  net::BlockingHttpClient http_{net::HttpClientOptions()};
  ScriptedTracker tracker_;
  std::unique_ptr<TestAgent> agent_;
};

TEST_F(LookAheadTest, WhoIsGivenAManifestFindsItsLayersOnTheWay) {
  const Digest layer = Sha256Digest("a layer");
  const Digest digest = OfferInline(absl::StrCat(
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)",
      R"("config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":7,"digest":")",
      layer.ToString(), R"("},"layers":[]})"));
  Ask("HEAD", digest);
  EXPECT_EQ(tracker_.asked(layer), 0) << "who only looks wants no layers";
  Ask("GET", digest);
  EXPECT_TRUE(tracker_.WaitUntilAsked(layer));
  EXPECT_EQ(tracker_.asked_namespace(layer), "library/debian");
  OfferInline("a layer");
  EXPECT_TRUE(peer_wire::WaitFor([&] { return agent_->store().Contains(layer); }));
}

TEST_F(LookAheadTest, OfAnIndexTheNodesPlatformComesAhead) {
  const auto child = [](const std::string& architecture) {
    return absl::StrCat(
        R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","size":9,"digest":")",
        Sha256Digest(architecture).ToString(), R"(","platform":{"os":"linux","architecture":")",
        architecture, R"("}})");
  };
  const Digest digest = OfferInline(absl::StrCat(
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)",
      child("arm64"), ",", child("amd64"), "]}"));
  Ask("GET", digest);
  EXPECT_TRUE(tracker_.WaitUntilAsked(Sha256Digest("amd64")));
  EXPECT_EQ(tracker_.asked(Sha256Digest("arm64")), 0);
}

TEST(LookAheadConfigTest, ReadsPlatforms) {
  ASSERT_OK_AND_ASSIGN(const auto config, config::ReadYaml<LookAheadConfig>(
                                              "{platforms: [linux/arm64/v8, linux/x86_64]}"));
  EXPECT_TRUE(config.enabled);
  ASSERT_EQ(config.platforms.size(), 2u);
  EXPECT_EQ(config.platforms[1].architecture, "amd64");
  EXPECT_FALSE(config::ReadYaml<LookAheadConfig>("{platforms: [linux]}").ok());
}

}  // namespace
}  // namespace kraken::agent
