// As much of TOML 1.0 as is needed to find one's way in a file of settings and to leave it as it
// is: where each statement begins and ends, and what it is about.
#ifndef KRAKEN_KRAKENCTL_TOML_H_
#define KRAKEN_KRAKENCTL_TOML_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace kraken::krakenctl {

// One statement with the whole of the lines that it stands on. Views into the text.
struct TomlStatement {
  enum class Kind {
    kBlank,
    kComment,
    kTable,       // [name]
    kTableArray,  // [[name]]
    kKey,         // name = value
  };

  Kind kind = Kind::kBlank;
  size_t begin = 0;
  size_t end = 0;  // after the newline, if there is one
  int line = 1;    // of its begin, from 1
  // The parts of the dotted name, without quotes.
  std::vector<std::string> name;
  // Of a key: as written, without spaces and comments around it. An array may have several lines.
  absl::string_view value;
};

// The statements of a file, in order and without gaps. INVALID_ARGUMENT, "line 3: …", for what is
// not TOML and for what is refused: strings in triple quotes, escapes other than \" \\ \b \t \n \f
// \r, control characters, values nested deeper than kMaxTomlDepth. That values are well formed
// within their brackets, and names not given twice, is left to who reads the file in earnest.
inline constexpr size_t kMaxTomlDepth = 32;
absl::StatusOr<std::vector<TomlStatement>> ParseToml(absl::string_view text);

// A value that is one string. INVALID_ARGUMENT for every other.
absl::StatusOr<std::string> TomlString(absl::string_view value);

// "text", with its quotes. REQUIRES: printable ASCII without '"' and '\'.
std::string TomlQuote(absl::string_view text);

}  // namespace kraken::krakenctl

#endif  // KRAKEN_KRAKENCTL_TOML_H_
