// Serves the regular files of one folder by our HTTP server, for comparison with other servers:
//   http_file_server --listen=127.0.0.1:0 --root=/srv --threads=1 [--certificate=PEM --key=PEM]
// Prints its address, then serves until SIGTERM or SIGINT. Descriptors are kept open; what is small
// is read and sent with its head, the rest goes by sendfile(2).
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/unique_fd.h"
#include "kraken/net/http_server.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/shutdown_signals.h"
#include "kraken/net/tls_context.h"

namespace kraken::net {
namespace {

constexpr uint64_t kSmallBytes = 16 * 1024;

struct OpenFile {
  UniqueFd fd;
  uint64_t size = 0;
};

class FileCache {
 public:
  explicit FileCache(std::string root) : root_(std::move(root)) {}

  // Null if there is no such regular file right below the root.
  std::shared_ptr<const OpenFile> Find(absl::string_view path) ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    if (const auto it = files_.find(path); it != files_.end()) return it->second;
    if (path.find('/', 1) != absl::string_view::npos || absl::StrContains(path, "..")) {
      return nullptr;
    }
    auto file = std::make_shared<OpenFile>();
    file->fd.Reset(::open(absl::StrCat(root_, path).c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info = {};
    if (!file->fd.valid() || ::fstat(file->fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
      return nullptr;
    }
    file->size = static_cast<uint64_t>(info.st_size);
    files_.emplace(std::string(path), file);
    return file;
  }

 private:
  const std::string root_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<const OpenFile>> files_ ABSL_GUARDED_BY(mutex_);
};

void Serve(FileCache* cache, HttpExchange& exchange) {
  static const HeaderMap* const kHeaders =
      new HeaderMap({{"Content-Type", "application/octet-stream"}});
  const std::shared_ptr<const OpenFile> file = cache->Find(exchange.path());
  if (file == nullptr) return exchange.RespondError(404, "no such file");
  if (file->size <= kSmallBytes) {
    char buffer[kSmallBytes];
    const ssize_t n = ::pread(file->fd.get(), buffer, file->size, 0);
    if (n != static_cast<ssize_t>(file->size)) return exchange.RespondError(500, "file changed");
    return exchange.Respond(200, *kHeaders, absl::string_view(buffer, file->size));
  }
  exchange.StartResponse(200, *kHeaders, file->size);
  exchange.SendFile(file->fd.get(), 0, file->size, file);
  exchange.Finish();
}

int Main(int argc, char** argv) {
  std::string listen = "127.0.0.1:0";
  std::string root = ".";
  int threads = 1;
  TlsServerOptions tls;
  for (int i = 1; i < argc; ++i) {
    absl::string_view arg = argv[i];
    const bool known = absl::ConsumePrefix(&arg, "--listen=")    ? (listen = std::string(arg), true)
                       : absl::ConsumePrefix(&arg, "--root=")    ? (root = std::string(arg), true)
                       : absl::ConsumePrefix(&arg, "--threads=") ? absl::SimpleAtoi(arg, &threads)
                       : absl::ConsumePrefix(&arg, "--certificate=")
                           ? (tls.identity.certificate_file = std::string(arg), true)
                       : absl::ConsumePrefix(&arg, "--key=")
                           ? (tls.identity.key_file = std::string(arg), true)
                           : false;
    if (!known || threads < 1) {
      std::fprintf(stderr,
                   "usage: %s [--listen=ADDRESS] [--root=FOLDER] [--threads=N] "
                   "[--certificate=PEM --key=PEM]\n",
                   argv[0]);
      return 2;
    }
  }
  EventLoop control;
  ShutdownSignals signals(&control, [&control](int) { control.Stop(); });
  FileCache cache(root);
  LoopPool pool("io", static_cast<size_t>(threads));
  HttpServerOptions options;
  if (!tls.identity.certificate_file.empty()) {
    absl::StatusOr<std::shared_ptr<TlsContext>> context = TlsContext::CreateServer(tls);
    if (!context.ok()) {
      std::fprintf(stderr, "%s\n", std::string(context.status().message()).c_str());
      return 1;
    }
    options.tls = *context;
  }
  HttpServer server(pool.loops(), options,
                    [&cache](std::shared_ptr<HttpExchange> e) { Serve(&cache, *e); });
  const absl::StatusOr<SocketAddress> address = server.Listen(listen);
  if (!address.ok()) {
    std::fprintf(stderr, "%s\n", std::string(address.status().message()).c_str());
    return 1;
  }
  std::printf("%s\n", address->ToString().c_str());
  std::fflush(stdout);
  control.Run();
  server.ShutdownAndWait(absl::Seconds(1));
  return 0;
}

}  // namespace
}  // namespace kraken::net

int main(int argc, char** argv) { return kraken::net::Main(argc, argv); }
