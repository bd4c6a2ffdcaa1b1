#include "kraken/config/interpolate.h"

#include <cstddef>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "kraken/base/files/read_whole_file.h"
#include "kraken/base/status_macros.h"
#include "kraken/config/yaml_parser.h"

namespace kraken::config {
namespace {

std::optional<std::string> GetEnv(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

absl::StatusOr<std::string> ReadSecretFile(const std::string& path, const Sources& sources) {
  if (!absl::StartsWith(path, "/")) {
    return absl::InvalidArgumentError(
        absl::StrCat("${file:", path, "}: expected an absolute path"));
  }
  KH_ASSIGN_OR_RETURN(std::string content, sources.read_file(path));
  if (content.size() > kMaxScalarBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": larger than ", kMaxScalarBytes, " bytes"));
  }
  if (absl::EndsWith(content, "\n")) content.pop_back();
  if (absl::EndsWith(content, "\r")) content.pop_back();
  return content;
}

// The value of what stands between "${" and "}".
absl::StatusOr<std::string> Resolve(absl::string_view expression, const Sources& sources) {
  if (absl::ConsumePrefix(&expression, "file:")) {
    return ReadSecretFile(std::string(expression), sources);
  }
  if (absl::ConsumePrefix(&expression, "env:")) {
    const std::string name(expression);
    std::optional<std::string> value = sources.get_env(name);
    if (value.has_value()) return *std::move(value);
    return absl::NotFoundError(absl::StrCat("environment variable ", name, " is not set"));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "${", expression, "}: expected ${file:/path} or ${env:NAME}; a literal \"${\" is \"$${\""));
}

absl::Status InterpolateScalar(Node& node, const Sources& sources) {
  if (!absl::StrContains(node.scalar, "${")) return absl::OkStatus();
  std::string result;
  bool replaced = false;
  absl::string_view rest = node.scalar;
  for (size_t start = rest.find("${"); start != absl::string_view::npos; start = rest.find("${")) {
    if (start > 0 && rest[start - 1] == '$') {
      absl::StrAppend(&result, rest.substr(0, start - 1), "${");
      rest.remove_prefix(start + 2);
      continue;
    }
    const size_t end = rest.find('}', start);
    if (end == absl::string_view::npos) return absl::InvalidArgumentError("\"${\" without \"}\"");
    KH_ASSIGN_OR_RETURN(const std::string value,
                        Resolve(rest.substr(start + 2, end - start - 2), sources));
    absl::StrAppend(&result, rest.substr(0, start), value);
    rest.remove_prefix(end + 1);
    replaced = true;
    if (result.size() > kMaxScalarBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("longer than ", kMaxScalarBytes, " bytes when expanded"));
    }
  }
  absl::StrAppend(&result, rest);
  node.scalar = std::move(result);
  node.is_secret |= replaced;
  return absl::OkStatus();
}

}  // namespace

Sources Sources::System() {
  return {[](const std::string& path) { return ReadWholeFile(path, kMaxFileBytes); }, GetEnv};
}

void Interpolate(Node& root, const Sources& sources, Diagnostics& diagnostics) {
  if (const absl::Status status = InterpolateScalar(root, sources); !status.ok()) {
    diagnostics.AddError(root.position, status.message());
  }
  for (Node& item : root.items) Interpolate(item, sources, diagnostics);
  for (NodeMember& member : root.members) Interpolate(member.value, sources, diagnostics);
}

}  // namespace kraken::config
