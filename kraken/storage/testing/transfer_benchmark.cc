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
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "kraken/base/check.h"
#include "kraken/base/median.h"
#include "kraken/base/unique_fd.h"
#include "kraken/storage/testing/bare_tls_records.h"
#include "openssl/sha.h"

namespace kraken::storage {
namespace {

constexpr size_t kBufferBytes = 64 << 10;
constexpr double kGiB = 1 << 30;

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

// `send` in a thread, `receive` in this one.
TransferCost MeasureStream(absl::FunctionRef<void(int)> send,
                           absl::FunctionRef<void(int)> receive) {
  auto [out, in] = Connect();
  return MeasureCost([&, &out = out, &in = in] {
    std::thread sender([&] { send(out.get()); });
    receive(in.get());
    sender.join();
  });
}

void SendFile(int source, int64_t size_bytes, int out) {
  off_t offset = 0;
  while (offset < size_bytes) {
    const auto left = static_cast<size_t>(size_bytes - offset);
    KH_CHECK(::sendfile(out, source, &offset, left) > 0);
  }
}

void SendSealed(int source, int64_t size_bytes, int out) {
  std::vector<uint8_t> plain(kBufferBytes);
  BareTlsSealer sealer(kBufferBytes);
  for (int64_t offset = 0; offset < size_bytes;) {
    const ssize_t length = ::pread(source, plain.data(), plain.size(), offset);
    KH_CHECK(length > 0);
    absl::Span<const uint8_t> sealed =
        sealer.Seal(absl::MakeConstSpan(plain).first(static_cast<size_t>(length)));
    while (!sealed.empty()) {
      const ssize_t sent = ::send(out, sealed.data(), sealed.size(), 0);
      KH_CHECK(sent > 0);
      sealed.remove_prefix(static_cast<size_t>(sent));
    }
    offset += length;
  }
}

// Where the bare loops put what they receive.
class BareFile {
 public:
  explicit BareFile(const std::string& directory)
      : partial_(absl::StrCat(directory, "/bare.partial")),
        complete_(absl::StrCat(directory, "/bare")),
        fd_(::open(partial_.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600)) {
    KH_CHECK(fd_.valid());
    SHA256_Init(&hash_);
  }

  // At most kBufferBytes, in order.
  void Append(absl::Span<const uint8_t> bytes) {
    SHA256_Update(&hash_, bytes.data(), bytes.size());
    KH_CHECK(::pwrite(fd_.get(), bytes.data(), bytes.size(), size_) ==
             static_cast<ssize_t>(bytes.size()));
    size_ += static_cast<int64_t>(bytes.size());
  }

  void Commit(const Digest& digest) {
    Digest::Bytes received;
    SHA256_Final(received.data(), &hash_);
    KH_CHECK(received == digest.bytes());
    KH_CHECK(::fsync(fd_.get()) == 0);
    KH_CHECK(::rename(partial_.c_str(), complete_.c_str()) == 0);
  }

  void Remove() { KH_CHECK(::unlink(complete_.c_str()) == 0); }
  int64_t size() const { return size_; }

 private:
  const std::string partial_;
  const std::string complete_;
  const UniqueFd fd_;
  SHA256_CTX hash_;
  int64_t size_ = 0;
};

void ReceiveInto(BareFile& file, int64_t size_bytes, int in) {
  std::vector<uint8_t> buffer(kBufferBytes);
  while (file.size() < size_bytes) {
    const ssize_t length = ::recv(in, buffer.data(), buffer.size(), 0);
    KH_CHECK(length > 0);
    file.Append(absl::MakeConstSpan(buffer).first(static_cast<size_t>(length)));
  }
}

void ReceiveSealedInto(BareFile& file, int64_t size_bytes, int in) {
  BareTlsOpener opener(kBufferBytes);
  while (file.size() < size_bytes) {
    const absl::Span<uint8_t> room = opener.room();
    const ssize_t length = ::recv(in, room.data(), room.size(), 0);
    KH_CHECK(length > 0);
    opener.Received(static_cast<size_t>(length));
    while (opener.OpenSome()) {
      const bool last = file.size() + static_cast<int64_t>(opener.plain().size()) == size_bytes;
      if (!opener.full() && !last) continue;
      file.Append(opener.plain());
      opener.Clear();
    }
  }
}

// `receive` gets all into the file; commit included.
TransferCost MeasureBare(const Digest& digest, const std::string& directory,
                         absl::FunctionRef<void(int)> send,
                         absl::FunctionRef<void(BareFile&, int)> receive) {
  BareFile file(directory);
  const TransferCost cost = MeasureStream(send, [&](int in) {
    receive(file, in);
    file.Commit(digest);
  });
  file.Remove();
  return cost;
}

void PrintLine(const std::string& what, const std::vector<double>& values) {
  const MedianAndSpread told = MedianAndSpread::Of(values);
  std::printf("%-28s median %6.3f   min %6.3f   max %6.3f\n", what.c_str(), told.median, told.least,
              told.most);
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
  return MeasureStream([&](int out) { SendFile(source, size_bytes, out); }, receive);
}

TransferCost MeasureBareTransfer(int source, int64_t size_bytes, const Digest& digest,
                                 const std::string& directory) {
  return MeasureBare(
      digest, directory, [&](int out) { SendFile(source, size_bytes, out); },
      [&](BareFile& file, int in) { ReceiveInto(file, size_bytes, in); });
}

TransferCost MeasureBareTlsTransfer(int source, int64_t size_bytes, const Digest& digest,
                                    const std::string& directory) {
  return MeasureBare(
      digest, directory, [&](int out) { SendSealed(source, size_bytes, out); },
      [&](BareFile& file, int in) { ReceiveSealedInto(file, size_bytes, in); });
}

void ComparePairs(const std::string& name, int64_t size_bytes, int pairs,
                  absl::FunctionRef<TransferCost()> bare, absl::FunctionRef<TransferCost()> ours) {
  const double gib = static_cast<double>(size_bytes) / kGiB;
  std::vector<double> bare_rates, our_rates, bare_cpus, our_cpus, rate_ratios, cpu_ratios;
  std::printf("pair  bare GiB/s  %s GiB/s  ratio   bare CPU s/GiB  %s CPU s/GiB  ratio\n",
              name.c_str(), name.c_str());
  bare();
  ours();
  const int width = static_cast<int>(name.size());
  for (int i = 0; i < pairs; ++i) {
    TransferCost loop;
    if (i % 2 == 0) loop = bare();
    const TransferCost own = ours();
    if (i % 2 == 1) loop = bare();
    bare_rates.push_back(gib / loop.wall_s);
    our_rates.push_back(gib / own.wall_s);
    bare_cpus.push_back(loop.cpu_s / gib);
    our_cpus.push_back(own.cpu_s / gib);
    rate_ratios.push_back(loop.wall_s / own.wall_s);
    cpu_ratios.push_back(own.cpu_s / loop.cpu_s);
    std::printf("%4d  %10.3f  %*.3f  %5.3f   %14.3f  %*.3f  %5.3f\n", i + 1, bare_rates.back(),
                width + 6, our_rates.back(), rate_ratios.back(), bare_cpus.back(), width + 10,
                our_cpus.back(), cpu_ratios.back());
    std::fflush(stdout);
  }
  std::printf("\n");
  PrintLine("bare, GiB/s", bare_rates);
  PrintLine(absl::StrCat(name, ", GiB/s"), our_rates);
  PrintLine(absl::StrCat(name, " / bare, rate"), rate_ratios);
  PrintLine("bare, CPU s/GiB", bare_cpus);
  PrintLine(absl::StrCat(name, ", CPU s/GiB"), our_cpus);
  PrintLine(absl::StrCat(name, " / bare, CPU"), cpu_ratios);
}

}  // namespace kraken::storage
