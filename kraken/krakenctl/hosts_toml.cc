#include "kraken/krakenctl/hosts_toml.h"

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "kraken/base/status_macros.h"
#include "kraken/krakenctl/marked_block.h"
#include "kraken/krakenctl/toml.h"

namespace kraken::krakenctl {
namespace {

using Kind = TomlStatement::Kind;

constexpr absl::string_view kMadeFile = "(made this file)";
constexpr absl::string_view kMadeFolder = "(made this file and its folder)";

absl::Status Refuse(int line, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", what));
}

std::string HostTable(absl::string_view agent) {
  return absl::StrCat("[host.", TomlQuote(agent), "]\n  capabilities = [\"pull\", \"resolve\"]\n");
}

std::string TomlList(const std::vector<std::string>& texts) {
  return absl::StrCat("[",
                      absl::StrJoin(texts, ", ",
                                    [](std::string* out, const std::string& text) {
                                      out->append(TomlQuote(text));
                                    }),
                      "]");
}

// What a file that is all ours says of the registry itself.
std::string ServerLines(const HostsTomlOptions& options) {
  std::string lines =
      absl::StrCat("server = ", TomlQuote(ContainerdServer(options.registry)), "\n");
  if (!options.ca_files.empty()) {
    absl::StrAppend(&lines, "ca = ", TomlList(options.ca_files), "\n");
  }
  if (!options.client_files.empty()) {
    std::vector<std::string> pairs;
    pairs.reserve(options.client_files.size());
    for (const std::vector<std::string>& files : options.client_files) {
      pairs.push_back(files.size() == 1 ? TomlQuote(files[0]) : TomlList(files));
    }
    absl::StrAppend(&lines, "client = [", absl::StrJoin(pairs, ", "), "]\n");
  }
  return absl::StrCat(lines, "\n");
}

struct Parsed {
  std::vector<TomlStatement> statements;
  absl::optional<MarkedBlock> block;
};

// What precedes the host's table in a block. REQUIRES: IsAsWritten().
absl::string_view Prelude(const MarkedBlock& block) {
  for (const TomlStatement& statement : block.statements) {
    if (statement.kind == Kind::kTable) {
      return block.body.substr(0, statement.begin - block.statements.front().begin);
    }
  }
  return block.body;
}

// Whether a block is what InstallInHostsToml() writes, for some agent.
bool IsAsWritten(const MarkedBlock& block) {
  const auto header = std::find_if(block.statements.begin(), block.statements.end(),
                                   [](const TomlStatement& s) { return s.kind == Kind::kTable; });
  if (header == block.statements.end() || header->name.size() != 2 || header->name[0] != "host") {
    return false;
  }
  for (auto it = block.statements.begin(); it != header; ++it) {
    if (it->kind == Kind::kBlank) continue;
    if (it->kind != Kind::kKey || it->name.size() != 1) return false;
    if (it->name[0] != "server" && it->name[0] != "ca" && it->name[0] != "client") return false;
  }
  const std::string& agent = header->name[1];
  if (!std::all_of(agent.begin(), agent.end(),
                   [](char c) { return absl::ascii_isgraph(c) && c != '"' && c != '\\'; })) {
    return false;
  }
  return block.body.substr(Prelude(block).size()) == HostTable(agent);
}

absl::StatusOr<Parsed> Parse(absl::string_view text) {
  Parsed parsed;
  KH_ASSIGN_OR_RETURN(parsed.statements, ParseToml(text));
  KH_ASSIGN_OR_RETURN(const std::vector<MarkedBlock> blocks,
                      FindMarkedBlocks(text, parsed.statements));
  if (blocks.size() > 1) {
    return Refuse(blocks[1].line, "a second block of krakenctl's: delete one of them");
  }
  if (blocks.empty()) return parsed;
  if (!IsAsWritten(blocks[0])) {
    return Refuse(blocks[0].line,
                  "the lines between krakenctl's marks are not as krakenctl wrote them: take the "
                  "change back, or delete the lines and their marks");
  }
  parsed.block = blocks[0];
  return parsed;
}

// "http://localhost:13000", however it is written.
std::string HostKey(absl::string_view host) {
  while (absl::ConsumeSuffix(&host, "/")) {
  }
  return absl::AsciiStrToLower(host);
}

// Refuses hosts that we cannot put ourselves in front of, and the agent as somebody else's entry.
absl::Status CheckOthers(const Parsed& parsed, absl::string_view agent) {
  bool in_table = false;
  for (const TomlStatement& statement : parsed.statements) {
    if (parsed.block.has_value() && statement.begin >= parsed.block->begin &&
        statement.begin < parsed.block->end) {
      continue;
    }
    if (statement.kind == Kind::kTable || statement.kind == Kind::kTableArray) in_table = true;
    if (statement.name.empty() || statement.name[0] != "host") continue;
    if (statement.kind == Kind::kKey && !in_table) {
      return Refuse(statement.line,
                    "hosts in this form have no order that can be kept: write them as tables, "
                    "[host.\"https://…\"]");
    }
    if (statement.kind == Kind::kTable && statement.name.size() > 1 &&
        HostKey(statement.name[1]) == HostKey(agent)) {
      return Refuse(statement.line,
                    absl::StrCat("there is an entry for ", agent,
                                 " that krakenctl did not write: delete it, or leave the file to "
                                 "whoever wrote it"));
    }
  }
  return absl::OkStatus();
}

// Before the first table, with the comments that belong to it; else the end.
size_t PlaceForBlock(absl::string_view text, absl::Span<const TomlStatement> statements) {
  for (size_t i = 0; i < statements.size(); ++i) {
    if (statements[i].kind != Kind::kTable && statements[i].kind != Kind::kTableArray) continue;
    while (i > 0 && statements[i - 1].kind == Kind::kComment) --i;
    return statements[i].begin;
  }
  return text.size();
}

}  // namespace

std::string ContainerdServer(absl::string_view registry) {
  return absl::StrCat("https://", registry == "docker.io" ? "registry-1.docker.io" : registry);
}

absl::StatusOr<std::string> InstallInHostsToml(const absl::optional<std::string>& before,
                                               const HostsTomlOptions& options) {
  std::string text = before.value_or("");
  KH_ASSIGN_OR_RETURN(const Parsed parsed, Parse(text));
  KH_RETURN_IF_ERROR(CheckOthers(parsed, options.agent));
  const std::string table = HostTable(options.agent);
  if (parsed.block.has_value()) {
    const MarkedBlock& block = *parsed.block;
    const std::string body = absl::StrCat(Prelude(block), table);
    if (body == block.body) return text;
    const size_t body_begin = static_cast<size_t>(block.body.data() - text.data());
    return absl::StrCat(text.substr(0, body_begin), body,
                        text.substr(body_begin + block.body.size()));
  }
  // containerd takes an empty file for none.
  const bool is_new = text.empty();
  absl::string_view note;
  if (!before.has_value()) note = options.folder_is_new ? kMadeFolder : kMadeFile;
  return InsertMarkedBlock(text, PlaceForBlock(text, parsed.statements), note,
                           absl::StrCat(is_new ? ServerLines(options) : "", table));
}

absl::StatusOr<HostsTomlWithout> RemoveFromHostsToml(const std::string& before) {
  KH_ASSIGN_OR_RETURN(const Parsed parsed, Parse(before));
  if (!parsed.block.has_value()) return HostsTomlWithout{.after = before};
  HostsTomlWithout without;
  std::string rest = RemoveMarkedBlock(before, *parsed.block);
  const bool made_folder = parsed.block->note == kMadeFolder;
  const bool made_file = made_folder || parsed.block->note == kMadeFile;
  if (made_file && absl::StripAsciiWhitespace(rest).empty()) {
    without.folder_was_new = made_folder;
  } else {
    without.after = std::move(rest);
  }
  return without;
}

absl::StatusOr<bool> HostsTomlHasBlock(absl::string_view text) {
  KH_ASSIGN_OR_RETURN(const std::vector<TomlStatement> statements, ParseToml(text));
  KH_ASSIGN_OR_RETURN(const std::vector<MarkedBlock> blocks, FindMarkedBlocks(text, statements));
  return !blocks.empty();
}

}  // namespace kraken::krakenctl
