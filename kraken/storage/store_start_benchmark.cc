// How a store with very many blobs starts: how long BlobStore::Open takes, how soon a blob is
// found, how long the background count takes and what it costs, and what the books need per blob.
//
//   store_start_benchmark --root=DIRECTORY [--count=1000000] [--drop_caches]
//
// Fills the store first unless `root` exists; deletes nothing. --drop_caches, which only root may,
// makes the disk cold before the start.

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kraken/base/check.h"
#include "kraken/base/random.h"
#include "kraken/base/sha256.h"
#include "kraken/base/worker_pool.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/file_system.h"
#include "kraken/storage/piece_list.h"

namespace kraken::storage {
namespace {

constexpr int kFinds = 1000;

struct Flags {
  std::string root;
  int count = 1'000'000;
  bool drop_caches = false;
};

std::string ContentOf(int blob) { return absl::StrCat("blob number ", blob); }

void WriteWhole(const std::string& path, const std::string& content) {
  FileSystem& files = PosixFileSystem();
  const absl::StatusOr<UniqueFd> fd = files.Open(path, O_CREAT | O_WRONLY);
  KH_CHECK(fd.ok());
  KH_CHECK(files.WriteMetadata(fd->get(), 0, content, path).ok());
}

void MakeDirectory(const std::string& path) {
  bool created;
  KH_CHECK(PosixFileSystem().MakeDirectory(path, &created).ok());
}

// As a store would, without syncing each.
void Fill(const Flags& flags) {
  for (const char* name : {"", "/blobs", "/partial", "/trash"}) MakeDirectory(flags.root + name);
  for (int i = 0; i < flags.count; ++i) {
    const std::string content = ContentOf(i);
    const Digest digest = Sha256Digest(content);
    const std::string hex = digest.hex();
    std::string directory = flags.root + "/blobs";
    for (const std::string& name : {hex.substr(0, 2), hex.substr(2, 2), hex}) {
      directory += "/" + name;
      MakeDirectory(directory);
    }
    const auto layout =
        PieceLayout::Create(ByteCount(static_cast<int64_t>(content.size())), ByteCount(8 << 20));
    WriteWhole(directory + "/data", content);
    WriteWhole(directory + "/pieces", PieceList::Create(digest, *layout, {}, "")->Encode());
  }
}

double ResidentMebibytes() {
  int64_t size = 0;
  int64_t resident = 0;
  std::ifstream("/proc/self/statm") >> size >> resident;
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / (1 << 20);
}

double CpuSeconds() {
  struct rusage usage;
  KH_CHECK(::getrusage(RUSAGE_SELF, &usage) == 0);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

double MillisecondsSince(absl::Time start) {
  return absl::ToDoubleMilliseconds(absl::Now() - start);
}

void DropCaches() {
  ::sync();
  std::ofstream("/proc/sys/vm/drop_caches") << "3" << std::flush;
}

int Run(const Flags& flags) {
  if (::access(flags.root.c_str(), F_OK) != 0) {
    const absl::Time start = absl::Now();
    // In a process of its own, whose memory is not measured.
    if (const pid_t child = ::fork(); child == 0) {
      Fill(flags);
      ::_exit(0);
    } else {
      int status;
      KH_CHECK(::waitpid(child, &status, 0) == child && status == 0);
    }
    std::printf("filled with %d blobs in %.0f s\n", flags.count, MillisecondsSince(start) / 1000);
  }
  if (flags.drop_caches) DropCaches();
  WorkerPool pool(2, 1000);
  const double resident = ResidentMebibytes();
  const double cpu = CpuSeconds();
  const absl::Time start = absl::Now();
  auto opened = BlobStore::Open({.root = flags.root, .min_free = ByteCount(0)}, pool);
  if (!opened.ok()) {
    std::fprintf(stderr, "%s\n", opened.status().ToString().c_str());
    return 1;
  }
  BlobStore& store = **opened;
  std::printf("open             %10.2f ms\n", MillisecondsSince(start));
  KH_CHECK(store.Find(Sha256Digest(ContentOf(flags.count - 1))).ok());
  std::printf("first blob found %10.2f ms after the start\n", MillisecondsSince(start));
  std::vector<double> finds;
  SeededBitGen random(1);
  for (int i = 0; i < kFinds; ++i) {
    const int blob = static_cast<int>(random.Uniform(static_cast<uint64_t>(flags.count)));
    const absl::Time asked = absl::Now();
    KH_CHECK(store.Find(Sha256Digest(ContentOf(blob))).ok());
    finds.push_back(MillisecondsSince(asked));
  }
  std::sort(finds.begin(), finds.end());
  std::printf("find, %d at random, first thing: p50 %.3f ms, p99 %.3f ms, most %.3f ms; %s\n",
              kFinds, finds[kFinds / 2], finds[kFinds * 99 / 100], finds.back(),
              store.stats().loaded ? "the count had ended" : "during the count");
  store.WaitUntilLoaded();
  const double grown = ResidentMebibytes() - resident;
  const BlobStoreStats stats = store.stats();
  std::printf("count            %10.2f s, %.2f s of CPU, %llu blobs\n",
              MillisecondsSince(start) / 1000, CpuSeconds() - cpu,
              static_cast<unsigned long long>(stats.blobs));
  std::printf("memory           %10.1f MiB more, %.0f bytes a blob\n", grown,
              grown * (1 << 20) / static_cast<double>(std::max<uint64_t>(1, stats.blobs)));
  return stats.blobs == static_cast<uint64_t>(flags.count) ? 0 : 1;
}

bool Parse(absl::string_view argument, Flags& flags) {
  if (absl::ConsumePrefix(&argument, "--root=")) {
    flags.root = std::string(argument);
    return !flags.root.empty();
  }
  if (argument == "--drop_caches") return flags.drop_caches = true;
  return absl::ConsumePrefix(&argument, "--count=") && absl::SimpleAtoi(argument, &flags.count) &&
         flags.count > 0;
}

}  // namespace
}  // namespace kraken::storage

int main(int argc, char** argv) {
  kraken::storage::Flags flags;
  bool good = true;
  for (int i = 1; i < argc; ++i) good = good && kraken::storage::Parse(argv[i], flags);
  if (!good || flags.root.empty()) {
    std::fprintf(stderr, "usage: %s --root=DIRECTORY [--count=1000000] [--drop_caches]\n", argv[0]);
    return 2;
  }
  return kraken::storage::Run(flags);
}
