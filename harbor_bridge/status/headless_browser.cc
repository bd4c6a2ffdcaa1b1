#include "harbor_bridge/status/headless_browser.h"

#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"

namespace harbor_bridge {
namespace {

using nlohmann::json;

constexpr absl::Duration kPatience = absl::Seconds(30);
constexpr absl::Duration kLookAgain = absl::Milliseconds(20);
// Where the browser reads and writes messages, each ended by a NUL (--remote-debugging-pipe).
constexpr int kBrowserReads = 3;
constexpr int kBrowserWrites = 4;
constexpr int kFirstFreeFd = 10;
constexpr int kMaxOpenFolders = 16;

int RemoveEntry(const char* path, const struct stat*, int, FTW*) {
  std::remove(path);
  return 0;
}

// Above the two, so that dup2 in the child overwrites nothing that it needs.
absl::StatusOr<std::pair<kraken::UniqueFd, kraken::UniqueFd>> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return kraken::ErrnoToStatus(errno, "pipe");
  const kraken::UniqueFd low[] = {kraken::UniqueFd(fds[0]), kraken::UniqueFd(fds[1])};
  kraken::UniqueFd read(fcntl(fds[0], F_DUPFD_CLOEXEC, kFirstFreeFd));
  kraken::UniqueFd write(fcntl(fds[1], F_DUPFD_CLOEXEC, kFirstFreeFd));
  return std::pair(std::move(read), std::move(write));
}

[[noreturn]] void RunBrowser(const std::string& program, const std::string& dir, int reads,
                             int writes) {
  dup2(reads, kBrowserReads);
  dup2(writes, kBrowserWrites);
  const std::string profile = absl::StrCat("--user-data-dir=", dir);
  // It keeps files at home too.
  setenv("HOME", dir.c_str(), 1);
  setenv("TMPDIR", dir.c_str(), 1);
  const int null = open("/dev/null", O_WRONLY);
  dup2(null, STDERR_FILENO);
  dup2(null, STDOUT_FILENO);
  execl(program.c_str(), program.c_str(), "--headless=new", "--no-sandbox", "--disable-gpu",
        "--hide-scrollbars", "--disable-dev-shm-usage", "--no-first-run", "--no-proxy-server",
        "--disable-background-networking", "--disable-component-update", "--disable-extensions",
        "--remote-debugging-pipe", profile.c_str(), "about:blank", static_cast<char*>(nullptr));
  _exit(127);
}

}  // namespace

std::string HeadlessBrowser::FindProgram() {
  constexpr char kProgram[] = "/usr/bin/chromium";
  return access(kProgram, X_OK) == 0 ? kProgram : "";
}

HeadlessBrowser::HeadlessBrowser(pid_t pid, std::string dir, kraken::UniqueFd to,
                                 kraken::UniqueFd from)
    : pid_(pid), dir_(std::move(dir)), to_(std::move(to)), from_(std::move(from)) {}

absl::StatusOr<std::unique_ptr<HeadlessBrowser>> HeadlessBrowser::Start(
    const std::string& program) {
  // Its sockets lie there, whose paths must be short, as TEST_TMPDIR is not.
  char dir[] = P_tmpdir "/kh-browser-XXXXXX";
  if (mkdtemp(dir) == nullptr) return kraken::ErrnoToStatus(errno, dir);
  KH_ASSIGN_OR_RETURN(auto to, MakePipe());
  KH_ASSIGN_OR_RETURN(auto from, MakePipe());
  const pid_t pid = fork();
  if (pid < 0) return kraken::ErrnoToStatus(errno, "fork");
  if (pid == 0) {
    setpgid(0, 0);
    RunBrowser(program, dir, to.first.get(), from.second.get());
  }
  setpgid(pid, pid);
  std::unique_ptr<HeadlessBrowser> browser(
      new HeadlessBrowser(pid, dir, std::move(to.second), std::move(from.first)));
  from.second.Reset();
  KH_RETURN_IF_ERROR(browser->Attach());
  return browser;
}

HeadlessBrowser::~HeadlessBrowser() {
  // With the processes that it has started.
  kill(-pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  nftw(dir_.c_str(), RemoveEntry, kMaxOpenFolders, FTW_DEPTH | FTW_PHYS);
}

absl::Status HeadlessBrowser::Attach() {
  KH_ASSIGN_OR_RETURN(const json tab, Call("Target.createTarget", {{"url", "about:blank"}}));
  KH_ASSIGN_OR_RETURN(const json session, Call("Target.attachToTarget",
                                               {{"targetId", tab["targetId"]}, {"flatten", true}}));
  session_ = kraken::JsonString(kraken::FindJson(session, "sessionId")).value_or("");
  for (const char* domain : {"Page.enable", "Runtime.enable", "Log.enable"}) {
    KH_RETURN_IF_ERROR(Call(domain, json::object()).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<json> HeadlessBrowser::Call(absl::string_view method, json params) {
  const int64_t id = next_id_++;
  json message = {{"id", id}, {"method", std::string(method)}, {"params", std::move(params)}};
  if (!session_.empty()) message["sessionId"] = session_;
  std::string text = kraken::DumpJson(message);
  text.push_back('\0');
  for (size_t sent = 0; sent < text.size();) {
    const ssize_t n = write(to_.get(), text.data() + sent, text.size() - sent);
    if (n < 0) return kraken::ErrnoToStatus(errno, "write to the browser");
    sent += static_cast<size_t>(n);
  }
  while (true) {
    KH_ASSIGN_OR_RETURN(const json answer, ReadMessage());
    if (kraken::JsonInt64(kraken::FindJson(answer, "id")) != id) {
      NoteComplaint(answer);
      continue;
    }
    if (answer.contains("error")) {
      return absl::InternalError(absl::StrCat(method, ": ", kraken::DumpJson(answer["error"])));
    }
    return answer["result"];
  }
}

absl::StatusOr<json> HeadlessBrowser::ReadMessage() {
  while (true) {
    const size_t end = buffer_.find('\0');
    if (end != std::string::npos) {
      absl::StatusOr<json> message = kraken::ParseJson(buffer_.substr(0, end), /*max_depth=*/256);
      buffer_.erase(0, end + 1);
      return message;
    }
    pollfd wait = {.fd = from_.get(), .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, static_cast<int>(absl::ToInt64Milliseconds(kPatience))) == 0) {
      return absl::DeadlineExceededError("the browser says nothing");
    }
    char bytes[65536];
    const ssize_t n = read(from_.get(), bytes, sizeof(bytes));
    if (n < 0) return kraken::ErrnoToStatus(errno, "read from the browser");
    if (n == 0) return absl::UnavailableError("the browser has ended");
    buffer_.append(bytes, static_cast<size_t>(n));
  }
}

void HeadlessBrowser::NoteComplaint(const json& event) {
  const std::string method = kraken::JsonString(kraken::FindJson(event, "method")).value_or("");
  const bool is_complaint =
      method == "Log.entryAdded" || method == "Runtime.exceptionThrown" ||
      (method == "Runtime.consoleAPICalled" && event["params"].value("type", "") != "log");
  if (is_complaint) complaints_.push_back(kraken::DumpJson(event["params"]));
}

absl::Status HeadlessBrowser::Open(const std::string& url) {
  KH_ASSIGN_OR_RETURN(const json opened, Call("Page.navigate", {{"url", url}}));
  if (opened.contains("errorText")) {
    return absl::UnavailableError(absl::StrCat(url, ": ", kraken::DumpJson(opened["errorText"])));
  }
  return WaitUntil("document.readyState === 'complete' && location.href !== 'about:blank'");
}

absl::StatusOr<json> HeadlessBrowser::Evaluate(const std::string& expression) {
  KH_ASSIGN_OR_RETURN(const json answer, Call("Runtime.evaluate", {{"expression", expression},
                                                                   {"returnByValue", true},
                                                                   {"awaitPromise", true}}));
  if (answer.contains("exceptionDetails")) {
    return absl::InvalidArgumentError(kraken::DumpJson(answer["exceptionDetails"]));
  }
  return answer["result"].value("value", json());
}

absl::Status HeadlessBrowser::WaitUntil(const std::string& expression) {
  const absl::Time deadline = absl::Now() + kPatience;
  while (absl::Now() < deadline) {
    KH_ASSIGN_OR_RETURN(const json value, Evaluate(expression));
    if (value == true) return absl::OkStatus();
    absl::SleepFor(kLookAgain);
  }
  const absl::StatusOr<json> text = Evaluate("document.body.innerText");
  return absl::DeadlineExceededError(absl::StrCat(
      expression, " does not become true; the page: ", text.ok() ? kraken::DumpJson(*text) : ""));
}

absl::Status HeadlessBrowser::PreferColors(const std::string& scheme) {
  const json feature = {{"name", "prefers-color-scheme"}, {"value", scheme}};
  return Call("Emulation.setEmulatedMedia", {{"features", json::array({feature})}}).status();
}

absl::StatusOr<std::string> HeadlessBrowser::Screenshot(int width, int height) {
  KH_RETURN_IF_ERROR(
      Call("Emulation.setDeviceMetricsOverride",
           {{"width", width}, {"height", height}, {"deviceScaleFactor", 1}, {"mobile", false}})
          .status());
  KH_ASSIGN_OR_RETURN(const json shot, Call("Page.captureScreenshot", {{"format", "png"}}));
  std::string png;
  if (!absl::Base64Unescape(kraken::JsonString(kraken::FindJson(shot, "data")).value_or(""),
                            &png)) {
    return absl::InternalError("the browser's picture is no base64");
  }
  return png;
}

}  // namespace harbor_bridge
