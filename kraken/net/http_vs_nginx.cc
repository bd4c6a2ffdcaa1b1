// Our HTTP server against Debian's nginx: the same files, one worker each, driven by wrk in pairs
// that alternate, so that whatever else the machine does hits both.
//   bazel run //kraken/net:http_vs_nginx [-- --pairs=9 --seconds=2 --threads=1]
// Prints a table: medians, and the median and spread of the ratio ours : nginx over the pairs.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kraken/base/median.h"

extern char** environ;

namespace kraken::net {
namespace {

[[noreturn]] void Die(const std::string& message) {
  std::fprintf(stderr, "http_vs_nginx: %s\n", message.c_str());
  ::exit(1);
}

// A child process whose standard output is read; terminated by the destructor.
class Process {
 public:
  explicit Process(const std::vector<std::string>& args) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) Die("pipe failed");
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    std::vector<char*> argv;
    argv.reserve(args.size() + 1);
    for (const std::string& arg : args) argv.push_back(const_cast<char*>(arg.c_str()));
    argv.push_back(nullptr);
    if (::posix_spawnp(&pid_, argv[0], &actions, nullptr, argv.data(), environ) != 0) {
      Die(absl::StrCat("cannot start ", args[0]));
    }
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    out_ = ends[0];
  }
  ~Process() {
    if (pid_ > 0) ::kill(pid_, SIGTERM);
    Wait();
    ::close(out_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  std::string ReadLine() {
    std::string line;
    char c;
    while (::read(out_, &c, 1) == 1 && c != '\n') line.push_back(c);
    return line;
  }
  // Reads to the end, and waits for it.
  std::string ReadAll() {
    std::string all;
    char buffer[4096];
    ssize_t n;
    while ((n = ::read(out_, buffer, sizeof(buffer))) > 0) {
      all.append(buffer, static_cast<size_t>(n));
    }
    Wait();
    return all;
  }

 private:
  void Wait() {
    if (pid_ > 0) ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

  pid_t pid_ = -1;
  int out_ = -1;
};

bool IsInstalled(const std::string& program) {
  return ::system(absl::StrCat("command -v ", program, " >/dev/null 2>&1").c_str()) == 0;
}

void WriteFile(const std::string& path, uint64_t size) {
  std::ofstream out(path, std::ios::binary);
  std::string block(1 << 20, '\0');
  for (size_t i = 0; i < block.size(); ++i) block[i] = static_cast<char>(i * 2654435761u >> 13);
  for (uint64_t left = size; left > 0;) {
    const uint64_t n = std::min<uint64_t>(left, block.size());
    out.write(block.data(), static_cast<std::streamsize>(n));
    left -= n;
  }
  if (!out.flush()) Die(absl::StrCat("cannot write ", path));
}

// nginx cannot be asked which port it was given.
int FreePort() {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    Die("no free port");
  }
  ::close(fd);
  return ntohs(address.sin_port);
}

// As good as nginx gets for this: open files cached, no log, sendfile.
std::string NginxConfig(const std::string& dir, int port, int threads) {
  return absl::StrCat(
      ::geteuid() == 0 ? "user root;\n" : "", "daemon off;\nworker_processes ", threads, ";\npid ",
      dir, "/nginx.pid;\nerror_log ", dir, "/nginx.log;\n",
      "events { worker_connections 4096; }\nhttp {\n  access_log off;\n  sendfile on;\n",
      "  tcp_nopush on;\n  keepalive_requests 1000000000;\n  open_file_cache max=16 inactive=1h;\n",
      "  open_file_cache_valid 1h;\n  default_type application/octet-stream;\n",
      "  client_body_temp_path ", dir, "/t1;\n  proxy_temp_path ", dir, "/t2;\n",
      "  fastcgi_temp_path ", dir, "/t3;\n  uwsgi_temp_path ", dir, "/t4;\n  scgi_temp_path ", dir,
      "/t5;\n  server { listen 127.0.0.1:", port, "; root ", dir, "/files; }\n}\n");
}

void WaitUntilItListens(int port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < 500; ++i) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    const bool ok = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
    ::close(fd);
    if (ok) return;
    absl::SleepFor(absl::Milliseconds(10));
  }
  Die("nginx does not listen");
}

struct Measured {
  double requests_per_second = 0;
  double megabytes_per_second = 0;
};

// "1.23GB" as MB.
double ParseSize(absl::string_view text) {
  double factor = 1e-6;
  if (absl::ConsumeSuffix(&text, "GB")) {
    factor = 1024;
  } else if (absl::ConsumeSuffix(&text, "MB")) {
    factor = 1;
  } else if (absl::ConsumeSuffix(&text, "KB")) {
    factor = 1.0 / 1024;
  } else {
    absl::ConsumeSuffix(&text, "B");
  }
  double value = 0;
  if (!absl::SimpleAtod(text, &value)) Die(absl::StrCat("wrk says ", text));
  return value * factor;
}

Measured RunWrk(const std::string& address, const std::string& file, int connections, int seconds) {
  Process wrk({"wrk", "-t1", absl::StrCat("-c", connections), absl::StrCat("-d", seconds, "s"),
               "--timeout=30s", absl::StrCat("http://", address, "/", file)});
  const std::string output = wrk.ReadAll();
  Measured result;
  for (absl::string_view line : absl::StrSplit(output, '\n')) {
    if (absl::StrContains(line, "Non-2xx") || absl::StrContains(line, "Socket errors")) {
      Die(absl::StrCat("wrk: ", line));
    }
    if (absl::ConsumePrefix(&line, "Requests/sec:")) {
      if (!absl::SimpleAtod(line, &result.requests_per_second)) Die("wrk says nothing");
    }
    if (absl::ConsumePrefix(&line, "Transfer/sec:")) {
      result.megabytes_per_second = ParseSize(absl::StripAsciiWhitespace(line));
    }
  }
  if (result.megabytes_per_second == 0) Die(absl::StrCat("wrk failed: ", output));
  return result;
}

void Compare(const std::string& ours, const std::string& nginx, const std::string& file,
             int connections, int pairs, int seconds) {
  const bool small = file == "1KiB";
  std::vector<double> a;
  std::vector<double> b;
  std::vector<double> ratios;
  for (int i = 0; i < pairs; ++i) {
    // Each goes first every other time.
    Measured mine;
    Measured theirs;
    for (int turn = 0; turn < 2; ++turn) {
      ((turn + i) % 2 == 0 ? mine : theirs) =
          RunWrk((turn + i) % 2 == 0 ? ours : nginx, file, connections, seconds);
    }
    a.push_back(small ? mine.requests_per_second : mine.megabytes_per_second);
    b.push_back(small ? theirs.requests_per_second : theirs.megabytes_per_second);
    ratios.push_back(a.back() / b.back());
  }
  const MedianAndSpread ratio = MedianAndSpread::Of(ratios);
  std::printf("%-7s %5d  %10.0f  %10.0f  %-6s  %5.2f  (%.2f to %.2f)\n", file.c_str(), connections,
              MedianAndSpread::Of(a).median, MedianAndSpread::Of(b).median,
              small ? "req/s" : "MiB/s", ratio.median, ratio.least, ratio.most);
  std::fflush(stdout);
}

int Main(int argc, char** argv) {
  int pairs = 9;
  int seconds = 2;
  int threads = 1;
  std::string server;
  for (int i = 1; i < argc; ++i) {
    absl::string_view arg = argv[i];
    const bool known = absl::ConsumePrefix(&arg, "--pairs=")     ? absl::SimpleAtoi(arg, &pairs)
                       : absl::ConsumePrefix(&arg, "--seconds=") ? absl::SimpleAtoi(arg, &seconds)
                       : absl::ConsumePrefix(&arg, "--threads=") ? absl::SimpleAtoi(arg, &threads)
                       : absl::ConsumePrefix(&arg, "--server=")  ? (server = std::string(arg), true)
                                                                 : false;
    if (!known || pairs < 1 || seconds < 1 || threads < 1) {
      Die("usage: [--pairs=N] [--seconds=N] [--threads=N] --server=PATH_OF_HTTP_FILE_SERVER");
    }
  }
  for (const char* program : {"nginx", "wrk"}) {
    if (!IsInstalled(program)) {
      Die(absl::StrCat(program, " is missing: apt-get install nginx-light wrk"));
    }
  }
  std::string dir = absl::StrCat(::getenv("TMPDIR") != nullptr ? ::getenv("TMPDIR") : P_tmpdir,
                                 "/http_vs_nginx.XXXXXX");
  if (::mkdtemp(dir.data()) == nullptr) Die(absl::StrCat("cannot make a folder like ", dir));
  if (::system(absl::StrCat("mkdir ", dir, "/files").c_str()) != 0) Die("mkdir failed");
  WriteFile(absl::StrCat(dir, "/files/1KiB"), 1024);
  WriteFile(absl::StrCat(dir, "/files/256MiB"), 256 << 20);
  {
    const int port = FreePort();
    std::ofstream(absl::StrCat(dir, "/nginx.conf")) << NginxConfig(dir, port, threads);
    Process nginx({"nginx", "-e", absl::StrCat(dir, "/nginx.log"), "-p", dir, "-c",
                   absl::StrCat(dir, "/nginx.conf")});
    Process ours(
        {server, absl::StrCat("--root=", dir, "/files"), absl::StrCat("--threads=", threads)});
    const std::string our_address = ours.ReadLine();
    const std::string nginx_address = absl::StrCat("127.0.0.1:", port);
    WaitUntilItListens(port);
    std::printf("%d pairs of %d s, %d worker(s) each\n", pairs, seconds, threads);
    std::printf("file    conns        ours       nginx  unit    ratio  (spread)\n");
    for (const char* file : {"1KiB", "256MiB"}) {
      for (const int connections : {1, 64}) {
        RunWrk(our_address, file, connections, 1);
        RunWrk(nginx_address, file, connections, 1);
        Compare(our_address, nginx_address, file, connections, pairs, seconds);
      }
    }
  }
  return ::system(absl::StrCat("rm -rf ", dir).c_str());
}

}  // namespace
}  // namespace kraken::net

int main(int argc, char** argv) { return kraken::net::Main(argc, argv); }
