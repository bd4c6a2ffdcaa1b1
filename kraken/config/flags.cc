#include "kraken/config/flags.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "kraken/base/check.h"
#include "kraken/base/go_duration.h"
#include "kraken/base/status_macros.h"
#include "kraken/config/exit_codes.h"
#include "kraken/config/nearest_name.h"

namespace kraken::config {
namespace {

absl::StatusOr<int> ParseInt(absl::string_view text, int min, int max) {
  int value = 0;
  if (!absl::SimpleAtoi(text, &value) || value < min || value > max) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a whole number from ", min, " to ", max));
  }
  return value;
}

// The words of Go's strconv.ParseBool.
absl::StatusOr<bool> ParseBool(absl::string_view text) {
  for (const absl::string_view word : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == word) return true;
  }
  for (const absl::string_view word : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == word) return false;
  }
  return absl::InvalidArgumentError("expected true or false");
}

// "--dry_run" is "--dry-run".
std::string Canonical(absl::string_view name) { return absl::StrReplaceAll(name, {{"_", "-"}}); }

// Moves `argument` past its one or two dashes; false if it is no flag.
bool ConsumeDashes(absl::string_view& argument) {
  if (argument.size() < 2 || argument[0] != '-') return false;
  return absl::ConsumePrefix(&argument, "--") || absl::ConsumePrefix(&argument, "-");
}

}  // namespace

FlagSet::FlagSet(absl::string_view program, absl::string_view description)
    : program_(program), description_(description) {}

FlagSet::~FlagSet() = default;

void FlagSet::String(absl::string_view name, std::string* target, absl::string_view help) {
  Add({.name = std::string(name),
       .value_name = "text",
       .help = std::string(help),
       .default_text = target->empty() ? "" : absl::StrCat("\"", *target, "\""),
       .set = [target](const std::string& text) {
         *target = text;
         return absl::OkStatus();
       }});
}

void FlagSet::Bool(absl::string_view name, bool* target, absl::string_view help) {
  Add({.name = std::string(name),
       .help = std::string(help),
       .default_text = *target ? "true" : "false",
       .is_bool = true,
       .set = [target](const std::string& text) -> absl::Status {
         KH_ASSIGN_OR_RETURN(*target, ParseBool(text));
         return absl::OkStatus();
       }});
}

void FlagSet::Int(absl::string_view name, int* target, int min, int max, absl::string_view help) {
  Add({.name = std::string(name),
       .value_name = "int",
       .help = std::string(help),
       .default_text = absl::StrCat(*target),
       .set = [target, min, max](const std::string& text) -> absl::Status {
         KH_ASSIGN_OR_RETURN(*target, ParseInt(text, min, max));
         return absl::OkStatus();
       }});
}

void FlagSet::Duration(absl::string_view name, absl::Duration* target, absl::string_view help) {
  Add({.name = std::string(name),
       .value_name = "duration",
       .help = std::string(help),
       .default_text = FormatGoDuration(*target),
       .set = [target](const std::string& text) -> absl::Status {
         KH_ASSIGN_OR_RETURN(*target, ParseGoDuration(text));
         return absl::OkStatus();
       }});
}

void FlagSet::Strings(absl::string_view name, std::vector<std::string>* target,
                      absl::string_view help) {
  Add({.name = std::string(name),
       .value_name = "text",
       .help = absl::StrCat(help, " (repeatable)"),
       .default_text = absl::StrJoin(*target, ","),
       .set = [target](const std::string& text) {
         target->push_back(text);
         return absl::OkStatus();
       }});
}

void FlagSet::Ints(absl::string_view name, std::vector<int>* target, int min, int max,
                   absl::string_view help) {
  Add({.name = std::string(name),
       .value_name = "int",
       .help = absl::StrCat(help, " (repeatable)"),
       .default_text = absl::StrJoin(*target, ","),
       .set = [target, min, max](const std::string& text) -> absl::Status {
         KH_ASSIGN_OR_RETURN(const int value, ParseInt(text, min, max));
         target->push_back(value);
         return absl::OkStatus();
       }});
}

void FlagSet::Ignored(absl::string_view name, absl::string_view reason) {
  Add({.name = std::string(name),
       .value_name = "value",
       .help = absl::StrCat("accepted for Kraken's sake; not needed: ", reason),
       .set = [this, warning = absl::StrCat("flag -", name, " is not needed: ", reason)](
                  const std::string&) {
         warnings_.push_back(warning);
         return absl::OkStatus();
       }});
}

void FlagSet::AllowArguments(absl::string_view synopsis) { synopsis_ = std::string(synopsis); }

absl::Status FlagSet::Parse(absl::Span<const std::string> arguments) {
  arguments_.clear();
  for (size_t i = 0; i < arguments.size(); ++i) {
    absl::string_view name = arguments[i];
    const bool is_end = name == "--";
    if (is_end || !ConsumeDashes(name)) {
      arguments_.assign(arguments.begin() + i + (is_end ? 1 : 0), arguments.end());
      break;
    }
    const size_t equals = name.find('=');
    const bool has_value = equals != absl::string_view::npos;
    std::string value(has_value ? name.substr(equals + 1) : "");
    name = name.substr(0, equals);
    const Flag* flag = Find(name);
    if (flag == nullptr && (name == "h" || name == "help")) {
      help_requested_ = true;
      return absl::OkStatus();
    }
    if (flag == nullptr) return UnknownFlag(name);
    if (!has_value && flag->is_bool) {
      value = "true";
    } else if (!has_value) {
      if (i + 1 == arguments.size()) {
        return absl::InvalidArgumentError(absl::StrCat("flag -", name, " needs a value"));
      }
      value = arguments[++i];
    }
    if (const absl::Status status = flag->set(value); !status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("flag -", name, ": ", status.message(), ", found \"", value, "\""));
    }
  }
  if (!arguments_.empty() && synopsis_.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("unexpected argument \"", arguments_[0], "\""));
  }
  return absl::OkStatus();
}

absl::Status FlagSet::ParseMixed(absl::Span<const std::string> arguments) {
  std::vector<std::string> rest(arguments.begin(), arguments.end());
  std::vector<std::string> found;
  while (true) {
    KH_RETURN_IF_ERROR(Parse(rest));
    if (help_requested_ || arguments_.empty()) break;
    found.push_back(arguments_.front());
    rest.assign(arguments_.begin() + 1, arguments_.end());
  }
  arguments_ = std::move(found);
  return absl::OkStatus();
}

void FlagSet::ParseOrExit(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  const absl::Status status = Parse(arguments);
  if (help_requested_) {
    std::fputs(Help().c_str(), stdout);
    std::exit(kExitOk);
  }
  if (!status.ok()) {
    std::fprintf(stderr, "%s: %s\nTry %s --help.\n", program_.c_str(),
                 std::string(status.message()).c_str(), program_.c_str());
    std::exit(kExitUsage);
  }
}

std::string FlagSet::Help() const {
  std::string text = absl::StrCat("Usage: ", program_, " [flags]", synopsis_.empty() ? "" : " ",
                                  synopsis_, "\n", description_, "\n\nFlags:\n");
  std::vector<const Flag*> sorted;
  sorted.reserve(flags_.size());
  for (const Flag& flag : flags_) sorted.push_back(&flag);
  std::sort(sorted.begin(), sorted.end(),
            [](const Flag* a, const Flag* b) { return a->name < b->name; });
  for (const Flag* flag : sorted) {
    absl::StrAppend(&text, "  -", flag->name, flag->value_name.empty() ? "" : " ", flag->value_name,
                    "\n        ", flag->help);
    if (!flag->default_text.empty()) absl::StrAppend(&text, " (default ", flag->default_text, ")");
    text.push_back('\n');
  }
  absl::StrAppend(&text, "  -help\n        print this text\n");
  return text;
}

void FlagSet::Add(Flag flag) {
  KH_CHECK(Find(flag.name) == nullptr);
  flags_.push_back(std::move(flag));
}

const FlagSet::Flag* FlagSet::Find(absl::string_view name) const {
  for (const Flag& flag : flags_) {
    if (Canonical(flag.name) == Canonical(name)) return &flag;
  }
  return nullptr;
}

absl::Status FlagSet::UnknownFlag(absl::string_view name) const {
  std::vector<std::string> names;
  names.reserve(flags_.size());
  for (const Flag& flag : flags_) names.push_back(flag.name);
  const std::string nearest = NearestName(name, names);
  return absl::InvalidArgumentError(
      absl::StrCat("unknown flag -", name,
                   nearest.empty() ? "" : absl::StrCat("; did you mean -", nearest, "?")));
}

}  // namespace kraken::config
