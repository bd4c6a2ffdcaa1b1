#ifndef KRAKEN_CONFIG_FLAGS_H_
#define KRAKEN_CONFIG_FLAGS_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace kraken::config {

// A command line in the style of Go's flag package, as Kraken's programs have it: -x=v, -x v, and
// the same with two dashes; '_' in a name is as good as '-'; -b alone sets a bool; of a flag given
// twice the last value holds, unless the flag is a list; flags end at "--" or at the first argument
// that is none.
//
//   FlagSet flags("kraken-agent", "Serves blobs of the swarm to this host.");
//   flags.String("config", &config_path, "configuration file");
//   flags.Int("peer-port", &peer_port, 0, 65535, "port for peers");
//   flags.ParseOrExit(argc, argv);
//
// Targets keep their value, which --help shows as the default, unless the flag is given. They
// outlive this object. Not thread safe.
class FlagSet {
 public:
  FlagSet(absl::string_view program, absl::string_view description);
  ~FlagSet();

  FlagSet(const FlagSet&) = delete;
  FlagSet& operator=(const FlagSet&) = delete;

  void String(absl::string_view name, std::string* target, absl::string_view help);
  void Bool(absl::string_view name, bool* target, absl::string_view help);
  void Int(absl::string_view name, int* target, int min, int max, absl::string_view help);
  void Duration(absl::string_view name, absl::Duration* target, absl::string_view help);
  // Repeatable: each adds a value.
  void Strings(absl::string_view name, std::vector<std::string>* target, absl::string_view help);
  void Ints(absl::string_view name, std::vector<int>* target, int min, int max,
            absl::string_view help);
  // A flag of Kraken's that takes a value and does nothing here. Given, it is named in warnings().
  void Ignored(absl::string_view name, absl::string_view reason);

  // What may follow the flags, for --help, such as "<command> [arguments]". Without this, an
  // argument that is no flag is an error.
  void AllowArguments(absl::string_view synopsis);

  // `arguments` without the program's name. INVALID_ARGUMENT, naming the flag (and for an unknown
  // one the nearest known): what was read up to there stays.
  absl::Status Parse(absl::Span<const std::string> arguments);

  // As Parse, with flags before, between and after the arguments. After "--" comes one argument,
  // whatever it begins with.
  absl::Status ParseMixed(absl::Span<const std::string> arguments);

  // As Parse, for main(): on --help prints Help() to stdout and exits with kExitOk; on an error
  // prints it to stderr and exits with kExitUsage.
  void ParseOrExit(int argc, char** argv);

  // True if -h, -help or --help was given (Parse stops there).
  bool help_requested() const { return help_requested_; }
  // What followed the flags.
  const std::vector<std::string>& arguments() const { return arguments_; }
  const std::vector<std::string>& warnings() const { return warnings_; }

  // All flags, by name, with what they take, their help and their defaults.
  std::string Help() const;

 private:
  struct Flag {
    std::string name;
    std::string value_name;  // "" for a bool.
    std::string help;
    std::string default_text;
    bool is_bool = false;
    // Sets the target; the error's message says what was expected.
    std::function<absl::Status(const std::string& text)> set;
  };

  void Add(Flag flag);
  const Flag* Find(absl::string_view name) const;
  absl::Status UnknownFlag(absl::string_view name) const;

  std::string program_;
  std::string description_;
  std::string synopsis_;
  std::vector<Flag> flags_;
  bool help_requested_ = false;
  std::vector<std::string> arguments_;
  std::vector<std::string> warnings_;
};

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_FLAGS_H_
