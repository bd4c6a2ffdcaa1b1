#include "harbor_bridge/harbor/harbor_client.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "harbor_bridge/harbor/api_error.h"
#include "harbor_bridge/harbor/harbor_json.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge::api {
namespace {

using kraken::net::PercentEncode;

constexpr absl::string_view kRoot = "/api/v2.0";
constexpr int kExecutionsShown = 5;

std::string ProjectPath(absl::string_view project) {
  return absl::StrCat("/projects/", PercentEncode(project));
}

// A repository's name within its project stands in a path escaped twice: Harbor's router decodes a
// path before it splits it.
std::string ArtifactsPath(const kraken::RepositoryName& repository) {
  const std::string& name = repository.ToString();
  const size_t slash = name.find('/');
  const absl::string_view whole = name;
  const absl::string_view project = whole.substr(0, slash);
  const absl::string_view rest = slash == std::string::npos ? "" : whole.substr(slash + 1);
  return absl::StrCat(ProjectPath(project), "/repositories/", PercentEncode(PercentEncode(rest)),
                      "/artifacts");
}

bool IsNumber(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(),
                                      [](unsigned char c) { return absl::ascii_isdigit(c); });
}

}  // namespace

// One request.
struct HarborClient::Call {
  std::string method = "GET";
  std::string path;  // below kRoot, escaped
  std::string query;
  std::string body;  // JSON; empty: none
  std::string permission;
  // `path` names a project: tells Harbor that digits are a name, not a number.
  absl::string_view project = "";
};

struct HarborClient::Answer {
  int status = 0;
  kraken::net::HeaderMap headers;
  std::string body;
};

bool HasNextPage(absl::string_view link, int64_t total, const PageRequest& page, size_t entries) {
  if (!link.empty()) return absl::StrContains(link, "rel=\"next\"");
  if (total >= 0) return int64_t{page.page} * page.size < total;
  return entries >= static_cast<size_t>(page.size);
}

HarborClient::HarborClient(HarborClientOptions options, kraken::net::BlockingHttpClient* http)
    : options_(std::move(options)), http_(http) {}

absl::StatusOr<HarborClient::Answer> HarborClient::Send(const Call& call) {
  kraken::net::HttpClientRequest request;
  request.method = call.method;
  request.url = options_.url;
  request.url.target = absl::StrCat(kRoot, call.path, call.query.empty() ? "" : "?", call.query);
  const CallDescription description = {.harbor = options_.name,
                                       .method = call.method,
                                       .url = request.url.ToLogString(),
                                       .permission = call.permission};
  request.headers.Add("Accept", "application/json");
  if (options_.credentials.has_value()) {
    request.headers.Add("Authorization", BasicAuthorization(*options_.credentials));
  }
  if (IsNumber(call.project)) request.headers.Add("X-Is-Resource-Name", "true");
  if (!call.body.empty()) {
    request.headers.Add("Content-Type", "application/json");
    request.body = call.body;
  }
  request.tls = options_.tls;
  request.timeouts.connect = std::min(request.timeouts.connect, options_.timeout);
  request.timeouts.head = options_.timeout;
  request.timeouts.progress = options_.timeout;
  request.timeouts.total = options_.timeout;
  request.max_body_bytes = kMaxAnswerBytes;

  Answer answer;
  const absl::Status status = http_->FetchStreaming(
      std::move(request),
      [&](const kraken::net::HttpResponseHead& head) -> absl::Status {
        answer.status = head.status;
        answer.headers = head.headers;
        return options_.cancellation.status();
      },
      [&](absl::string_view data) -> absl::Status {
        answer.body.append(data.data(), data.size());
        return options_.cancellation.status();
      });
  if (!status.ok()) return StatusFromTransport(description, status);
  if (answer.status >= 200 && answer.status < 300) return answer;
  return StatusFromAnswer(description, answer.status, answer.headers.GetOr("Location"),
                          answer.body);
}

absl::Status HarborClient::Do(const Call& call) { return Send(call).status(); }

absl::Status HarborClient::Unreadable(const Call& call, const absl::Status& status) const {
  return absl::InternalError(absl::StrCat("Harbor ", options_.name, ": ", call.method, " ",
                                          options_.url.host_port(), kRoot, call.path,
                                          ": not what Harbor's API answers: ", status.message()));
}

template <typename T, typename Parse>
absl::StatusOr<Page<T>> HarborClient::GetPage(Call call, const PageRequest& page, Parse parse) {
  absl::StrAppend(&call.query, call.query.empty() ? "" : "&", "page=", page.page,
                  "&page_size=", page.size);
  KH_ASSIGN_OR_RETURN(const Answer answer, Send(call));
  absl::StatusOr<ParsedList<T>> list = parse(answer.body);
  if (!list.ok()) return Unreadable(call, list.status());
  Page<T> result;
  result.items = std::move(list->items);
  result.skipped = list->skipped;
  int64_t total = -1;
  if (absl::SimpleAtoi(answer.headers.GetOr("X-Total-Count"), &total)) result.total = total;
  result.more = HasNextPage(answer.headers.GetOr("Link"), result.total, page,
                            result.items.size() + result.skipped);
  return result;
}

template <typename T, typename Parse>
absl::StatusOr<std::vector<T>> HarborClient::GetAll(const Call& call, Parse parse) {
  std::vector<T> items;
  for (int page = 1; page <= kMaxWholeListPages; ++page) {
    KH_ASSIGN_OR_RETURN(Page<T> next, GetPage<T>(call, {.page = page}, parse));
    std::move(next.items.begin(), next.items.end(), std::back_inserter(items));
    if (!next.more) return items;
  }
  return absl::ResourceExhaustedError(absl::StrCat("Harbor ", options_.name, ": ", call.path,
                                                   ": more than ", items.size(), " entries"));
}

absl::Status HarborClient::Ping() {
  const Call call = {.path = "/ping"};
  absl::StatusOr<Answer> answer = Send(call);
  if (absl::IsNotFound(answer.status())) {
    return absl::UnimplementedError(absl::StrCat(
        answer.status().message(),
        "; no API v2.0 is there: Harbor before 2.0 has none (leave harbors[].api out), and nothing "
        "but Harbor's own address, that of its portal, has it"));
  }
  KH_RETURN_IF_ERROR(answer.status());
  // Harbor says "Pong"; its portal answers any path with a page of its own.
  if (!absl::StrContains(answer->body, "Pong")) {
    return Unreadable(call, absl::InvalidArgumentError("no \"Pong\""));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ComponentHealth>> HarborClient::Health() {
  const Call call = {.path = "/health"};
  KH_ASSIGN_OR_RETURN(const Answer answer, Send(call));
  auto components = ParseHealth(answer.body);
  if (!components.ok()) return Unreadable(call, components.status());
  return components;
}

absl::StatusOr<SystemInfo> HarborClient::GetSystemInfo() {
  const Call call = {.path = "/systeminfo"};
  KH_ASSIGN_OR_RETURN(const Answer answer, Send(call));
  auto info = ParseSystemInfo(answer.body);
  if (!info.ok()) return Unreadable(call, info.status());
  return info;
}

absl::Status HarborClient::CheckCredentials() {
  absl::Status status = Do({.path = "/users/current"});
  // A robot account is refused here with another status than a stranger.
  if (absl::IsFailedPrecondition(status) || absl::IsPermissionDenied(status) ||
      absl::IsInvalidArgument(status)) {
    KH_ASSIGN_OR_RETURN(const SystemInfo info, GetSystemInfo());
    return info.authenticated() ? absl::OkStatus() : status;
  }
  return status;
}

absl::StatusOr<std::vector<Permission>> HarborClient::ListPermissions(const Project& project) {
  const Call call = {
      .path = "/users/current/permissions",
      .query = absl::StrCat("scope=", PercentEncode(absl::StrCat("/project/", project.id)),
                            "&relative=true")};
  KH_ASSIGN_OR_RETURN(const Answer answer, Send(call));
  auto list = ParsePermissions(answer.body);
  if (!list.ok()) return Unreadable(call, list.status());
  return std::move(list->items);
}

absl::StatusOr<Page<Project>> HarborClient::ListProjects(const PageRequest& page) {
  return GetPage<Project>({.path = "/projects", .query = "sort=name", .permission = "project:list"},
                          page, ParseProjects);
}

absl::StatusOr<std::vector<Project>> HarborClient::ListAllProjects() {
  return GetAll<Project>({.path = "/projects", .query = "sort=name", .permission = "project:list"},
                         ParseProjects);
}

absl::StatusOr<Page<RepositoryEntry>> HarborClient::ListRepositories(absl::string_view project,
                                                                     const PageRequest& page) {
  return GetPage<RepositoryEntry>({.path = absl::StrCat(ProjectPath(project), "/repositories"),
                                   .query = "sort=name",
                                   .permission = "repository:list",
                                   .project = project},
                                  page, ParseRepositories);
}

absl::StatusOr<Page<Artifact>> HarborClient::ListArtifacts(const kraken::RepositoryName& repository,
                                                           const PageRequest& page) {
  return GetPage<Artifact>(
      {.path = ArtifactsPath(repository),
       .query = "with_tag=true&sort=-push_time",
       .permission = "artifact:list"},
      page, [&repository](absl::string_view body) { return ParseArtifacts(body, &repository); });
}

absl::StatusOr<Page<Artifact>> HarborClient::ListProjectArtifacts(absl::string_view project,
                                                                  const PageRequest& page) {
  return GetPage<Artifact>({.path = absl::StrCat(ProjectPath(project), "/artifacts"),
                            .query = "with_tag=true&sort=-push_time",
                            .permission = "artifact:list",
                            .project = project},
                           page,
                           [](absl::string_view body) { return ParseArtifacts(body, nullptr); });
}

absl::StatusOr<Artifact> HarborClient::GetArtifact(const kraken::RepositoryName& repository,
                                                   absl::string_view reference) {
  const Call call = {.path = absl::StrCat(ArtifactsPath(repository), "/", PercentEncode(reference)),
                     .query = "with_tag=true",
                     .permission = "artifact:read"};
  KH_ASSIGN_OR_RETURN(const Answer answer, Send(call));
  auto artifact = ParseArtifact(answer.body, repository);
  if (!artifact.ok()) return Unreadable(call, artifact.status());
  return artifact;
}

absl::StatusOr<Page<ArtifactTag>> HarborClient::ListTags(const kraken::RepositoryName& repository,
                                                         absl::string_view reference,
                                                         const PageRequest& page) {
  return GetPage<ArtifactTag>(
      {.path = absl::StrCat(ArtifactsPath(repository), "/", PercentEncode(reference), "/tags"),
       .permission = "tag:list"},
      page, ParseTags);
}

absl::StatusOr<WebhookAbilities> HarborClient::GetWebhookAbilities(absl::string_view project) {
  const Call call = {.path = absl::StrCat(ProjectPath(project), "/webhook/events"),
                     .permission = "notification-policy:read",
                     .project = project};
  KH_ASSIGN_OR_RETURN(const Answer answer, Send(call));
  auto abilities = ParseWebhookAbilities(answer.body);
  if (!abilities.ok()) return Unreadable(call, abilities.status());
  return abilities;
}

absl::StatusOr<std::vector<WebhookPolicy>> HarborClient::ListWebhookPolicies(
    absl::string_view project) {
  return GetAll<WebhookPolicy>({.path = absl::StrCat(ProjectPath(project), "/webhook/policies"),
                                .permission = "notification-policy:list",
                                .project = project},
                               ParseWebhookPolicies);
}

absl::Status HarborClient::CreateWebhookPolicy(absl::string_view project,
                                               const WebhookPolicy& policy) {
  return Do({.method = "POST",
             .path = absl::StrCat(ProjectPath(project), "/webhook/policies"),
             .body = ToJson(policy),
             .permission = "notification-policy:create",
             .project = project});
}

absl::Status HarborClient::UpdateWebhookPolicy(absl::string_view project,
                                               const WebhookPolicy& policy) {
  return Do({.method = "PUT",
             .path = absl::StrCat(ProjectPath(project), "/webhook/policies/", policy.id),
             .body = ToJson(policy),
             .permission = "notification-policy:update",
             .project = project});
}

absl::Status HarborClient::DeleteWebhookPolicy(absl::string_view project, int64_t id) {
  return Do({.method = "DELETE",
             .path = absl::StrCat(ProjectPath(project), "/webhook/policies/", id),
             .permission = "notification-policy:delete",
             .project = project});
}

absl::StatusOr<std::vector<Execution>> HarborClient::ListWebhookExecutions(
    absl::string_view project, int64_t policy_id) {
  KH_ASSIGN_OR_RETURN(
      Page<Execution> page,
      GetPage<Execution>({.path = absl::StrCat(ProjectPath(project), "/webhook/policies/",
                                               policy_id, "/executions"),
                          .query = "sort=-start_time",
                          .permission = "notification-policy:list",
                          .project = project},
                         {.page = 1, .size = kExecutionsShown}, ParseExecutions));
  return std::move(page.items);
}

absl::StatusOr<std::vector<Robot>> HarborClient::ListRobots() {
  return GetAll<Robot>({.path = "/robots", .permission = "robot:list (of the system)"},
                       ParseRobots);
}

absl::StatusOr<CreatedRobot> HarborClient::CreateRobot(const NewRobot& robot) {
  const Call call = {.method = "POST",
                     .path = "/robots",
                     .body = ToJson(robot),
                     .permission = "robot:create (of the system)"};
  KH_ASSIGN_OR_RETURN(const Answer answer, Send(call));
  auto created = ParseCreatedRobot(answer.body);
  if (!created.ok()) return Unreadable(call, created.status());
  return created;
}

absl::Status HarborClient::DeleteRobot(int64_t id) {
  return Do({.method = "DELETE",
             .path = absl::StrCat("/robots/", id),
             .permission = "robot:delete (of the system)"});
}

absl::StatusOr<std::vector<PreheatInstance>> HarborClient::ListPreheatInstances() {
  return GetAll<PreheatInstance>(
      {.path = "/p2p/preheat/instances", .permission = "preheat-instance:list (of the system)"},
      ParsePreheatInstances);
}

absl::Status HarborClient::CreatePreheatInstance(const PreheatInstance& instance) {
  return Do({.method = "POST",
             .path = "/p2p/preheat/instances",
             .body = ToJson(instance),
             .permission = "preheat-instance:create (of the system)"});
}

absl::Status HarborClient::UpdatePreheatInstance(const PreheatInstance& instance) {
  return Do({.method = "PUT",
             .path = absl::StrCat("/p2p/preheat/instances/", PercentEncode(instance.name)),
             .body = ToJson(instance),
             .permission = "preheat-instance:update (of the system)"});
}

absl::Status HarborClient::DeletePreheatInstance(absl::string_view name) {
  return Do({.method = "DELETE",
             .path = absl::StrCat("/p2p/preheat/instances/", PercentEncode(name)),
             .permission = "preheat-instance:delete (of the system)"});
}

absl::Status HarborClient::PingPreheatInstance(const PreheatInstance& instance) {
  return Do({.method = "POST",
             .path = "/p2p/preheat/instances/ping",
             .body = ToJson(instance),
             .permission = "preheat-instance:read (of the system)"});
}

absl::StatusOr<std::vector<PreheatPolicy>> HarborClient::ListPreheatPolicies(
    absl::string_view project) {
  return GetAll<PreheatPolicy>({.path = absl::StrCat(ProjectPath(project), "/preheat/policies"),
                                .permission = "preheat-policy:list",
                                .project = project},
                               ParsePreheatPolicies);
}

absl::Status HarborClient::CreatePreheatPolicy(absl::string_view project,
                                               const PreheatPolicy& policy) {
  return Do({.method = "POST",
             .path = absl::StrCat(ProjectPath(project), "/preheat/policies"),
             .body = ToJson(policy),
             .permission = "preheat-policy:create",
             .project = project});
}

absl::Status HarborClient::UpdatePreheatPolicy(absl::string_view project,
                                               const PreheatPolicy& policy) {
  return Do(
      {.method = "PUT",
       .path = absl::StrCat(ProjectPath(project), "/preheat/policies/", PercentEncode(policy.name)),
       .body = ToJson(policy),
       .permission = "preheat-policy:update",
       .project = project});
}

absl::Status HarborClient::DeletePreheatPolicy(absl::string_view project, absl::string_view name) {
  return Do({.method = "DELETE",
             .path = absl::StrCat(ProjectPath(project), "/preheat/policies/", PercentEncode(name)),
             .permission = "preheat-policy:delete",
             .project = project});
}

}  // namespace harbor_bridge::api
