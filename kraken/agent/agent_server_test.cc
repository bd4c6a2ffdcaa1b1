#include "kraken/agent/agent_server.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/agent/test_agent.h"
#include "kraken/agent/testing/scripted_build_index.h"
#include "kraken/agent/testing/scripted_tracker.h"
#include "kraken/base/test_util.h"
#include "kraken/net/raw_connection.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::agent {
namespace {

using storage::TestBlob;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int64_t kPiece = 64 << 10;

class AgentServerTest : public ::testing::Test {
 protected:
  std::string Ask(absl::string_view method, absl::string_view target) {
    net::RawConnection connection(agent_.admin_address());
    connection.Send(
        absl::StrCat(method, " ", target, " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"));
    return connection.ReadToEnd();
  }

  const TestBlob blob_{3 * kPiece, kPiece};
  ScriptedBuildIndex build_index_;
  ScriptedTracker tracker_;
  TestAgent agent_{{.tracker = tracker_.address(), .build_index = build_index_.address()}};
};

TEST_F(AgentServerTest, TellsTheDigestOfATag) {
  build_index_.SetTag("library/debian:latest", blob_.digest);
  EXPECT_THAT(Ask("GET", "/tags/library%2Fdebian:latest"),
              AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\n" + blob_.digest.ToString())));
  EXPECT_THAT(Ask("GET", "/tags/library%2Fdebian:old"),
              AllOf(StartsWith("HTTP/1.1 404 "), HasSubstr("no tag library/debian:old")));
}

TEST_F(AgentServerTest, RefusesWhatIsNoTag) {
  for (const std::string name :
       {"library%2Fdebian", "library%2Fdebian:", ":latest", "library%2Fdebian:-latest"}) {
    SCOPED_TRACE(name);
    EXPECT_THAT(Ask("GET", absl::StrCat("/tags/", name)),
                AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("is not repository:tag")));
  }
}

TEST_F(AgentServerTest, NamesABuildIndexThatIsDown) {
  build_index_.Stop();
  EXPECT_THAT(Ask("GET", "/tags/library%2Fdebian:latest"),
              AllOf(StartsWith("HTTP/1.1 503 "), HasSubstr(build_index_.address())));
}

TEST_F(AgentServerTest, DeletesABlobByEitherFormOfItsDigest) {
  for (const std::string& name : {blob_.digest.ToString(), blob_.digest.hex()}) {
    ASSERT_OK(agent_.store().PutSmall(blob_.digest, blob_.bytes));
    EXPECT_THAT(Ask("DELETE", "/blobs/" + name), StartsWith("HTTP/1.1 200 "));
    EXPECT_FALSE(agent_.store().Contains(blob_.digest));
  }
  // As in Kraken, what is not there counts as deleted.
  EXPECT_THAT(Ask("DELETE", "/blobs/" + blob_.digest.ToString()), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(Ask("DELETE", "/blobs/sha256:abc"), StartsWith("HTTP/1.1 400 "));
}

}  // namespace
}  // namespace kraken::agent
