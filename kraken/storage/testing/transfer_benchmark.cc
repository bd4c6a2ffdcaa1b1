#include "kraken/storage/testing/transfer_benchmark.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/unique_fd.h"
#include "openssl/sha.h"

namespace kraken::storage {
namespace {

constexpr size_t kBufferBytes = 64 << 10;

double CpuSeconds() {
  rusage usage;
  KH_CHECK(::getrusage(RUSAGE_SELF, &usage) == 0);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// A connected pair over loopback.
std::pair<UniqueFd, UniqueFd> Connect() {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  KH_CHECK(::bind(listener.get(), generic, length) == 0);
  KH_CHECK(::listen(listener.get(), 1) == 0);
  KH_CHECK(::getsockname(listener.get(), generic, &length) == 0);
  UniqueFd out(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  KH_CHECK(::connect(out.get(), generic, length) == 0);
  UniqueFd in(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  KH_CHECK(in.valid());
  return {std::move(out), std::move(in)};
}

}  // namespace

TransferCost MeasureCost(absl::FunctionRef<void()> body) {
  const double cpu = CpuSeconds();
  const auto start = std::chrono::steady_clock::now();
  body();
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - start;
  return {.wall_s = wall.count(), .cpu_s = CpuSeconds() - cpu};
}

TransferCost MeasureTransfer(int source, int64_t size_bytes, absl::FunctionRef<void(int)> receive) {
  auto [out, in] = Connect();
  return MeasureCost([&, &out = out, &in = in] {
    std::thread sender([&] {
      off_t offset = 0;
      while (offset < size_bytes) {
        const auto left = static_cast<size_t>(size_bytes - offset);
        KH_CHECK(::sendfile(out.get(), source, &offset, left) > 0);
      }
    });
    receive(in.get());
    sender.join();
  });
}

TransferCost MeasureBareTransfer(int source, int64_t size_bytes, const Digest& digest,
                                 const std::string& directory) {
  const std::string partial = absl::StrCat(directory, "/bare.partial");
  const std::string complete = absl::StrCat(directory, "/bare");
  const TransferCost cost = MeasureTransfer(source, size_bytes, [&](int in) {
    const UniqueFd fd(::open(partial.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    KH_CHECK(fd.valid());
    std::vector<uint8_t> buffer(kBufferBytes);
    SHA256_CTX hash;
    SHA256_Init(&hash);
    int64_t offset = 0;
    while (offset < size_bytes) {
      const ssize_t length = ::recv(in, buffer.data(), buffer.size(), 0);
      KH_CHECK(length > 0);
      SHA256_Update(&hash, buffer.data(), static_cast<size_t>(length));
      KH_CHECK(::pwrite(fd.get(), buffer.data(), static_cast<size_t>(length), offset) == length);
      offset += length;
    }
    Digest::Bytes received;
    SHA256_Final(received.data(), &hash);
    KH_CHECK(received == digest.bytes());
    KH_CHECK(::fsync(fd.get()) == 0);
    KH_CHECK(::rename(partial.c_str(), complete.c_str()) == 0);
  });
  KH_CHECK(::unlink(complete.c_str()) == 0);
  return cost;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace kraken::storage
