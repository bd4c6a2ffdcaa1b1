#include "kraken/backend/file/file_backend.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/backend/testing_backend.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/sha256.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/tag.h"
#include "kraken/base/test_util.h"
#include "kraken/registry/cancellation.h"

namespace kraken::backend {
namespace {

using ::testing::HasSubstr;

Digest DigestOf(absl::string_view content) {
  Sha256 sha256;
  sha256.Update(content);
  return sha256.Finish();
}

// Writes `root`/`path` and the folders on the way.
void WriteBelow(const std::string& root, const std::string& path, absl::string_view content) {
  std::string folder = root;
  const std::vector<std::string> parts = absl::StrSplit(path, '/');
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    absl::StrAppend(&folder, "/", parts[i]);
    mkdir(folder.c_str(), 0755);
  }
  WriteTestFile(absl::StrCat(root, "/", path), content);
}

// Both layouts, told apart by their content. The parameter: whether it is docker-registry's.
class FileBackendTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) WriteBelow(root_, "docker/registry/v2/blobs/keep", "");
    auto backend = FileBackend::Create(root_);
    ASSERT_OK(backend);
    backend_ = *std::move(backend);
  }

  std::string BlobPath(const Digest& digest) const {
    const std::string hex = digest.hex();
    return GetParam() ? absl::StrCat("docker/registry/v2/blobs/sha256/", hex.substr(0, 2), "/", hex,
                                     "/data")
                      : absl::StrCat("blobs/sha256/", hex);
  }
  std::string TagPath(const std::string& repository, const std::string& tag) const {
    return GetParam() ? absl::StrCat("docker/registry/v2/repositories/", repository,
                                     "/_manifests/tags/", tag, "/current/link")
                      : absl::StrCat("tags/", repository, "/", tag);
  }
  Digest Put(absl::string_view content) {
    const Digest digest = DigestOf(content);
    WriteBelow(root_, BlobPath(digest), content);
    return digest;
  }

  const std::string root_ = MakeTestDir();
  const Namespace namespace_ = *Namespace::Parse("library/debian");
  registry::Cancellation cancellation_;
  std::shared_ptr<FileBackend> backend_;
};

INSTANTIATE_TEST_SUITE_P(Layouts, FileBackendTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Registry" : "Plain"; });

TEST_P(FileBackendTest, ServesBlobs) {
  const std::string content(700000, 'x');
  const Digest digest = Put(content);
  EXPECT_THAT(backend_->StatBlob(namespace_, digest, cancellation_),
              IsOkAndHolds(ByteCount(700000)));
  StringSink sink;
  ASSERT_OK(backend_->DownloadBlob(namespace_, digest, ByteOffset(0), sink, cancellation_));
  EXPECT_EQ(sink.begun, 1);
  EXPECT_EQ(sink.size, ByteCount(700000));
  EXPECT_EQ(sink.content, content);
}

TEST_P(FileBackendTest, ServesFromAnOffset) {
  const Digest digest = Put("0123456789");
  StringSink sink;
  ASSERT_OK(backend_->DownloadBlob(namespace_, digest, ByteOffset(7), sink, cancellation_));
  EXPECT_EQ(sink.content, "789");
  EXPECT_EQ(sink.size, ByteCount(10));
  StringSink end;
  ASSERT_OK(backend_->DownloadBlob(namespace_, digest, ByteOffset(10), end, cancellation_));
  EXPECT_EQ(end.begun, 1);
  EXPECT_EQ(end.content, "");
  StringSink part;
  part.wanted_end = ByteOffset(5);
  ASSERT_OK(backend_->DownloadBlob(namespace_, digest, ByteOffset(2), part, cancellation_));
  EXPECT_EQ(part.content, "234");
  EXPECT_EQ(part.size, ByteCount(10));
  StringSink behind;
  EXPECT_THAT(backend_->DownloadBlob(namespace_, digest, ByteOffset(11), behind, cancellation_),
              StatusIs(absl::StatusCode::kOutOfRange));
}

TEST_P(FileBackendTest, ServesAnEmptyBlob) {
  StringSink sink;
  ASSERT_OK(backend_->DownloadBlob(namespace_, Put(""), ByteOffset(0), sink, cancellation_));
  EXPECT_EQ(sink.size, ByteCount(0));
}

TEST_P(FileBackendTest, MissingBlobIsNotFoundAndNamed) {
  const Digest digest = DigestOf("missing");
  EXPECT_THAT(backend_->StatBlob(namespace_, digest, cancellation_),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(digest.hex())));
  StringSink sink;
  EXPECT_THAT(backend_->DownloadBlob(namespace_, digest, ByteOffset(0), sink, cancellation_),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(FileBackendTest, FolderInABlobsPlaceIsNoBlob) {
  const Digest digest = DigestOf("folder");
  WriteBelow(root_, BlobPath(digest) + "/x", "");
  EXPECT_THAT(backend_->StatBlob(namespace_, digest, cancellation_),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_P(FileBackendTest, ResolvesTags) {
  const Digest digest = Put("{}");
  WriteBelow(root_, TagPath("library/debian", "latest"), digest.ToString());
  WriteBelow(root_, TagPath("library/debian", "newline"), digest.ToString() + "\n");
  EXPECT_THAT(backend_->ResolveTag(namespace_, *Tag::Parse("latest"), cancellation_),
              IsOkAndHolds(digest));
  EXPECT_THAT(backend_->ResolveTag(namespace_, *Tag::Parse("newline"), cancellation_),
              IsOkAndHolds(digest));
  EXPECT_THAT(backend_->ResolveTag(namespace_, *Tag::Parse("none"), cancellation_),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(
      backend_->ResolveTag(*Namespace::Parse("other/debian"), *Tag::Parse("latest"), cancellation_),
      StatusIs(absl::StatusCode::kNotFound));
}

// The repository is looked up without the host, which only chose this backend.
TEST_P(FileBackendTest, HostOfANamespaceDoesNotMatter) {
  const Digest digest = Put("{}");
  WriteBelow(root_, TagPath("library/debian", "latest"), digest.ToString());
  EXPECT_THAT(backend_->ResolveTag(*Namespace::Parse("harbor.example.com/library/debian"),
                                   *Tag::Parse("latest"), cancellation_),
              IsOkAndHolds(digest));
}

TEST_P(FileBackendTest, TagOfAMissingManifestIsNotFound) {
  WriteBelow(root_, TagPath("library/debian", "latest"), DigestOf("gone").ToString());
  EXPECT_THAT(backend_->ResolveTag(namespace_, *Tag::Parse("latest"), cancellation_),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(FileBackendTest, TagFileWithoutDigestIsDataLoss) {
  int i = 0;
  for (const std::string& content : {std::string(), std::string("latest"), std::string(1000, 'a'),
                                     std::string("sha256:\0", 8)}) {
    const std::string tag = absl::StrCat("bad", i++);
    WriteBelow(root_, TagPath("library/debian", tag), content);
    EXPECT_THAT(backend_->ResolveTag(namespace_, *Tag::Parse(tag), cancellation_),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(tag)));
  }
}

TEST_P(FileBackendTest, NamespaceThatIsNoRepositoryIsRefused) {
  EXPECT_THAT(backend_->ResolveTag(*Namespace::Parse("TODO"), *Tag::Parse("latest"), cancellation_),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_P(FileBackendTest, StopsWhenCancelled) {
  const Digest digest = Put(std::string(1 << 20, 'x'));
  StringSink sink;
  sink.on_write = [this] {
    cancellation_.Cancel();
    return absl::OkStatus();
  };
  EXPECT_THAT(backend_->DownloadBlob(namespace_, digest, ByteOffset(0), sink, cancellation_),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_LT(sink.content.size(), size_t{1 << 20});
}

TEST_P(FileBackendTest, SinksErrorComesBackAsItIs) {
  const Digest digest = Put("content");
  StringSink sink;
  sink.on_write = [] { return absl::ResourceExhaustedError("disk full"); };
  EXPECT_THAT(backend_->DownloadBlob(namespace_, digest, ByteOffset(0), sink, cancellation_),
              StatusIs(absl::StatusCode::kResourceExhausted, "disk full"));
}

TEST_P(FileBackendTest, FileThatBecomesShorterIsDataLoss) {
  const Digest digest = Put(std::string(1 << 20, 'x'));
  StringSink sink;
  sink.on_write = [&] {
    EXPECT_EQ(truncate(absl::StrCat(root_, "/", BlobPath(digest)).c_str(), 10), 0);
    return absl::OkStatus();
  };
  EXPECT_THAT(backend_->DownloadBlob(namespace_, digest, ByteOffset(0), sink, cancellation_),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST_P(FileBackendTest, ReadyAsLongAsTheFolderIsThere) {
  EXPECT_OK(backend_->CheckReady(cancellation_));
  EXPECT_EQ(rename(root_.c_str(), (root_ + ".gone").c_str()), 0);
  EXPECT_THAT(backend_->CheckReady(cancellation_),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(root_)));
}

TEST(FileBackendCreateTest, RefusesWhatIsNoFolder) {
  const std::string root = MakeTestDir();
  EXPECT_THAT(FileBackend::Create(root + "/none"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(root + "/none")));
  WriteTestFile(root + "/file", "");
  EXPECT_THAT(FileBackend::Create(root + "/file"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("not a folder")));
}

}  // namespace
}  // namespace kraken::backend
