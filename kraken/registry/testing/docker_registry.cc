#include "kraken/registry/testing/docker_registry.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/base/digest.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/sha256.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_client.h"
#include "kraken/net/http_message.h"
#include "kraken/net/url.h"
#include "kraken/registry/credentials.h"
#include "kraken/registry/errors.h"
#include "kraken/registry/testing/child_process.h"

namespace kraken::registry::testing {
namespace {

constexpr char kProgram[] = "/usr/bin/docker-registry";
constexpr absl::Duration kStartLimit = absl::Seconds(30);
constexpr absl::Duration kStopLimit = absl::Seconds(20);
constexpr char kListening[] = "listening on ";

// Made by `htpasswd -nbB -C 5`: the lowest cost, since each request pays it.
constexpr char kHtpasswd[] =
    "harbor_registry_user:$2y$05$BXy5iWVNUZBeeDgr.gKymuu8ImBoRaTIQq2SIFcQ38MNt18f3nwy.\n";

std::string AuthYaml(const DockerRegistryOptions& options) {
  if (options.token_auth.has_value()) {
    const RegistryTokenAuth& token = *options.token_auth;
    return absl::StrCat("auth:\n  token:\n    realm: ", token.realm,
                        "\n    service: ", token.service, "\n    issuer: ", token.issuer,
                        "\n    rootcertbundle: ", token.certificates_file, "\n");
  }
  if (!options.basic_auth) return "";
  return absl::StrCat("auth:\n  htpasswd: {realm: harbor-registry-basic-realm, path: ",
                      options.directory, "/passwd}\n");
}

// Harbor's registry configuration, without Redis.
std::string ConfigYaml(const DockerRegistryOptions& options) {
  std::string tls;
  if (!options.tls_certificate_file.empty()) {
    tls = absl::StrCat("  tls: {certificate: ", options.tls_certificate_file,
                       ", key: ", options.tls_key_file, "}\n");
  }
  return absl::StrCat(
      "version: 0.1\nlog: {level: info}\nstorage:\n  cache: {blobdescriptor: inmemory}\n",
      "  filesystem: {rootdirectory: ", options.directory, "/data}\n",
      "  delete: {enabled: true}\n  redirect: {disable: false}\n",
      "http:\n  addr: ", options.listen_host, ":", options.port,
      "\n  secret: placeholder\n  relativeurls: false\n  draintimeout: 10s\n", tls,
      AuthYaml(options),
      "validation: {disabled: true}\ncompatibility: {schema1: {enabled: true}}\n",
      options.extra_yaml);
}

absl::Status WriteFile(const std::string& path, absl::string_view content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  file.close();
  return file ? absl::OkStatus() : ErrnoToStatus(errno, absl::StrCat("write ", path));
}

// The address in `... msg="listening on 127.0.0.1:40001, tls" ...`; empty if the line is another.
std::string ListeningAddress(absl::string_view line) {
  const size_t start = line.find(kListening);
  if (start == absl::string_view::npos) return "";
  const absl::string_view rest = line.substr(start + absl::string_view(kListening).size());
  return std::string(rest.substr(0, rest.find_first_of("\", ")));
}

// 127.0.0.1 - - [date] "GET /v2/ HTTP/1.1" 200 2 "" "agent"
absl::optional<AccessLogEntry> ParseAccessLogLine(absl::string_view line) {
  const std::vector<absl::string_view> quoted = absl::StrSplit(line, '"');
  if (quoted.size() < 6) return absl::nullopt;
  const std::vector<absl::string_view> request = absl::StrSplit(quoted[1], ' ');
  const std::vector<absl::string_view> numbers = absl::StrSplit(quoted[2], ' ', absl::SkipEmpty());
  AccessLogEntry entry;
  if (request.size() < 2 || numbers.size() != 2 || !absl::SimpleAtoi(numbers[0], &entry.status) ||
      !absl::SimpleAtoi(numbers[1], &entry.body_bytes)) {
    return absl::nullopt;
  }
  entry.method = std::string(request[0]);
  entry.target = std::string(request[1]);
  entry.user_agent = std::string(quoted[5]);
  return entry;
}

std::vector<AccessLogEntry> ParseAccessLog(const std::vector<std::string>& lines) {
  std::vector<AccessLogEntry> entries;
  for (const std::string& line : lines) {
    if (absl::optional<AccessLogEntry> entry = ParseAccessLogLine(line)) {
      entries.push_back(*std::move(entry));
    }
  }
  return entries;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DockerRegistry>> DockerRegistry::Start(
    const DockerRegistryOptions& options) {
  if (mkdir(options.directory.c_str(), 0755) != 0 && errno != EEXIST) {
    return ErrnoToStatus(errno, absl::StrCat("mkdir ", options.directory));
  }
  const std::string config_file = absl::StrCat(options.directory, "/config.yml");
  KH_RETURN_IF_ERROR(WriteFile(config_file, ConfigYaml(options)));
  KH_RETURN_IF_ERROR(WriteFile(absl::StrCat(options.directory, "/passwd"), kHtpasswd));
  absl::StatusOr<std::unique_ptr<ChildProcess>> process =
      ChildProcess::Start({kProgram, "serve", config_file});
  if (absl::IsNotFound(process.status())) {
    return absl::NotFoundError(
        absl::StrCat(kProgram,
                     " is missing: install Debian's package docker-registry (apt-get install "
                     "docker-registry)"));
  }
  KH_RETURN_IF_ERROR(process.status());

  std::string address;
  const bool listening = (*process)->WaitForLines(
      ChildProcess::Stream::kStderr,
      [&address](const std::vector<std::string>& lines) {
        for (const std::string& line : lines) {
          if (address.empty()) address = ListeningAddress(line);
        }
        return !address.empty();
      },
      kStartLimit);
  if (!listening) {
    return absl::UnavailableError(
        absl::StrCat("docker-registry did not start:\n",
                     absl::StrJoin((*process)->Lines(ChildProcess::Stream::kStderr), "\n")));
  }
  const absl::string_view scheme = options.tls_certificate_file.empty() ? "http" : "https";
  KH_ASSIGN_OR_RETURN(net::Url url, net::Url::Parse(absl::StrCat(scheme, "://", address)));
  return std::unique_ptr<DockerRegistry>(new DockerRegistry(std::move(url), *std::move(process)));
}

DockerRegistry::~DockerRegistry() = default;

void DockerRegistry::Stop() { process_->Terminate(kStopLimit); }
void DockerRegistry::Kill() { process_->Kill(); }

std::vector<AccessLogEntry> DockerRegistry::AccessLog() const {
  return ParseAccessLog(process_->Lines(ChildProcess::Stream::kStdout));
}

bool DockerRegistry::WaitForAccessLog(
    const std::function<bool(const std::vector<AccessLogEntry>&)>& condition,
    absl::Duration limit) const {
  return process_->WaitForLines(
      ChildProcess::Stream::kStdout,
      [&condition](const std::vector<std::string>& lines) {
        return condition(ParseAccessLog(lines));
      },
      limit);
}

std::vector<std::string> DockerRegistry::Log() const {
  return process_->Lines(ChildProcess::Stream::kStderr);
}

BasicCredentials HarborRegistryCredentials() {
  return {kHarborRegistryUser, kHarborRegistryPassword};
}

RegistryPusher::RegistryPusher(net::BlockingHttpClient* http, net::Url registry,
                               std::function<std::string(const RepositoryName&)> authorization)
    : http_(http), registry_(std::move(registry)), authorization_(std::move(authorization)) {}

RegistryPusher::RegistryPusher(net::BlockingHttpClient* http, net::Url registry)
    : RegistryPusher(http, std::move(registry), [](const RepositoryName&) { return ""; }) {}

RegistryPusher::RegistryPusher(net::BlockingHttpClient* http, net::Url registry,
                               const BasicCredentials& credentials)
    : RegistryPusher(
          http, std::move(registry),
          [value = BasicAuthorization(credentials)](const RepositoryName&) { return value; }) {}

absl::StatusOr<Digest> RegistryPusher::PushBlob(const RepositoryName& repository,
                                                absl::string_view content) {
  net::Url url = registry_;
  url.target = absl::StrCat("/v2/", repository.ToString(), "/blobs/uploads/");
  KH_ASSIGN_OR_RETURN(const net::HttpResponse started, Send(repository, "POST", url, "", "", 202));
  const Digest digest = DigestOf(content);
  KH_ASSIGN_OR_RETURN(net::Url upload, url.Resolve(started.headers.GetOr("Location")));
  absl::StrAppend(&upload.target, absl::StrContains(upload.target, '?') ? "&" : "?",
                  "digest=", digest.ToString());
  KH_RETURN_IF_ERROR(
      Send(repository, "PUT", upload, "application/octet-stream", content, 201).status());
  return digest;
}

absl::StatusOr<Digest> RegistryPusher::PushManifest(const RepositoryName& repository,
                                                    absl::string_view reference,
                                                    absl::string_view media_type,
                                                    absl::string_view body) {
  const Digest digest = DigestOf(body);
  net::Url url = registry_;
  url.target = absl::StrCat("/v2/", repository.ToString(), "/manifests/",
                            reference.empty() ? digest.ToString() : std::string(reference));
  KH_RETURN_IF_ERROR(Send(repository, "PUT", url, media_type, body, 201).status());
  return digest;
}

absl::StatusOr<net::HttpResponse> RegistryPusher::Send(const RepositoryName& repository,
                                                       std::string method, net::Url url,
                                                       absl::string_view content_type,
                                                       absl::string_view body,
                                                       int expected_status) {
  net::HttpClientRequest request;
  request.method = std::move(method);
  request.url = std::move(url);
  request.body = std::string(body);
  if (!content_type.empty()) request.headers.Add("Content-Type", content_type);
  const std::string authorization = authorization_(repository);
  if (!authorization.empty()) request.headers.Add("Authorization", authorization);
  const std::string what = absl::StrCat(request.method, " ", request.url.ToLogString());
  KH_ASSIGN_OR_RETURN(net::HttpResponse response, http_->Fetch(std::move(request)));
  if (response.status != expected_status) {
    return StatusFromResponse(response.status, response.body, what);
  }
  return response;
}

Digest DigestOf(absl::string_view content) {
  Sha256 sha256;
  sha256.Update(content);
  return sha256.Finish();
}

}  // namespace kraken::registry::testing
