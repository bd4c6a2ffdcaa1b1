#include "kraken/storage/file_system.h"

#include <fcntl.h>

#include "kraken/base/test_util.h"
#include "kraken/storage/file_io.h"

namespace kraken::storage {
namespace {

using testing::HasSubstr;

TEST(FileSystemTest, ErrorsNameOperationAndPath) {
  FileSystem& files = PosixFileSystem();
  const std::string missing = MakeTestDir() + "/missing";
  EXPECT_THAT(files.Open(missing, O_RDONLY),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("open " + missing)));
  EXPECT_THAT(files.Unlink(missing), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(files.Rename(missing, missing + "2"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(files.SyncDirectory(missing), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(files.Stat(missing), StatusIs(absl::StatusCode::kNotFound));
}

TEST(FileSystemTest, DirectoryMayExistButAFileMayNotStandInForIt) {
  FileSystem& files = PosixFileSystem();
  const std::string directory = MakeTestDir();
  bool created;
  ASSERT_OK(files.MakeDirectory(directory + "/a", &created));
  EXPECT_TRUE(created);
  ASSERT_OK(files.MakeDirectory(directory + "/a", &created));
  EXPECT_FALSE(created);
  WriteTestFile(directory + "/file", "");
  EXPECT_THAT(files.MakeDirectory(directory + "/file", &created),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(FileSystemTest, AllocatedFileHasItsSize) {
  FileSystem& files = PosixFileSystem();
  const std::string path = MakeTestDir() + "/data";
  ASSERT_OK_AND_ASSIGN(const UniqueFd fd, files.Open(path, O_CREAT | O_RDWR));
  bool reserved;
  for (const uint64_t size : {uint64_t{100'000}, uint64_t{10}, uint64_t{0}}) {
    ASSERT_OK(files.Allocate(fd.get(), size, path, &reserved));
    ASSERT_OK_AND_ASSIGN(const struct stat info, files.Stat(path));
    EXPECT_EQ(static_cast<uint64_t>(info.st_size), size);
  }
}

TEST(FileSystemTest, FullDeviceIsResourceExhausted) {
  ASSERT_OK_AND_ASSIGN(const UniqueFd fd, PosixFileSystem().Open("/dev/full", O_WRONLY));
  EXPECT_THAT(PosixFileSystem().WriteMetadata(fd.get(), 0, "x", "/dev/full"),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("/dev/full")));
}

TEST(FileIoTest, ReadAtTheEndIsOutOfRange) {
  const std::string path = MakeTestDir() + "/data";
  WriteTestFile(path, "0123456789");
  ASSERT_OK_AND_ASSIGN(const UniqueFd fd, PosixFileSystem().Open(path, O_RDONLY));
  std::vector<uint8_t> buffer(4);
  EXPECT_OK(ReadFully(fd.get(), 6, absl::MakeSpan(buffer), path));
  EXPECT_THAT(ReadFully(fd.get(), 7, absl::MakeSpan(buffer), path),
              StatusIs(absl::StatusCode::kOutOfRange));
}

}  // namespace
}  // namespace kraken::storage
