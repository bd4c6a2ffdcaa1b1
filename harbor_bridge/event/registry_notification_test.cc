#include "harbor_bridge/event/registry_notification.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace harbor_bridge {
namespace {

using kraken::StatusIs;

constexpr char kDigest[] =
    "sha256:3899a8014fe987bab1c421db980e6d80e9d79b905161d28d4a9666ed76024899";

TEST(RegistryNotificationTest, ReadsWhatRegistry28Sends) {
  const std::string body = absl::StrCat(
      R"({"events":[{"id":"4cea551e","timestamp":"2026-11-24T18:55:09.374156923Z","action":"push",
         "target":{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":412,
         "digest":")",
      kDigest, R"(","length":412,"repository":"library/nginx",
         "url":"http://127.0.0.1:15000/v2/library/nginx/manifests/)",
      kDigest, R"(","tag":"v1"},
         "request":{"method":"PUT"},"actor":{"name":"harbor_registry_user"}}]})");
  ASSERT_OK_AND_ASSIGN(const ParsedEvents parsed, ParseRegistryNotification(body));
  ASSERT_EQ(parsed.events.size(), 1u);
  EXPECT_EQ(parsed.events[0].kind, ImageEvent::Kind::kPush);
  EXPECT_EQ(parsed.events[0].repository->ToString(), "library/nginx");
  EXPECT_EQ(parsed.events[0].images[0].tag->ToString(), "v1");
  EXPECT_EQ(parsed.events[0].images[0].digest->ToString(), kDigest);
}

TEST(RegistryNotificationTest, ReadsHarborsPreheatWithItsCapitalsAndNulls) {
  const std::string body = absl::StrCat(
      R"({"Events":[{"Id":"x","TimeStamp":"2026-11-24T18:55:09Z","Action":"push","Target":{
         "MediaType":"application/vnd.docker.distribution.manifest.v2+json","Digest":")",
      kDigest,
      R"(","Repository":"team/app","Url":"https://harbor/v2/team/app/manifests/1.0","Tag":"1.0"},
         "Request":null,"Actor":null}]})");
  ASSERT_OK_AND_ASSIGN(const ParsedEvents parsed, ParseRegistryNotification(body));
  ASSERT_EQ(parsed.events.size(), 1u);
  EXPECT_EQ(parsed.events[0].repository->ToString(), "team/app");
  EXPECT_EQ(parsed.events[0].images[0].tag->ToString(), "1.0");
}

TEST(RegistryNotificationTest, ATagMayBeMissing) {
  const std::string body =
      absl::StrCat(R"({"events":[{"action":"push","target":{"repository":"a/b","digest":")",
                   kDigest, R"("}}]})");
  ASSERT_OK_AND_ASSIGN(const ParsedEvents parsed, ParseRegistryNotification(body));
  ASSERT_EQ(parsed.events.size(), 1u);
  EXPECT_FALSE(parsed.events[0].images[0].tag.has_value());
}

// Preheat says Docker's manifest of everything.
TEST(RegistryNotificationTest, WhatKindOfManifestItSaysChangesNothing) {
  for (const char* type : {"application/vnd.oci.image.index.v1+json", "", "text/html"}) {
    const std::string body =
        absl::StrCat(R"({"events":[{"action":"push","target":{"mediaType":")", type,
                     R"(","repository":"a/b","digest":")", kDigest, R"("}}]})");
    ASSERT_OK_AND_ASSIGN(const ParsedEvents parsed, ParseRegistryNotification(body));
    EXPECT_EQ(parsed.events.size(), 1u) << type;
  }
}

// Whoever can write a URL into an event must gain nothing by it.
TEST(RegistryNotificationTest, AUrlIsNotLookedAt) {
  for (const char* url : {"http://169.254.169.254/latest/meta-data", "file:///etc/shadow",
                          "http://r/v2/evil/image/blobs/x", "http://r/v2/evil/image/manifests/x"}) {
    const std::string body =
        absl::StrCat(R"({"events":[{"action":"push","target":{"repository":"a/b","digest":")",
                     kDigest, R"(","url":")", url, R"("}}]})");
    ASSERT_OK_AND_ASSIGN(const ParsedEvents parsed, ParseRegistryNotification(body));
    ASSERT_EQ(parsed.events.size(), 1u) << url;
    EXPECT_EQ(parsed.events[0].repository->ToString(), "a/b");
    EXPECT_EQ(parsed.events[0].images[0].digest->ToString(), kDigest);
  }
}

TEST(RegistryNotificationTest, SaysWhichProcessOfTheRegistryItIs) {
  ASSERT_OK_AND_ASSIGN(const ParsedEvents parsed, ParseRegistryNotification(R"({"events":[
      {"action":"delete","target":{"repository":"a/b"},"source":{"instanceID":"ec02e11d"}}]})"));
  EXPECT_EQ(parsed.instance, "ec02e11d");
  ASSERT_EQ(parsed.events.size(), 1u);
  EXPECT_TRUE(parsed.events[0].images.empty()) << "all of the repository";
}

TEST(RegistryNotificationTest, PassesOverBlobs) {
  const std::string body = absl::StrCat(
      R"({"events":[{"action":"push","target":{"mediaType":"application/octet-stream",
         "repository":"a/b","digest":")",
      kDigest, R"(","url":"http://r/v2/a/b/blobs/)", kDigest, R"("}}]})");
  ASSERT_OK_AND_ASSIGN(const ParsedEvents parsed, ParseRegistryNotification(body));
  EXPECT_TRUE(parsed.events.empty());
  EXPECT_EQ(parsed.ignored, 1u);
  EXPECT_TRUE(parsed.unreadable.empty());
}

TEST(RegistryNotificationTest, ABadEntryDoesNotCostTheGoodOnes) {
  const std::string body = absl::StrCat(
      R"({"events":[{"action":"push"},null,7,{"action":"fly","target":{"repository":"a/b"}},
         {"action":"push","target":{"repository":"../etc","digest":")",
      kDigest, R"("}},
         {"action":"push","target":{"repository":"a/b","digest":"md5:0"}},
         {"action":"push","target":{"repository":"a/b","digest":")",
      kDigest, R"("}}]})");
  ASSERT_OK_AND_ASSIGN(const ParsedEvents parsed, ParseRegistryNotification(body));
  EXPECT_EQ(parsed.events.size(), 1u);
  EXPECT_EQ(parsed.unreadable.size(), 6u);
}

TEST(RegistryNotificationTest, RefusesWhatIsNoNotification) {
  for (const char* body : {"", "[]", "{}", "{\"events\":{}}", "{\"events\":[", "\xff\xfe"}) {
    EXPECT_THAT(ParseRegistryNotification(body), StatusIs(absl::StatusCode::kInvalidArgument))
        << body;
  }
  EXPECT_THAT(ParseRegistryNotification(std::string(100'000, '[')),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace harbor_bridge
