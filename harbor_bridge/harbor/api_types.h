// What Harbor's API v2.0 speaks of, as far as a bridge needs it. Plain values.
#ifndef HARBOR_BRIDGE_HARBOR_API_TYPES_H_
#define HARBOR_BRIDGE_HARBOR_API_TYPES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "kraken/base/digest.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/tag.h"

namespace harbor_bridge::api {

struct ComponentHealth {
  std::string name;
  std::string status;  // "healthy"
  std::string error;
};

struct SystemInfo {
  std::string version;  // "v2.15.2-6e1d6a35"; empty or "-": Harbor does not say
  std::string external_url;
  std::string registry_url;
  bool read_only = false;
  // Whether Harbor sends webhooks at all; unset: it does not say.
  std::optional<bool> notification_enabled;
  // Only who has proved who he is gets the URLs.
  bool authenticated() const { return !external_url.empty() || !registry_url.empty(); }
};

struct Project {
  int64_t id = 0;
  std::string name;
  bool is_public = false;
  bool is_proxy_cache = false;
};

struct RepositoryEntry {
  kraken::RepositoryName name;  // with its project: "team/app"
  int64_t artifact_count = 0;
};

struct ArtifactTag {
  kraken::Tag name;
  absl::Time push_time;
};

struct Artifact {
  kraken::RepositoryName repository;
  kraken::Digest digest;
  std::string type;  // "IMAGE", "CHART", …
  std::string manifest_media_type;
  int64_t size_bytes = 0;
  // When this digest first came to the repository. A tag that is moved to it later has a later one.
  absl::Time push_time;
  std::vector<ArtifactTag> tags;
  std::vector<kraken::Digest> children;  // of an index
};

// What webhooks of a project can do.
struct WebhookAbilities {
  std::vector<std::string> event_types;
  std::vector<std::string> notify_types;
  std::vector<std::string> payload_formats;  // empty before Harbor 2.8
};

struct WebhookTarget {
  std::string type = "http";
  std::string address;
  std::string auth_header;
  bool skip_cert_verify = false;
  std::string payload_format;  // empty: Harbor's default

  friend bool operator==(const WebhookTarget&, const WebhookTarget&) = default;
};

struct WebhookPolicy {
  int64_t id = 0;
  std::string name;
  std::string description;
  bool enabled = true;
  std::vector<std::string> event_types;
  std::vector<WebhookTarget> targets;
};

// An attempt to deliver a webhook, or a run of a preheat policy.
struct Execution {
  int64_t id = 0;
  std::string status;  // "Success", "Error", "Running", …
  absl::Time started;
};

struct RobotPermission {
  std::string resource;
  std::string action;

  friend bool operator==(const RobotPermission&, const RobotPermission&) = default;
};

// What a robot may do in the projects of a name ("*": all), or in the system ("/").
struct RobotScope {
  std::string kind = "project";  // or "system"
  std::string name = "*";
  std::vector<RobotPermission> access;
};

struct Robot {
  int64_t id = 0;
  std::string name;  // with its prefix: "robot$kraken"
  std::string description;
  bool disabled = false;
  int64_t expires_at = -1;  // Unix seconds; -1: never
  std::vector<RobotScope> scopes;
};

struct NewRobot {
  std::string name;  // without a prefix
  std::string description;
  std::vector<RobotScope> scopes;
};

struct CreatedRobot {
  int64_t id = 0;
  std::string name;    // what to log in with
  std::string secret;  // told once
};

struct PreheatInstance {
  int64_t id = 0;
  std::string name;
  std::string description;
  std::string vendor;  // "kraken" or "dragonfly"
  std::string endpoint;
  std::string auth_mode = "NONE";  // or BASIC, OAUTH, CUSTOM
  // One entry: user and password, "token" and the token, or a header's name and value. Harbor does
  // not give it back.
  std::string auth_key;
  std::string auth_value;
  std::string status;  // "Healthy", as Harbor saw it last
  bool enabled = true;
  bool is_default = false;
  bool insecure = false;  // its certificate is not checked
};

struct PreheatPolicy {
  int64_t id = 0;
  std::string name;
  std::string description;
  int64_t project_id = 0;
  int64_t provider_id = 0;
  bool enabled = true;
  // Doublestar patterns within the project.
  std::string repositories = "**";
  std::string tags = "**";
  std::string trigger = "event_based";  // or "manual"
};

// What the account may do in a project: resource "/project/2/artifact", or relative to it.
struct Permission {
  std::string resource;
  std::string action;
};

}  // namespace harbor_bridge::api

#endif  // HARBOR_BRIDGE_HARBOR_API_TYPES_H_
