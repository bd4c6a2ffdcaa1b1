#include "harbor_bridge/setup/setup_command.h"

#include <re2/re2.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "harbor_bridge/bridge_config.h"
#include "harbor_bridge/harbor/harbor_client_factory.h"
#include "harbor_bridge/setup/desired_state.h"
#include "harbor_bridge/setup/doctor.h"
#include "harbor_bridge/setup/registration.h"
#include "harbor_bridge/setup/report.h"
#include "kraken/backend/registry_client_factory.h"
#include "kraken/base/clock.h"
#include "kraken/base/random.h"
#include "kraken/base/status_macros.h"
#include "kraken/config/exit_codes.h"
#include "kraken/config/flags.h"
#include "kraken/config/interpolate.h"
#include "kraken/config/loader.h"
#include "kraken/config/reader.h"
#include "kraken/daemon/password_file.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/registry/registry_client.h"

namespace harbor_bridge {
namespace {

using kraken::daemon::Arguments;
using kraken::daemon::Terminal;

constexpr absl::string_view kRegister = "register";
constexpr absl::string_view kUnregister = "unregister";
constexpr absl::string_view kDoctor = "doctor";

struct SetupFlags {
  kraken::config::LoadOptions load;
  std::string harbor;
  std::string projects;
  std::string name = RegistrationOptions().name;
  std::string bridge_url;
  std::string user;
  std::string password_file;
  bool preheat = false;
  bool dry_run = false;
  std::string create_robot;
  std::string robot_file;
};

void AddFlags(absl::string_view command, kraken::config::FlagSet& set, SetupFlags* flags) {
  set.String("config", &flags->load.config_path, "the bridge's configuration file (YAML)");
  set.String("secrets", &flags->load.secrets_path, "a second file, laid over the first");
  set.String("harbor", &flags->harbor,
             command == kDoctor ? "which of `harbors`; without it and -user, all of them"
                                : "which of `harbors`; needed if there are several");
  set.String("projects", &flags->projects, "RE2: projects whose name matches; all if empty");
  set.String("name", &flags->name, "what policies and the preheat instance are called at Harbor");
  set.String("bridge-url", &flags->bridge_url, "how Harbor reaches the bridge, instead of `url`");
  set.String("user", &flags->user, "an administrator, instead of the account in harbors[].api");
  set.String("password-file", &flags->password_file, "a file with the password of -user");
  if (command == kDoctor) return;
  set.Bool("dry-run", &flags->dry_run, "say what would be done, and do nothing");
  if (command != kRegister) return;
  set.Bool("preheat", &flags->preheat,
           "preheat policies too: each tag that is pushed is preheated");
  set.String("create-robot", &flags->create_robot,
             "do nothing but make a robot account with what a running bridge needs");
  set.String("robot-file", &flags->robot_file, "a new file for the robot's secret");
}

absl::string_view DescriptionOf(absl::string_view command) {
  if (command == kRegister) {
    return "Makes a Harbor tell this bridge of its events, through Harbor's API: a webhook policy\n"
           "in each project and a preheat instance. What is right already stays as it is.";
  }
  if (command == kUnregister) return "Takes away what register has made.";
  return "Looks at the whole chain between a Harbor and this bridge, and says what to fix.\n"
         "Exit code 0: all is well; 1: something is not.";
}

absl::StatusOr<BridgeConfig> ReadConfiguration(const SetupFlags& flags) {
  kraken::config::Sources sources = kraken::config::Sources::System();
  // The configuration may name a robot's secret before there is a robot.
  sources.read_file = [read = sources.read_file, to_come = flags.robot_file](
                          const std::string& path) -> absl::StatusOr<std::string> {
    absl::StatusOr<std::string> text = read(path);
    if (path == to_come && absl::IsNotFound(text.status())) return std::string();
    return text;
  };
  KH_ASSIGN_OR_RETURN(const kraken::config::Node document,
                      kraken::config::Load(flags.load, sources));
  BridgeConfig config;
  std::vector<std::string> warnings;
  KH_RETURN_IF_ERROR(kraken::config::ReadDocument(document, &config, &warnings));
  return config;
}

// Those that the command is about: one, or, for the doctor, all. A password that is given along is
// for one.
absl::StatusOr<std::vector<HarborConfig>> Choose(absl::string_view command, const SetupFlags& flags,
                                                 const BridgeConfig& config) {
  const std::string& name = flags.harbor;
  const bool may_be_all = command == kDoctor && flags.user.empty();
  if (name.empty() && (may_be_all || config.harbors.size() == 1)) return config.harbors;
  for (const HarborConfig& harbor : config.harbors) {
    if (harbor.name == name) return std::vector<HarborConfig>{harbor};
  }
  return absl::InvalidArgumentError(absl::StrCat(
      name.empty() ? "say which Harbor" : absl::StrCat("no Harbor is called \"", name, "\""),
      ": -harbor is one of ",
      absl::StrJoin(config.harbors, ", ",
                    [](std::string* out, const HarborConfig& h) { out->append(h.name); })));
}

absl::StatusOr<RegistrationOptions> MakeOptions(const SetupFlags& flags, const BridgeConfig& config,
                                                const HarborConfig& harbor) {
  RegistrationOptions options;
  options.harbor = harbor.name;
  options.name = flags.name;
  options.bridge_url = flags.bridge_url.empty() ? config.url : flags.bridge_url;
  while (absl::EndsWith(options.bridge_url, "/")) options.bridge_url.pop_back();
  options.authorization = harbor.authorization;
  options.preheat = flags.preheat;
  options.dry_run = flags.dry_run;
  if (!flags.projects.empty()) {
    auto pattern = std::make_shared<const re2::RE2>(flags.projects, re2::RE2::Quiet);
    if (!pattern->ok()) {
      return absl::InvalidArgumentError(absl::StrCat("-projects: ", pattern->error()));
    }
    options.projects = std::move(pattern);
  }
  return options;
}

// What the commands work with.
struct Parts {
  kraken::net::BlockingHttpClient http{kraken::net::HttpClientOptions()};
  kraken::SystemBitGen bits;
  std::shared_ptr<api::HarborClient> api;
  std::shared_ptr<kraken::registry::RegistryClient> registry;
  kraken::registry::RegistryClientOptions registry_options;
};

absl::StatusOr<std::unique_ptr<Parts>> MakeParts(absl::string_view command, const SetupFlags& flags,
                                                 const HarborConfig& harbor) {
  auto parts = std::make_unique<Parts>();
  KH_ASSIGN_OR_RETURN(parts->registry_options,
                      kraken::backend::MakeRegistryClientOptions(harbor.registry));
  kraken::registry::RegistryClientOptions& registry = parts->registry_options;
  if (command == kDoctor) {
    registry.timeout = std::min(registry.timeout, Doctor::kPatience);
    registry.retry.max_retries = 0;
  }
  parts->registry = std::make_shared<kraken::registry::RegistryClient>(
      registry, &parts->http, &kraken::SystemClock::Get(), &parts->bits);
  if (!harbor.api.has_value()) return parts;
  kraken::backend::RegistryConfig api = *harbor.api;
  if (command == kDoctor) api.timeout = std::min(api.timeout, Doctor::kPatience);
  if (!flags.user.empty()) {
    KH_ASSIGN_OR_RETURN(std::string password,
                        kraken::daemon::ReadPasswordFile(flags.password_file));
    api.credentials = {.username = flags.user, .password = std::move(password)};
  }
  KH_ASSIGN_OR_RETURN(parts->api, api::MakeHarborClient(harbor.name, api, &parts->http));
  return parts;
}

void Run(absl::string_view command, const SetupFlags& flags, const RegistrationOptions& options,
         Parts& parts, Report& report) {
  if (command == kDoctor) {
    Doctor({.registration = options,
            .api = parts.api.get(),
            .registry = parts.registry.get(),
            .registry_url = parts.registry_options.registry,
            .registry_tls = parts.registry_options.tls},
           &parts.http, &report)
        .Examine();
    return;
  }
  Registration registration(options, parts.api.get(), &report);
  if (!flags.create_robot.empty()) {
    registration.CreateRobot(flags.create_robot, flags.robot_file);
  } else if (command == kRegister) {
    registration.Register();
  } else {
    registration.Unregister();
  }
}

// What is missing; empty: nothing.
std::string Missing(const SetupFlags& flags) {
  if (flags.load.config_path.empty()) return "-config is missing";
  if (flags.user.empty() != flags.password_file.empty()) {
    return "-user and -password-file belong together";
  }
  if (flags.create_robot.empty() != flags.robot_file.empty()) {
    return "-create-robot and -robot-file belong together";
  }
  if (flags.name.empty()) return "-name is empty";
  return "";
}

// The command for one Harbor; its exit code.
int RunFor(const HarborConfig& harbor, const BridgeConfig& config, absl::string_view name,
           const SetupFlags& flags, const Terminal& terminal) {
  const std::string program = absl::StrCat("harbor-bridge ", name);
  const absl::StatusOr<RegistrationOptions> options = MakeOptions(flags, config, harbor);
  if (!options.ok()) return UsageError(program, options.status().message(), terminal);
  if (name != kDoctor && !harbor.api.has_value()) {
    return Failure(program,
                   absl::FailedPreconditionError(absl::StrCat(
                       "harbors[].api of ", harbor.name,
                       " is missing: it says where Harbor's API is (`api: {}` if the registry's "
                       "address is Harbor's own)")),
                   terminal);
  }
  if (name == kRegister && flags.create_robot.empty() && options->bridge_url.empty()) {
    return UsageError(program,
                      "how does Harbor reach this bridge? `url` in the configuration, or "
                      "-bridge-url, says it",
                      terminal);
  }
  absl::StatusOr<std::unique_ptr<Parts>> parts = MakeParts(name, flags, harbor);
  if (!parts.ok()) return Failure(program, parts.status(), terminal);
  Report report(terminal.out);
  Run(name, flags, *options, **parts, report);
  return report.failed() ? kraken::config::kExitFailure : kraken::config::kExitOk;
}

}  // namespace

bool IsSetupCommand(absl::string_view word) {
  return word == kRegister || word == kUnregister || word == kDoctor;
}

int RunSetupCommand(absl::string_view name, Arguments arguments, const Terminal& terminal) {
  const std::string program = absl::StrCat("harbor-bridge ", name);
  SetupFlags flags;
  kraken::config::FlagSet set(program, DescriptionOf(name));
  AddFlags(name, set, &flags);
  if (const auto code = ParseCommandLine(set, program, arguments, terminal)) return *code;
  if (!set.arguments().empty()) {
    return UsageError(program, absl::StrCat("what is \"", set.arguments()[0], "\"?"), terminal);
  }
  const std::string missing = Missing(flags);
  if (!missing.empty()) return UsageError(program, missing, terminal);
  const absl::StatusOr<BridgeConfig> config = ReadConfiguration(flags);
  if (!config.ok()) {
    Failure(program, config.status(), terminal);
    return kraken::config::kExitBadConfig;
  }
  const absl::StatusOr<std::vector<HarborConfig>> harbors = Choose(name, flags, *config);
  if (!harbors.ok()) return UsageError(program, harbors.status().message(), terminal);
  int code = kraken::config::kExitOk;
  for (const HarborConfig& harbor : *harbors) {
    if (harbors->size() > 1) Report(terminal.out).Title(absl::StrCat("Harbor ", harbor.name, ":"));
    code = std::max(code, RunFor(harbor, *config, name, flags, terminal));
  }
  return code;
}

}  // namespace harbor_bridge
