// Lines in a TOML file that krakenctl put there, between two comments by which it knows them again.
#ifndef KRAKEN_KRAKENCTL_MARKED_BLOCK_H_
#define KRAKEN_KRAKENCTL_MARKED_BLOCK_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "kraken/krakenctl/toml.h"

namespace kraken::krakenctl {

//   # >>> krakenctl mirror
//   …
//   # <<< krakenctl mirror
inline constexpr absl::string_view kBlockBegin = "# >>> krakenctl mirror";
inline constexpr absl::string_view kBlockEnd = "# <<< krakenctl mirror";

// A block that is in a text. Views into it.
struct MarkedBlock {
  size_t begin = 0;        // of the first mark's line
  size_t end = 0;          // after the second mark's line
  int line = 1;            // of the first mark
  absl::string_view note;  // what follows kBlockBegin on its line, without spaces around it
  absl::string_view body;  // the lines between the marks
  // The statements of the body.
  absl::Span<const TomlStatement> statements;
};

// All of them, in order. INVALID_ARGUMENT, "line 3: …", for a mark without its counterpart.
// `statements` are those of `text`.
absl::StatusOr<std::vector<MarkedBlock>> FindMarkedBlocks(
    absl::string_view text, absl::Span<const TomlStatement> statements);

// `text` with a block of `body` (whole lines) inserted at `position`, the begin of a line or the
// end of the text.
std::string InsertMarkedBlock(absl::string_view text, size_t position, absl::string_view note,
                              absl::string_view body);

// `text` without the block: what InsertMarkedBlock() was given, byte for byte. `replacement`
// (whole lines) takes its place.
std::string RemoveMarkedBlock(absl::string_view text, const MarkedBlock& block,
                              absl::string_view replacement = "");

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_MARKED_BLOCK_H_
