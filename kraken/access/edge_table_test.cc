#include "kraken/access/edge_table.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/base/sha256.h"
#include "kraken/base/test_util.h"

namespace kraken::access {
namespace {

Namespace Repository(absl::string_view name) { return *Namespace::Parse(name); }
Digest Blob(int number) { return Sha256Digest(absl::StrCat("blob ", number)); }

class EdgeTableTest : public ::testing::Test {
 protected:
  const std::string path_ = absl::StrCat(MakeTestDir(), "/edges");
  const Namespace ns_ = Repository("team/app");
};

TEST_F(EdgeTableTest, KnowsAnEdgeOfItsRepositoryOnly) {
  EdgeTable table(100);
  EXPECT_FALSE(table.Contains(ns_, Blob(1)));
  table.Add(ns_, Blob(1));
  EXPECT_TRUE(table.Contains(ns_, Blob(1)));
  EXPECT_FALSE(table.Contains(ns_, Blob(2)));
  EXPECT_FALSE(table.Contains(Repository("team/other"), Blob(1)));
  EXPECT_FALSE(table.dirty());
}

TEST_F(EdgeTableTest, ForgetsWhatIsNotUsed) {
  EdgeTable table(20);
  table.Add(ns_, Blob(0));
  table.Add(ns_, Blob(1));
  for (int i = 100; i < 116; ++i) {
    table.Add(ns_, Blob(i));
    EXPECT_TRUE(table.Contains(ns_, Blob(0))) << i;
    EXPECT_LE(table.size(), 20u);
  }
  for (int i = 200; i < 208; ++i) table.Add(ns_, Blob(i));
  EXPECT_TRUE(table.Contains(ns_, Blob(0)));
  EXPECT_FALSE(table.Contains(ns_, Blob(1)));
}

TEST_F(EdgeTableTest, ARestartForgetsNothing) {
  EdgeTable table(20);
  ASSERT_OK(table.UseFile(path_));
  for (int i = 0; i < 15; ++i) {
    table.Add(ns_, Blob(i));
    ASSERT_TRUE(table.dirty());
    ASSERT_OK(table.Flush());
    ASSERT_FALSE(table.dirty());
    EdgeTable next(20);
    ASSERT_OK(next.UseFile(path_));
    EXPECT_EQ(next.size(), static_cast<size_t>(i) + 1);
    EXPECT_TRUE(next.Contains(ns_, Blob(0)));
    EXPECT_TRUE(next.Contains(ns_, Blob(i)));
    EXPECT_FALSE(next.Contains(ns_, Blob(i + 1)));
  }
}

TEST_F(EdgeTableTest, HalfANameAtTheEndGarblesNothing) {
  {
    EdgeTable table(100);
    ASSERT_OK(table.UseFile(path_));
    table.Add(ns_, Blob(1));
    table.Add(ns_, Blob(2));
    ASSERT_OK(table.Flush());
  }
  ASSERT_EQ(truncate(path_.c_str(), 24), 0);
  {
    EdgeTable table(100);
    ASSERT_OK(table.UseFile(path_));
    EXPECT_EQ(table.size(), 1u);
    table.Add(ns_, Blob(3));
    ASSERT_OK(table.Flush());
  }
  EdgeTable table(100);
  ASSERT_OK(table.UseFile(path_));
  EXPECT_EQ(table.size(), 2u);
  EXPECT_TRUE(table.Contains(ns_, Blob(3)));
}

TEST_F(EdgeTableTest, WithoutItsFileItWorksInMemory) {
  EdgeTable table(100);
  EXPECT_FALSE(table.UseFile("/nowhere/edges").ok());
  table.Add(ns_, Blob(1));
  EXPECT_TRUE(table.Contains(ns_, Blob(1)));
  EXPECT_FALSE(table.dirty());
}

TEST_F(EdgeTableTest, AWriteThatFailedIsMadeUpFor) {
  EdgeTable table(100);
  ASSERT_OK(table.UseFile(path_));
  ASSERT_OK(table.Flush());
  ASSERT_EQ(rename(path_.c_str(), absl::StrCat(path_, ".away").c_str()), 0);
  ASSERT_EQ(mkdir(path_.c_str(), 0700), 0);
  table.Add(ns_, Blob(1));
  EXPECT_FALSE(table.Flush().ok());
  EXPECT_TRUE(table.dirty());
  ASSERT_EQ(rmdir(path_.c_str()), 0);
  ASSERT_OK(table.Flush());
  EdgeTable next(100);
  ASSERT_OK(next.UseFile(path_));
  EXPECT_TRUE(next.Contains(ns_, Blob(1)));
}

TEST_F(EdgeTableTest, NobodyElseMayReadTheFile) {
  EdgeTable table(100);
  ASSERT_OK(table.UseFile(path_));
  ASSERT_OK(table.Flush());
  struct stat info;
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

}  // namespace
}  // namespace kraken::access
