#include "kraken/redis/test_redis.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <csignal>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "kraken/base/check.h"
#include "kraken/base/test_util.h"
#include "kraken/base/unique_fd.h"

namespace kraken::redis {
namespace {

using registry::testing::ChildProcess;

constexpr absl::Duration kPatience = absl::Seconds(20);

// Redis takes no port of the kernel's choice.
int FreePort() {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  KH_CHECK(bind(fd.get(), generic, size) == 0 && getsockname(fd.get(), generic, &size) == 0);
  return ntohs(address.sin_port);
}

}  // namespace

TestRedis::TestRedis() : port_(FreePort()) {}

TestRedis::~TestRedis() { Kill(); }

void TestRedis::StartWithTls(const net::TlsIdentity& identity, const std::string& ca_file) {
  Start({"--port", "0", "--tls-port", absl::StrCat(port_), "--tls-cert-file",
         identity.certificate_file, "--tls-key-file", identity.key_file, "--tls-ca-cert-file",
         ca_file, "--tls-auth-clients", "no"});
}

void TestRedis::Start(const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {"/usr/bin/redis-server",
                                      "--port",
                                      absl::StrCat(port_),
                                      "--bind",
                                      "127.0.0.1",
                                      "--save",
                                      "",
                                      "--appendonly",
                                      "no",
                                      "--dir",
                                      ::testing::TempDir()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  auto process = ChildProcess::Start(command);
  ASSERT_OK(process);
  process_ = *std::move(process);
  const auto ready = [](const std::vector<std::string>& lines) {
    return !lines.empty() && absl::StrContains(lines.back(), "Ready to accept connections");
  };
  ASSERT_TRUE(process_->WaitForLines(ChildProcess::Stream::kStdout, ready, kPatience));
}

void TestRedis::Kill() { process_ = nullptr; }

void TestRedis::Stop() { ASSERT_EQ(::kill(process_->pid(), SIGSTOP), 0); }

void TestRedis::Continue() { ASSERT_EQ(::kill(process_->pid(), SIGCONT), 0); }

RedisClientOptions TestRedis::options() const {
  RedisClientOptions options;
  options.host = "127.0.0.1";
  options.port = static_cast<uint16_t>(port_);
  return options;
}

}  // namespace kraken::redis
