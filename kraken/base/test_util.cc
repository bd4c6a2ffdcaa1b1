#include "kraken/base/test_util.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace kraken {

std::string MakeTestDir() {
  std::string path = ::testing::TempDir() + "kh_XXXXXX";
  EXPECT_NE(::mkdtemp(path.data()), nullptr) << path;
  return path;
}

std::string ReadTestFile(absl::string_view workspace_path) {
  std::ifstream file((std::string(workspace_path)), std::ios::binary);
  EXPECT_TRUE(file.good()) << workspace_path;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void WriteTestFile(const std::string& path, absl::string_view content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  file.close();
  EXPECT_TRUE(file.good()) << path;
}

}  // namespace kraken
