#include "kraken/krakenctl/registries_conf.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "kraken/base/status_macros.h"
#include "kraken/krakenctl/marked_block.h"
#include "kraken/krakenctl/toml.h"

namespace kraken::krakenctl {
namespace {

using Kind = TomlStatement::Kind;
using Name = std::vector<std::string>;

std::string AtLine(int line, absl::string_view what) {
  return absl::StrCat("line ", line, ": ", what);
}

std::string Body(const RegistriesConfOptions& options) {
  const std::string registry = TomlQuote(options.registry);
  return absl::StrCat("[[registry]]\nprefix = ", registry, "\nlocation = ", registry,
                      "\n[[registry.mirror]]\nlocation = ", TomlQuote(options.location),
                      "\ninsecure = ", options.insecure ? "true" : "false", "\n");
}

// What Body() made a block's body from; nothing if it did not.
absl::optional<RegistriesConfOptions> OptionsOf(const MarkedBlock& block) {
  RegistriesConfOptions options;
  std::vector<std::string> locations;
  for (const TomlStatement& statement : block.statements) {
    if (statement.kind != Kind::kKey) continue;
    if (statement.name == Name{"location"}) {
      absl::StatusOr<std::string> location = TomlString(statement.value);
      if (!location.ok() || !std::all_of(location->begin(), location->end(), [](char c) {
            return absl::ascii_isgraph(c) && c != '"' && c != '\\';
          })) {
        return absl::nullopt;
      }
      locations.push_back(*std::move(location));
    } else if (statement.name == Name{"insecure"}) {
      options.insecure = statement.value == "true";
    }
  }
  if (locations.size() != 2) return absl::nullopt;
  options.registry = locations[0];
  options.location = locations[1];
  if (Body(options) != block.body) return absl::nullopt;
  return options;
}

struct Block {
  MarkedBlock marked;
  RegistriesConfOptions options;
};

struct Parsed {
  std::vector<TomlStatement> statements;
  std::vector<Block> blocks;
};

absl::StatusOr<Parsed> Parse(absl::string_view text) {
  Parsed parsed;
  KH_ASSIGN_OR_RETURN(parsed.statements, ParseToml(text));
  KH_ASSIGN_OR_RETURN(const std::vector<MarkedBlock> blocks,
                      FindMarkedBlocks(text, parsed.statements));
  for (const MarkedBlock& block : blocks) {
    absl::optional<RegistriesConfOptions> options = OptionsOf(block);
    if (!options.has_value()) {
      return absl::InvalidArgumentError(AtLine(
          block.line,
          "the lines between krakenctl's marks are not as krakenctl wrote them: take the change "
          "back, or delete the lines and their marks"));
    }
    parsed.blocks.push_back({block, *std::move(options)});
  }
  return parsed;
}

// A [[registry]] and the images that it is for.
struct Entry {
  int line = 0;
  std::string prefix;
  std::string location;
  const std::string& images() const { return prefix.empty() ? location : prefix; }
};

absl::StatusOr<std::vector<Entry>> ReadEntries(absl::string_view text) {
  KH_ASSIGN_OR_RETURN(const std::vector<TomlStatement> statements, ParseToml(text));
  std::vector<Entry> entries;
  Name table;
  for (const TomlStatement& statement : statements) {
    if (statement.kind == Kind::kTable || statement.kind == Kind::kTableArray) {
      table = statement.name;
      if (table == Name{"registry"}) entries.push_back({.line = statement.line});
    }
    if (statement.kind != Kind::kKey) continue;
    if (table.empty() && statement.name[0] == "registry") {
      return absl::InvalidArgumentError(
          AtLine(statement.line, "registries in this form are not read here: write [[registry]]"));
    }
    if (table != Name{"registry"} || entries.empty()) continue;
    const bool is_prefix = statement.name == Name{"prefix"};
    if (!is_prefix && statement.name != Name{"location"}) continue;
    absl::StatusOr<std::string> value = TomlString(statement.value);
    if (!value.ok()) {
      return absl::InvalidArgumentError(AtLine(statement.line, value.status().message()));
    }
    (is_prefix ? entries.back().prefix : entries.back().location) = *std::move(value);
  }
  return entries;
}

// Whether "*.example.com" means the host.
bool WildcardMatches(absl::string_view images, absl::string_view registry) {
  return absl::ConsumePrefix(&images, "*") && absl::StartsWith(images, ".") &&
         absl::EndsWith(registry.substr(0, registry.find(':')), images);
}

}  // namespace

absl::StatusOr<std::string> InstallInRegistriesConf(const absl::optional<std::string>& before,
                                                    const RegistriesConfOptions& options) {
  std::string text = before.value_or("");
  KH_ASSIGN_OR_RETURN(const Parsed parsed, Parse(text));
  std::vector<std::string> narrower;
  for (const Block& block : parsed.blocks) {
    if (block.options.registry != options.registry) continue;
    const std::string body = Body(options);
    if (body == block.marked.body) return text;
    const size_t begin = static_cast<size_t>(block.marked.body.data() - text.data());
    return absl::StrCat(text.substr(0, begin), body, text.substr(begin + block.marked.body.size()));
  }
  KH_RETURN_IF_ERROR(CheckOtherRegistriesConf(text, options.registry, &narrower));
  return InsertMarkedBlock(text, text.size(), "", Body(options));
}

absl::StatusOr<absl::optional<std::string>> RemoveFromRegistriesConf(const std::string& before,
                                                                     absl::string_view registry) {
  std::string text = before;
  KH_ASSIGN_OR_RETURN(const Parsed parsed, Parse(before));
  for (auto block = parsed.blocks.rbegin(); block != parsed.blocks.rend(); ++block) {
    if (registry.empty() || block->options.registry == registry) {
      text = RemoveMarkedBlock(text, block->marked);
    }
  }
  if (absl::StripAsciiWhitespace(text).empty() && !parsed.blocks.empty()) {
    return absl::optional<std::string>();
  }
  return absl::make_optional(std::move(text));
}

absl::StatusOr<std::vector<std::string>> RegistriesWithBlock(absl::string_view text) {
  KH_ASSIGN_OR_RETURN(const Parsed parsed, Parse(text));
  std::vector<std::string> registries;
  registries.reserve(parsed.blocks.size());
  for (const Block& block : parsed.blocks) registries.push_back(block.options.registry);
  return registries;
}

absl::Status CheckOtherRegistriesConf(absl::string_view text, absl::string_view registry,
                                      std::vector<std::string>* narrower) {
  KH_ASSIGN_OR_RETURN(const std::vector<Entry> entries, ReadEntries(text));
  for (const Entry& entry : entries) {
    if (entry.images() == registry || WildcardMatches(entry.images(), registry)) {
      return absl::FailedPreconditionError(AtLine(
          entry.line, absl::StrCat("there is a [[registry]] for ", entry.images(),
                                   ", and only one can hold: add the agent to that one as its "
                                   "[[registry.mirror]] by hand, or delete it")));
    }
    if (absl::StartsWith(entry.images(), absl::StrCat(registry, "/"))) {
      narrower->push_back(entry.images());
    }
  }
  return absl::OkStatus();
}

}  // namespace kraken::krakenctl
