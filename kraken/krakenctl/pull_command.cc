#include "kraken/krakenctl/pull_command.h"

#include <sys/utsname.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "kraken/base/clock.h"
#include "kraken/base/files/read_whole_file.h"
#include "kraken/base/image_name.h"
#include "kraken/base/random.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/base/tag.h"
#include "kraken/config/exit_codes.h"
#include "kraken/config/flags.h"
#include "kraken/daemon/password_file.h"
#include "kraken/krakenctl/auth_file.h"
#include "kraken/krakenctl/http_setup.h"
#include "kraken/krakenctl/image_pull.h"
#include "kraken/krakenctl/progress_view.h"
#include "kraken/krakenctl/swarm_counters.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_client.h"
#include "kraken/net/http_message.h"
#include "kraken/net/url.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/credentials.h"
#include "kraken/registry/platform.h"
#include "kraken/registry/registry_client.h"

namespace kraken::krakenctl {
namespace {

constexpr absl::string_view kName = "krakenctl pull";
constexpr absl::Duration kRedrawInterval = absl::Milliseconds(100);
constexpr absl::Duration kMetricsTimeout = absl::Seconds(2);
constexpr uint64_t kMaxMetricsBytes = 4 << 20;
constexpr int64_t kMaxAuthFileBytes = 1 << 20;

// What the command line says.
struct Texts {
  std::string agent = "http://localhost:13000";
  std::string metrics = "http://localhost:16002/metrics";
  std::string platform;
  int parallel = 3;
  absl::Duration timeout = absl::Seconds(60);
  bool plain = false;
  std::string user;
  std::string password_file;
  std::string auth_file;
  TlsFlags tls;
};

struct Request {
  ImageName image;
  net::Url agent;
  std::optional<net::Url> metrics;
  registry::Platform platform;
  std::optional<registry::BasicCredentials> credentials;
};

// In uname's words, which Platform::Parse() knows.
std::string ThisMachinesPlatform() {
  utsname names = {};
  return absl::StrCat("linux/", uname(&names) == 0 ? names.machine : "x86_64");
}

absl::StatusOr<Request> ReadRequest(const std::vector<std::string>& arguments, const Texts& texts) {
  if (arguments.size() != 1) {
    return absl::InvalidArgumentError("say which image: library/debian:latest");
  }
  KH_ASSIGN_OR_RETURN(ImageName image, ImageName::Parse(arguments[0]));
  Request request = {.image = std::move(image)};
  if (!request.image.reference().has_value()) {
    KH_ASSIGN_OR_RETURN(request.image.tag, Tag::Parse("latest"));
  }
  absl::StatusOr<net::Url> agent = ParseAddress(texts.agent);
  if (!agent.ok()) return Annotate(agent.status(), "flag -agent");
  request.agent = *std::move(agent);
  if (!texts.metrics.empty()) {
    absl::StatusOr<net::Url> metrics = ParseAddress(texts.metrics);
    if (!metrics.ok()) return Annotate(metrics.status(), "flag -metrics");
    request.metrics = *std::move(metrics);
  }
  absl::StatusOr<registry::Platform> platform =
      registry::Platform::Parse(texts.platform.empty() ? ThisMachinesPlatform() : texts.platform);
  if (!platform.ok()) return Annotate(platform.status(), "flag -platform");
  request.platform = *std::move(platform);
  return request;
}

// What -user and -password-file say, else what a login of docker's or podman's has left.
absl::StatusOr<std::optional<registry::BasicCredentials>> ReadCredentials(const Texts& texts,
                                                                          const Request& request) {
  if (texts.user.empty() != texts.password_file.empty()) {
    return absl::InvalidArgumentError("-user and -password-file go together");
  }
  if (!texts.user.empty()) {
    KH_ASSIGN_OR_RETURN(std::string password, daemon::ReadPasswordFile(texts.password_file));
    return registry::BasicCredentials{texts.user, std::move(password)};
  }
  const std::string path = texts.auth_file.empty() ? DefaultAuthFile() : texts.auth_file;
  if (path.empty()) return std::optional<registry::BasicCredentials>();
  KH_ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(path, kMaxAuthFileBytes));
  auto found = FindCredentials(text, {request.image.host, request.agent.host_port(),
                                      std::string(request.agent.host_header())});
  if (!found.ok()) return Annotate(found.status(), path);
  return found;
}

// The agent's counters as they are now.
absl::StatusOr<SwarmCounters> AskForCounters(net::BlockingHttpClient& http, const net::Url& url) {
  net::HttpClientRequest request;
  request.url = url;
  request.timeouts.connect = kMetricsTimeout;
  request.timeouts.total = kMetricsTimeout;
  request.max_body_bytes = kMaxMetricsBytes;
  KH_ASSIGN_OR_RETURN(const net::HttpResponse response, http.Fetch(std::move(request)));
  if (response.status != 200) {
    return absl::UnavailableError(absl::StrCat(url.ToLogString(), ": ", response.status, " ",
                                               net::ReasonPhrase(response.status)));
  }
  absl::StatusOr<SwarmCounters> counters = ParseSwarmCounters(response.body);
  if (!counters.ok()) return Annotate(counters.status(), url.ToLogString());
  return counters;
}

// A pull under way, and what is said of it.
class Pull {
 public:
  Pull(const Request& request, const Texts& texts, net::BlockingHttpClient* http,
       const Terminal& terminal)
      : request_(request), texts_(texts), http_(http), terminal_(terminal) {}

  absl::Status Run() {
    registry::RegistryClientOptions options;
    options.registry = request_.agent;
    options.timeout = texts_.timeout;
    if (request_.credentials.has_value()) options.credentials.emplace(*request_.credentials);
    const std::string& host = request_.image.host;
    // The agent's own address in a name is where to ask, no registry to stand in for.
    if (host != request_.agent.host_port() && host != request_.agent.host_header()) {
      options.mirrored_host = host;
    }
    registry::RegistryClient client(std::move(options), http_, &clock_, &bits_);
    if (request_.metrics.has_value()) before_ = AskForCounters(*http_, *request_.metrics);
    const MonotonicTime begun = clock_.MonotonicNow();
    KH_ASSIGN_OR_RETURN(const PullPlan plan,
                        ResolveImage(client, request_.image.repository, *request_.image.reference(),
                                     request_.platform, registry::Cancellation()));
    if (plan.foreign_layers > 0) {
      terminal_.out(
          absl::StrCat(plan.foreign_layers, " layers are in no registry and are left out\n"));
    }
    KH_RETURN_IF_ERROR(Fetch(client, plan));
    Summarize(plan, clock_.MonotonicNow() - begun);
    return absl::OkStatus();
  }

 private:
  absl::Status Fetch(registry::RegistryClient& client, const PullPlan& plan) {
    PullProgress progress(plan.blobs.size(), &clock_);
    absl::Notification done;
    absl::Status status;
    std::thread fetcher([&] {
      status = PullBlobs(client, request_.image.repository, plan, texts_.parallel, progress,
                         registry::Cancellation());
      done.Notify();
    });
    ProgressView view(plan, texts_.plain ? 0 : terminal_.columns);
    while (!done.WaitForNotificationWithTimeout(kRedrawInterval)) Show(view, progress);
    fetcher.join();
    Show(view, progress);
    return status;
  }

  void Show(ProgressView& view, const PullProgress& progress) {
    const std::string text = view.Update(progress.Snapshot(), clock_.MonotonicNow());
    if (!text.empty()) terminal_.out(text);
  }

  void Summarize(const PullPlan& plan, absl::Duration time) {
    const int64_t bytes = plan.total_size().value();
    terminal_.out(absl::StrFormat("%s is %s: %d blobs, %s in %.1f s, %s\n",
                                  request_.image.ToString(), plan.manifest.ToString(),
                                  plan.blobs.size(), FormatBytes(bytes),
                                  absl::ToDoubleSeconds(time), FormatRate(bytes, time)));
    if (request_.metrics.has_value()) terminal_.out(Share());
  }

  // Of all that the agent received meanwhile: it does not say what for.
  std::string Share() {
    const absl::StatusOr<SwarmCounters> after =
        before_.ok() ? AskForCounters(*http_, *request_.metrics) : before_;
    if (!after.ok()) {
      return absl::StrCat("what came from peers is not known: ", after.status().message(), "\n");
    }
    const double origins = after->from_origins - before_->from_origins;
    const double agents = after->from_agents - before_->from_agents;
    if (origins < 0 || agents < 0) {
      return "what came from peers is not known: the agent restarted\n";
    }
    const auto bytes = static_cast<int64_t>(origins + agents);
    if (bytes == 0) return "the agent received nothing meanwhile: it had all of it\n";
    return absl::StrFormat("the agent received %s meanwhile, %.1f %% of it from other agents\n",
                           FormatBytes(bytes), 100 * agents / (origins + agents));
  }

  const Request& request_;
  const Texts& texts_;
  net::BlockingHttpClient* const http_;
  const Terminal& terminal_;
  const Clock& clock_ = SystemClock::Get();
  SystemBitGen bits_;
  absl::StatusOr<SwarmCounters> before_ = absl::UnknownError("");
};

}  // namespace

int RunPullCommand(Arguments arguments, const Terminal& terminal) {
  Texts texts;
  config::FlagSet flags(
      kName,
      "Has the agent bring an image to this node, checks every byte and keeps none: containers\n"
      "start from it without waiting. IMAGE is as the agent knows it, library/debian:latest, or\n"
      "with the host of a registry that it stands in for, harbor.example.com/library/debian.");
  flags.AllowArguments("IMAGE");
  flags.String("agent", &texts.agent, "the agent's registry address");
  flags.String("metrics", &texts.metrics,
               "where the agent says what it received from peers; empty: it is not asked");
  flags.String("platform", &texts.platform,
               "of an image for several, which, such as linux/arm64; none: this machine's");
  flags.Int("parallel", &texts.parallel, 1, kMaxParallelBlobs, "layers at once");
  flags.Duration("timeout", &texts.timeout, "the longest wait for an answer or the next byte");
  flags.Bool("plain", &texts.plain, "lines instead of bars, also on a terminal");
  flags.String("user", &texts.user, "the name at Harbor, such as robot$team+puller");
  flags.String("password-file", &texts.password_file, "the file with its password");
  flags.String("auth-file", &texts.auth_file,
               "without these, where a login of docker's or podman's is kept; none: where they do");
  AddTlsFlags(flags, &texts.tls);
  if (const auto code = ParseCommandLine(flags, kName, arguments, terminal)) return *code;
  absl::StatusOr<Request> request = ReadRequest(flags.arguments(), texts);
  if (!request.ok()) return UsageError(kName, request.status().message(), terminal);
  auto credentials = ReadCredentials(texts, *request);
  if (!credentials.ok()) return Failure(kName, credentials.status(), terminal);
  request->credentials = *std::move(credentials);
  const auto http = MakeHttpClient(texts.tls);
  if (!http.ok()) return Failure(kName, http.status(), terminal);
  const absl::Status status = Pull(*request, texts, http->get(), terminal).Run();
  return status.ok() ? static_cast<int>(config::kExitOk) : Failure(kName, status, terminal);
}

}  // namespace kraken::krakenctl
