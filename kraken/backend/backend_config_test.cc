#include "kraken/backend/backend_config.h"

#include <re2/re2.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/config/loader.h"
#include "kraken/config/reader.h"
#include "kraken/config/yaml_parser.h"

namespace kraken::backend {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

struct Document {
  std::vector<BackendEntryConfig> backends;
};
void ReadConfig(config::ObjectReader& r, Document* c) { r.Required("backends", &c->backends); }

std::vector<std::string> last_warnings;

absl::StatusOr<Document> Read(const absl::StatusOr<config::Node>& root) {
  if (!root.ok()) return root.status();
  Document document;
  absl::Status status = config::ReadDocument(*root, &document, &last_warnings);
  if (!status.ok()) return status;
  return document;
}

absl::StatusOr<Document> Read(absl::string_view text) {
  return Read(config::ParseYaml(text, "origin.yaml"));
}

auto IsFailure(const std::string& text) {
  return StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(text));
}

TEST(BackendConfigTest, ReadsKrakensKeys) {
  ASSERT_OK_AND_ASSIGN(const Document document, Read(R"(
backends:
  - namespace: ^harbor-eu\.example\.com/.*
    backend:
      registry_blob:
        address: harbor-registry.eu.svc.cluster.local:5000
        timeout: 30s
        security:
          basic: {username: "robot$kraken", password: XXXXX}
          tls: {client: {cert: {path: /etc/x.crt}, key: {path: /etc/x.key}}, cas: [{path: /ca}]}
    bandwidth: {enable: true, ingress_bits_per_sec: 8000, egress_bits_per_sec: 16}
    must_ready: true
  - namespace: library/.*
    backend:
      registry_tag:
        address: index.docker.io
        security: {basic: {username: "", password: ""}, tls: {client: {disabled: true}}}
  - namespace: .*
    backend: {file: {root_directory: /srv/images}}
    max_concurrent: 7
)"));
  EXPECT_THAT(last_warnings, IsEmpty());
  ASSERT_THAT(document.backends, SizeIs(3));

  const BackendEntryConfig& blobs = document.backends[0];
  EXPECT_EQ(blobs.pattern->pattern(), R"(^harbor-eu\.example\.com/.*)");
  ASSERT_TRUE(blobs.registry_blob.has_value());
  EXPECT_EQ(blobs.registry_blob->address, "harbor-registry.eu.svc.cluster.local:5000");
  EXPECT_EQ(blobs.registry_blob->timeout, absl::Seconds(30));
  EXPECT_EQ(blobs.registry_blob->credentials.username, "robot$kraken");
  EXPECT_EQ(blobs.registry_blob->credentials.password, "XXXXX");
  EXPECT_EQ(blobs.registry_blob->tls.client.cert.path, "/etc/x.crt");
  EXPECT_FALSE(blobs.registry_blob->tls.client.disabled);
  EXPECT_TRUE(blobs.bandwidth.enable);
  EXPECT_EQ(blobs.bandwidth.ingress_bits_per_sec, 8000);
  EXPECT_TRUE(blobs.must_ready);
  EXPECT_EQ(blobs.max_concurrent, BackendEntryConfig::kDefaultMaxConcurrent);

  const BackendEntryConfig& tags = document.backends[1];
  ASSERT_TRUE(tags.registry_tag.has_value());
  EXPECT_EQ(tags.registry_tag->timeout, absl::Seconds(60));
  EXPECT_TRUE(tags.registry_tag->credentials.empty());
  EXPECT_TRUE(tags.registry_tag->tls.client.disabled);
  EXPECT_FALSE(tags.must_ready);
  EXPECT_FALSE(tags.bandwidth.enable);

  const BackendEntryConfig& files = document.backends[2];
  ASSERT_TRUE(files.file.has_value());
  EXPECT_EQ(files.file->root_directory, "/srv/images");
  EXPECT_EQ(files.max_concurrent, 7);
}

TEST(BackendConfigTest, PasswordComesFromAFile) {
  const std::string directory = MakeTestDir();
  const std::string secret_file = absl::StrCat(directory, "/secret");
  const std::string config_file = absl::StrCat(directory, "/origin.yaml");
  WriteTestFile(secret_file, "from a file\n");
  WriteTestFile(config_file,
                absl::StrCat("backends: [{namespace: .*, backend: {registry_blob: {address: 'h:1', "
                             "security: {basic: {username: u, password: \"${file:",
                             secret_file, "}\"}}}}}]\n"));
  ASSERT_OK_AND_ASSIGN(const Document document, Read(config::Load({.config_path = config_file})));
  EXPECT_EQ(document.backends[0].registry_blob->credentials.password, "from a file");
}

TEST(BackendConfigTest, ExactlyOneKind) {
  EXPECT_THAT(Read("backends: [{namespace: .*, backend: {}}]"), IsFailure("exactly one of"));
  EXPECT_THAT(Read("backends: [{namespace: .*, backend: {file: {root_directory: /a}, "
                   "registry_tag: {address: 'h:1'}}}]"),
              IsFailure("exactly one of"));
  EXPECT_THAT(Read("backends: [{namespace: .*}]"), IsFailure("backend"));
}

TEST(BackendConfigTest, UnknownKindIsNamed) {
  EXPECT_THAT(Read("backends: [{namespace: .*, backend: {registry_blobs: {address: 'h:1'}}}]"),
              IsFailure("registry_blobs"));
}

TEST(BackendConfigTest, BadExpressionIsAnErrorWithItsPlace) {
  EXPECT_THAT(Read("backends:\n- namespace: \"(\"\n  backend: {file: {root_directory: /a}}\n"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("origin.yaml:2"), HasSubstr("namespace"))));
}

TEST(BackendConfigTest, MissingAddressIsAnError) {
  EXPECT_THAT(Read("backends: [{namespace: .*, backend: {registry_blob: {timeout: 1s}}}]"),
              IsFailure("address"));
}

TEST(BackendConfigTest, LimitsAreChecked) {
  for (const char* value : {"0", "-1", "5000"}) {
    EXPECT_THAT(Read(absl::StrCat("backends: [{namespace: .*, max_concurrent: ", value,
                                  ", backend: {file: {root_directory: /a}}}]")),
                IsFailure("max_concurrent"));
  }
}

TEST(BackendConfigTest, ErrorsDoNotShowPasswords) {
  EXPECT_THAT(Read("backends: [{namespace: .*, backend: {registry_blob: {address: 'h:1', "
                   "security: {basic: {username: u, password: hunter2, passwort: hunter2}}}}}]"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("passwort"), Not(HasSubstr("hunter2")))));
}

}  // namespace
}  // namespace kraken::backend
