#include "kraken/krakenctl/krakenctl.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "kraken/config/exit_codes.h"
#include "kraken/config/flags.h"
#include "kraken/config/nearest_name.h"
#include "kraken/daemon/version.h"
#include "kraken/krakenctl/health_command.h"
#include "kraken/krakenctl/mirror_command.h"
#include "kraken/krakenctl/preheat_command.h"
#include "kraken/krakenctl/pull_command.h"
#include "kraken/krakenctl/route_command.h"

namespace kraken::krakenctl {
namespace {

constexpr absl::string_view kName = "krakenctl";

struct Command {
  absl::string_view name;
  absl::string_view summary;
  RunCommand run;
};

int RunVersion(Arguments arguments, const Terminal& terminal) {
  config::FlagSet flags("krakenctl version", "Prints the version.");
  if (const auto code = ParseCommandLine(flags, "krakenctl version", arguments, terminal)) {
    return *code;
  }
  terminal.out(absl::StrCat("krakenctl ", daemon::kVersion, "\n"));
  return config::kExitOk;
}

const std::vector<Command>& Commands() {
  static const auto* commands = new std::vector<Command>{
      {"health", "ask a process of the cluster how it is", RunHealthCommand},
      {"mirror", "make this node's container runtimes ask the agent first", RunMirrorCommand},
      {"preheat", "have a harbor-bridge bring images to the origins", RunPreheatCommand},
      {"pull", "have the agent bring an image to this node", RunPullCommand},
      {"route", "ask a harbor-bridge what it does with an image, and why", RunRouteCommand},
      {"version", "print the version", RunVersion},
  };
  return *commands;
}

const Command* Find(absl::string_view name) {
  for (const Command& command : Commands()) {
    if (command.name == name) return &command;
  }
  return nullptr;
}

std::string Help() {
  std::string text =
      "Usage: krakenctl <command> [flags] [arguments]\nThe operator's command line.\n\n"
      "Commands:\n";
  for (const Command& command : Commands()) {
    absl::StrAppend(&text, "  ", command.name, std::string(10 - command.name.size(), ' '),
                    command.summary, "\n");
  }
  absl::StrAppend(&text, "  help      explain a command: krakenctl help mirror\n\n",
                  "Exit codes: 0 done, 1 failed, 2 a mistake in the command line.\n");
  return text;
}

int UnknownCommand(const std::string& name, const Terminal& terminal) {
  std::vector<std::string> names;
  for (const Command& command : Commands()) names.emplace_back(command.name);
  const std::string nearest = config::NearestName(name, names);
  return UsageError(
      kName,
      absl::StrCat("unknown command \"", name, "\"",
                   nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?")),
      terminal);
}

bool IsHelp(absl::string_view word) {
  return word == "help" || word == "--help" || word == "-help" || word == "-h";
}

}  // namespace

int RunKrakenctl(Arguments arguments, const Terminal& terminal) {
  if (arguments.empty()) return UsageError(kName, "which command?", terminal);
  const bool is_help = IsHelp(arguments[0]);
  if (is_help && arguments.size() == 1) {
    terminal.out(Help());
    return config::kExitOk;
  }
  const std::string& name = arguments[is_help ? 1 : 0];
  const Command* command = Find(name);
  if (command == nullptr) return UnknownCommand(name, terminal);
  if (is_help) return command->run({std::string("--help")}, terminal);
  return command->run(arguments.subspan(1), terminal);
}

}  // namespace kraken::krakenctl
