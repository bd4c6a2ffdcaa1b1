#include "kraken/krakenctl/marked_block.h"

#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace kraken::krakenctl {
namespace {

// A line without its newline, if it is a comment that begins at the line's begin.
absl::string_view CommentAt(absl::string_view text, const TomlStatement& statement) {
  if (statement.kind != TomlStatement::Kind::kComment) return "";
  return absl::StripTrailingAsciiWhitespace(
      text.substr(statement.begin, statement.end - statement.begin));
}

absl::Status Unpaired(int line, absl::string_view mark, absl::string_view missing) {
  return absl::InvalidArgumentError(
      absl::StrCat("line ", line, ": the mark \"", mark, "\" has no \"", missing,
                   "\": put it back, or delete what krakenctl wrote there with its marks"));
}

}  // namespace

absl::StatusOr<std::vector<MarkedBlock>> FindMarkedBlocks(
    absl::string_view text, absl::Span<const TomlStatement> statements) {
  std::vector<MarkedBlock> blocks;
  constexpr size_t kNone = std::numeric_limits<size_t>::max();
  size_t open = kNone;  // the statement of a first mark
  for (size_t i = 0; i < statements.size(); ++i) {
    const absl::string_view comment = CommentAt(text, statements[i]);
    if (absl::StartsWith(comment, kBlockBegin)) {
      if (open != kNone) return Unpaired(statements[open].line, kBlockBegin, kBlockEnd);
      open = i;
    } else if (absl::StartsWith(comment, kBlockEnd)) {
      if (open == kNone) return Unpaired(statements[i].line, kBlockEnd, kBlockBegin);
      const TomlStatement& first = statements[open];
      MarkedBlock block;
      block.begin = first.begin;
      block.end = statements[i].end;
      block.line = first.line;
      block.note =
          absl::StripAsciiWhitespace(absl::StripPrefix(CommentAt(text, first), kBlockBegin));
      block.body = text.substr(first.end, statements[i].begin - first.end);
      block.statements = statements.subspan(open + 1, i - open - 1);
      blocks.push_back(block);
      open = kNone;
    }
  }
  if (open != kNone) return Unpaired(statements[open].line, kBlockBegin, kBlockEnd);
  return blocks;
}

std::string InsertMarkedBlock(absl::string_view text, size_t position, absl::string_view note,
                              absl::string_view body) {
  const std::string block =
      absl::StrCat(kBlockBegin, note.empty() ? "" : " ", note, "\n", body, kBlockEnd);
  const bool at_open_end = position == text.size() && !text.empty() && !absl::EndsWith(text, "\n");
  if (at_open_end) return absl::StrCat(text, "\n", block);
  return absl::StrCat(text.substr(0, position), block, "\n", text.substr(position));
}

std::string RemoveMarkedBlock(absl::string_view text, const MarkedBlock& block,
                              absl::string_view replacement) {
  absl::string_view before = text.substr(0, block.begin);
  const absl::string_view after = text.substr(block.end);
  // Only InsertMarkedBlock() at the end of a text without a newline leaves a block without one.
  const bool at_open_end = after.empty() && !absl::EndsWith(text, "\n");
  if (at_open_end && replacement.empty()) absl::ConsumeSuffix(&before, "\n");
  return absl::StrCat(before, replacement, after);
}

}  // namespace kraken::krakenctl
