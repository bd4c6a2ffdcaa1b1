#include "kraken/daemon/blob_store_config.h"

#include <sys/stat.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kraken/base/test_util.h"
#include "kraken/base/worker_pool.h"
#include "kraken/config/config_test_util.h"

namespace kraken::daemon {

// Found by the reader beside the type.
void ReadConfig(config::ObjectReader& r, BlobStoreConfig* c) { ReadBlobStoreConfig(r, c); }

namespace {

using testing::HasSubstr;

absl::StatusOr<BlobStoreConfig> Read(absl::string_view text) {
  std::vector<std::string> warnings;
  return config::ReadYaml<BlobStoreConfig>(text, &warnings);
}

TEST(BlobStoreConfigTest, KrakensVolumesShareTheCapacityByWeight) {
  ASSERT_OK_AND_ASSIGN(const BlobStoreConfig config,
                       Read("cache_dir: /cache\n"
                            "capacity: 400\n"
                            "allow_missing_volumes: false\n"
                            "volumes:\n"
                            "- {location: /mnt/a, weight: 100}\n"
                            "- {location: /mnt/b, weight: 300, capacity: 7}\n"));
  const storage::VolumeSetOptions options = VolumeSetOptionsOf(config);
  ASSERT_EQ(options.volumes.size(), 2u);
  EXPECT_EQ(options.volumes[0].store.root, "/mnt/a");
  EXPECT_EQ(options.volumes[0].store.quota, ByteCount(100));
  EXPECT_EQ(options.volumes[0].weight, 100);
  EXPECT_EQ(options.volumes[1].store.quota, ByteCount(7));
  EXPECT_FALSE(options.allow_missing);
  EXPECT_FALSE(options.must_be_mount_points);
}

TEST(BlobStoreConfigTest, WithoutWeightsTheCapacityIsSharedEvenly) {
  ASSERT_OK_AND_ASSIGN(const BlobStoreConfig config,
                       Read("capacity: 400\n"
                            "volumes_are_mount_points: true\n"
                            "volumes: [{location: /mnt/a}, {location: /mnt/b}]\n"));
  const storage::VolumeSetOptions options = VolumeSetOptionsOf(config);
  EXPECT_EQ(options.volumes[0].store.quota, ByteCount(200));
  EXPECT_EQ(options.volumes[0].weight, 0);
  EXPECT_TRUE(options.allow_missing);
  EXPECT_TRUE(options.must_be_mount_points);
}

TEST(BlobStoreConfigTest, VolumesThatContradictEachOtherAreErrors) {
  EXPECT_THAT(Read("volumes: [{location: /a}, {location: /a}]"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("two volumes are at")));
  EXPECT_THAT(Read("volumes: [{location: /a, weight: 1}, {location: /b}]"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("a weight, or none")));
  EXPECT_THAT(Read("volumes: [{weight: 1}]"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("location")));
}

TEST(BlobStoreConfigTest, TheStoreIsOnItsVolumesOrInItsDirectory) {
  const std::string directory = MakeTestDir();
  WorkerPool disk(1, 100);
  BlobStoreConfig config;
  config.cache_dir = directory + "/cache";
  {
    ASSERT_OK_AND_ASSIGN(const auto store, OpenBlobStore(config, disk));
    EXPECT_EQ(store->stats().volumes, 1u);
  }
  for (const char* name : {"/a", "/b"}) {
    ASSERT_EQ(::mkdir((directory + name).c_str(), 0755), 0);
    config.volumes.push_back({.location = directory + name, .capacity_bytes = 1 << 20});
  }
  config.volumes.push_back({.location = directory + "/missing"});
  {
    ASSERT_OK_AND_ASSIGN(const auto store, OpenBlobStore(config, disk));
    EXPECT_EQ(store->stats().volumes, 3u);
    EXPECT_EQ(store->stats().unhealthy_volumes, 1u);
  }
  config.allow_missing_volumes = false;
  EXPECT_THAT(OpenBlobStore(config, disk),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("/missing")));
}

}  // namespace
}  // namespace kraken::daemon
