#include "kraken/config/loader.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "kraken/base/status_macros.h"
#include "kraken/config/diagnostics.h"
#include "kraken/config/yaml_parser.h"

namespace kraken::config {
namespace {

constexpr char kExtendsKey[] = "extends";

absl::Status Failure(absl::string_view message) { return absl::FailedPreconditionError(message); }

// `path` without ".", empty and, as far as they have something to cancel, ".." components, so that
// one file has one name (symbolic links aside).
std::string Normalized(absl::string_view path) {
  std::vector<absl::string_view> parts;
  const bool is_absolute = absl::StartsWith(path, "/");
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    if (part.empty() || part == ".") continue;
    const bool cancels = part == ".." && (is_absolute || (!parts.empty() && parts.back() != ".."));
    if (!cancels) {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  return absl::StrCat(is_absolute ? "/" : "", absl::StrJoin(parts, "/"));
}

// What `name`, written in the file `path`, means.
std::string RelativeTo(absl::string_view path, absl::string_view name) {
  if (absl::StartsWith(name, "/")) return Normalized(name);
  const size_t slash = path.rfind('/');
  const absl::string_view folder =
      slash == absl::string_view::npos ? "" : path.substr(0, slash + 1);
  return Normalized(absl::StrCat(folder, name));
}

absl::StatusOr<Node> LoadOneFile(const std::string& path, const Sources& sources) {
  const absl::StatusOr<std::string> text = sources.read_file(path);
  if (!text.ok()) return Failure(text.status().message());
  return ParseYaml(*text, path);
}

// Removes `extends` from `file` and returns the path it names, or "".
absl::StatusOr<std::string> TakeExtends(Node& file, const std::string& path) {
  const auto member = std::find_if(file.members.begin(), file.members.end(),
                                   [](const NodeMember& m) { return m.key == kExtendsKey; });
  if (member == file.members.end()) return "";
  const Node value = std::move(member->value);
  file.members.erase(member);
  if (value.kind == Node::Kind::kNull) return "";
  if (value.kind != Node::Kind::kScalar) {
    return Failure(absl::StrCat(value.position.ToString(), ": extends: expected a path, found ",
                                KindName(value.kind)));
  }
  if (value.scalar.empty()) return "";
  return RelativeTo(path, value.scalar);
}

// `path` and all that it extends, laid over each other.
absl::StatusOr<Node> LoadChain(const std::string& config_path, const Sources& sources) {
  std::vector<std::string> paths;
  std::vector<Node> files;  // Each extends the next.
  for (std::string path = Normalized(config_path); !path.empty();) {
    if (std::find(paths.begin(), paths.end(), path) != paths.end()) {
      return Failure(
          absl::StrCat("extends goes in a circle: ", absl::StrJoin(paths, " -> "), " -> ", path));
    }
    if (paths.size() >= kMaxExtends) {
      return Failure(absl::StrCat(paths.back(), ": extends: more than ", kMaxExtends, " files"));
    }
    paths.push_back(path);
    KH_ASSIGN_OR_RETURN(Node file, LoadOneFile(path, sources));
    KH_ASSIGN_OR_RETURN(path, TakeExtends(file, path));
    files.push_back(std::move(file));
  }
  Node result = std::move(files.back());
  for (size_t i = files.size() - 1; i > 0; --i) MergeInto(result, std::move(files[i - 1]));
  return result;
}

void MarkSecret(Node& node) {
  node.is_secret = true;
  for (Node& item : node.items) MarkSecret(item);
  for (NodeMember& member : node.members) MarkSecret(member.value);
}

}  // namespace

absl::StatusOr<Node> Load(const LoadOptions& options, const Sources& sources) {
  if (options.config_path.empty()) return Failure("no configuration file given");
  KH_ASSIGN_OR_RETURN(Node root, LoadChain(options.config_path, sources));
  if (!options.secrets_path.empty()) {
    KH_ASSIGN_OR_RETURN(Node secrets, LoadChain(options.secrets_path, sources));
    MarkSecret(secrets);
    MergeInto(root, std::move(secrets));
  }
  Diagnostics diagnostics;
  Interpolate(root, sources, diagnostics);
  KH_RETURN_IF_ERROR(diagnostics.ToStatus());
  return root;
}

}  // namespace kraken::config
