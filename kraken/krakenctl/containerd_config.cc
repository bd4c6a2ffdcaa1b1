#include "kraken/krakenctl/containerd_config.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "kraken/base/status_macros.h"
#include "kraken/krakenctl/marked_block.h"
#include "kraken/krakenctl/toml.h"

namespace kraken::krakenctl {
namespace {

using Kind = TomlStatement::Kind;
using Name = std::vector<std::string>;

constexpr absl::string_view kMadeFile = "(made this file)";
constexpr absl::string_view kWas = "# was: ";
constexpr absl::string_view kKeyName = "config_path";

std::string AtLine(int line, absl::string_view what) {
  return absl::StrCat("line ", line, ": ", what);
}

Name RegistrySection(int version) {
  if (version == 3) return {"plugins", "io.containerd.cri.v1.images", "registry"};
  return {"plugins", "io.containerd.grpc.v1.cri", "registry"};
}

std::string KeyLine() {
  return absl::StrCat("  ", kKeyName, " = ", TomlQuote(kDefaultCertsDirectory), "\n");
}

bool BeginsWith(const Name& name, const Name& prefix) {
  return name.size() >= prefix.size() && std::equal(prefix.begin(), prefix.end(), name.begin());
}

// A statement with the whole name of what it opens or sets.
struct Setting {
  const TomlStatement* statement;
  Name name;
};

std::vector<Setting> Settings(absl::Span<const TomlStatement> statements) {
  std::vector<Setting> settings;
  Name table;
  for (const TomlStatement& statement : statements) {
    if (statement.kind == Kind::kTable || statement.kind == Kind::kTableArray) {
      table = statement.name;
      settings.push_back({&statement, table});
    } else if (statement.kind == Kind::kKey) {
      Name name = table;
      name.insert(name.end(), statement.name.begin(), statement.name.end());
      settings.push_back({&statement, std::move(name)});
    }
  }
  return settings;
}

absl::StatusOr<int> ReadVersion(absl::Span<const Setting> settings) {
  for (const Setting& setting : settings) {
    if (setting.name != Name{"version"}) continue;
    int version = 0;
    if (!absl::SimpleAtoi(setting.statement->value, &version) || version < 1 || version > 3) {
      return absl::InvalidArgumentError(
          AtLine(setting.statement->line, "a version that is not known: 2 and 3 are"));
    }
    if (version == 1) break;
    return version;
  }
  return absl::FailedPreconditionError(
      "the file is of version 1, which newer versions of containerd do not read: bring it to "
      "version 2 (its first line `version = 2`) first");
}

struct Parsed {
  std::vector<TomlStatement> statements;
  std::vector<Setting> settings;
  int version = 2;
};

absl::StatusOr<Parsed> Parse(absl::string_view text) {
  Parsed parsed;
  KH_ASSIGN_OR_RETURN(parsed.statements, ParseToml(text));
  parsed.settings = Settings(parsed.statements);
  // An empty file sets nothing: any version will do.
  if (!parsed.settings.empty()) {
    KH_ASSIGN_OR_RETURN(parsed.version, ReadVersion(parsed.settings));
  }
  return parsed;
}

// Whether the section, or what it lies in, is written as a value, in dotted keys or as an array of
// tables: then [section] can't stand in the file.
bool CannotBeOpened(const Setting& setting, const Name& section) {
  const Name& name = setting.name;
  if (setting.statement->kind == Kind::kTable) return false;
  if (BeginsWith(section, name)) return true;
  const size_t dotted = setting.statement->name.size();
  if (setting.statement->kind == Kind::kTableArray || dotted == 1) return false;
  const Name opened(name.begin(), name.end() - static_cast<ptrdiff_t>(dotted) + 1);
  return BeginsWith(section, opened);
}

// What of the registry's section is in the way of a key `config_path`.
absl::Status CheckSection(const Parsed& parsed, const Name& section) {
  for (const Setting& setting : parsed.settings) {
    const int line = setting.statement->line;
    const Name& name = setting.name;
    if (BeginsWith(name, section) && name.size() > section.size() + 1 &&
        (name[section.size()] == "mirrors" || name[section.size()] == "configs")) {
      return absl::FailedPreconditionError(AtLine(
          line, absl::StrCat("the section sets ", name[section.size()],
                             ", which containerd does not take together with config_path: move it "
                             "into hosts.toml files below ",
                             kDefaultCertsDirectory, " and delete it here")));
    }
    if (CannotBeOpened(setting, section)) {
      return absl::FailedPreconditionError(
          AtLine(line, absl::StrCat("config_path can't be added to a section in this form: set it "
                                    "by hand to ",
                                    TomlQuote(kDefaultCertsDirectory))));
    }
  }
  return absl::OkStatus();
}

// Puts a line that is there into the block, for UnsetConfigPath() to put back.
std::string Replace(absl::string_view text, const TomlStatement& statement) {
  absl::string_view line = text.substr(statement.begin, statement.end - statement.begin);
  const absl::string_view rest = text.substr(statement.end);
  const bool had_newline = absl::ConsumeSuffix(&line, "\n");
  std::string before(text.substr(0, statement.begin));
  std::string replaced =
      InsertMarkedBlock(before, before.size(), "", absl::StrCat(kWas, line, "\n", KeyLine()));
  if (!had_newline) replaced.pop_back();
  return absl::StrCat(replaced, rest);
}

}  // namespace

absl::StatusOr<ContainerdConfig> ReadContainerdConfig(const absl::optional<std::string>& text) {
  ContainerdConfig config;
  if (!text.has_value()) return config;
  KH_ASSIGN_OR_RETURN(const Parsed parsed, Parse(*text));
  config.version = parsed.version;
  Name key = RegistrySection(parsed.version);
  key.emplace_back(kKeyName);
  for (const Setting& setting : parsed.settings) {
    if (setting.name == Name{"imports"}) config.has_imports = true;
    if (setting.name != key || setting.statement->kind != Kind::kKey) continue;
    absl::StatusOr<std::string> value = TomlString(setting.statement->value);
    if (!value.ok()) {
      return absl::InvalidArgumentError(AtLine(setting.statement->line, value.status().message()));
    }
    if (!value->empty()) config.config_path = *std::move(value);
  }
  return config;
}

std::string ConfigPathLines(int version) {
  const Name section = RegistrySection(version);
  return absl::StrCat("[", section[0], ".", TomlQuote(section[1]), ".", section[2], "]\n",
                      KeyLine());
}

absl::StatusOr<std::string> SetConfigPath(const absl::optional<std::string>& before) {
  const std::string text = before.value_or("");
  KH_ASSIGN_OR_RETURN(const Parsed parsed, Parse(text));
  const Name section = RegistrySection(parsed.version);
  KH_RETURN_IF_ERROR(CheckSection(parsed, section));
  Name key = section;
  key.emplace_back(kKeyName);
  for (const Setting& setting : parsed.settings) {
    if (setting.name == key) return Replace(text, *setting.statement);
  }
  for (const Setting& setting : parsed.settings) {
    if (setting.name == section) {
      return InsertMarkedBlock(text, setting.statement->end, "", KeyLine());
    }
  }
  const std::string version_line = parsed.settings.empty() ? "version = 2\n\n" : "";
  return InsertMarkedBlock(text, text.size(), before.has_value() ? "" : kMadeFile,
                           absl::StrCat(version_line, ConfigPathLines(parsed.version)));
}

absl::StatusOr<absl::optional<std::string>> UnsetConfigPath(const std::string& before) {
  KH_ASSIGN_OR_RETURN(const std::vector<TomlStatement> statements, ParseToml(before));
  KH_ASSIGN_OR_RETURN(const std::vector<MarkedBlock> blocks, FindMarkedBlocks(before, statements));
  if (blocks.empty()) return absl::make_optional(before);
  const MarkedBlock& block = blocks[0];
  absl::string_view body = block.body;
  std::string replacement;
  if (absl::ConsumePrefix(&body, kWas)) {
    const size_t end = body.find('\n');
    const bool had_newline = block.end > 0 && before[block.end - 1] == '\n';
    replacement = absl::StrCat(body.substr(0, end), had_newline ? "\n" : "");
    body.remove_prefix(end + 1);
  }
  const bool is_ours = body == KeyLine() || body == ConfigPathLines(2) ||
                       body == ConfigPathLines(3) ||
                       body == absl::StrCat("version = 2\n\n", ConfigPathLines(2));
  if (blocks.size() > 1 || !is_ours) {
    return absl::InvalidArgumentError(AtLine(
        blocks.back().line,
        "the lines between krakenctl's marks are not as krakenctl wrote them: take the change "
        "back, or delete the lines and their marks"));
  }
  std::string rest = RemoveMarkedBlock(before, block, replacement);
  if (block.note == kMadeFile && absl::StripAsciiWhitespace(rest).empty()) {
    return absl::optional<std::string>();
  }
  return absl::make_optional(std::move(rest));
}

}  // namespace kraken::krakenctl
