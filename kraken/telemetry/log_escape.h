// Making any bytes fit for one line of a log: no control characters, no broken UTF-8.
#ifndef KRAKEN_TELEMETRY_LOG_ESCAPE_H_
#define KRAKEN_TELEMETRY_LOG_ESCAPE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace kraken::telemetry {

// A JSON string with its quotes. Bytes that are no UTF-8 become U+FFFD.
std::string JsonQuoted(absl::string_view text);
void AppendJsonQuoted(std::string* out, absl::string_view text);

// As it is, but control characters and backslashes are escaped as in C, bytes that are no UTF-8 as
// \xNN.
std::string ConsoleText(absl::string_view text);

// ConsoleText, in quotes if it is empty or has a blank, '"' or '=' in it.
std::string ConsoleValue(absl::string_view text);

}  // namespace kraken::telemetry

#endif  // KRAKEN_TELEMETRY_LOG_ESCAPE_H_
