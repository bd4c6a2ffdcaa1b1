#include "kraken/krakenctl/preheat_command.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kraken/base/json.h"
#include "kraken/base/status_macros.h"
#include "kraken/config/exit_codes.h"
#include "kraken/krakenctl/bridge_client.h"
#include "kraken/krakenctl/progress_view.h"
#include "kraken/net/url.h"

namespace kraken::krakenctl {
namespace {

constexpr absl::string_view kName = "krakenctl preheat";
constexpr absl::Duration kPollInterval = absl::Milliseconds(250);

std::string Text(const nlohmann::json& value, absl::string_view key) {
  return JsonString(FindJson(value, key)).value_or("");
}

int64_t Number(const nlohmann::json& value, absl::string_view key) {
  return JsonInt64(FindJson(value, key)).value_or(0);
}

struct Preheat {
  std::string image;
  std::string key;
  std::string shown;  // the last line about it
  bool ended = false;
  bool ok = false;
};

// What is said of a job, in a line.
std::string Describe(const nlohmann::json& job) {
  const std::string state = Text(job, "state");
  if (state == "done") return absl::StrCat("done: ", Text(job, "result"));
  if (state == "dead") return absl::StrCat("failed: ", Text(job, "error"));
  const std::string error = Text(job, "error");
  if (state == "pending") {
    return error.empty() ? "waiting" : absl::StrCat("will be tried again: ", error);
  }
  const nlohmann::json* progress = FindJson(job, "progress");
  if (progress == nullptr) return "running";
  const int64_t total = Number(*progress, "bytes_total");
  if (total == 0) return Text(*progress, "step");
  const int64_t agents = Number(*progress, "agents_asked");
  return absl::StrFormat(
      "%s: %s%d of %d blobs, %s of %s", Text(*progress, "step"),
      agents == 0 ? ""
                  : absl::StrFormat("%d of %d agents, ", Number(*progress, "agents_done"), agents),
      Number(*progress, "blobs_done"), Number(*progress, "blobs_total"),
      FormatBytes(Number(*progress, "bytes_done")), FormatBytes(total));
}

absl::StatusOr<std::vector<Preheat>> Submit(BridgeClient& client,
                                            const std::vector<std::string>& images,
                                            const std::vector<std::string>& platforms,
                                            const std::string& agents) {
  nlohmann::json body = {{"images", images}};
  if (!platforms.empty()) body["platforms"] = platforms;
  if (!agents.empty()) body["agents"] = agents;
  KH_ASSIGN_OR_RETURN(const nlohmann::json answer, client.Post("/api/v1/preheats", body));
  std::vector<Preheat> preheats;
  const nlohmann::json* jobs = FindJson(answer, "jobs");
  if (jobs != nullptr && jobs->is_array()) {
    for (const nlohmann::json& job : *jobs) {
      preheats.push_back({.image = Text(job, "image"), .key = Text(job, "key")});
    }
  }
  if (preheats.size() != images.size()) {
    return absl::InternalError("the bridge does not say which jobs it made");
  }
  return preheats;
}

// Looks at a job once, and tells what is new of it.
absl::Status Look(BridgeClient& client, Preheat& preheat, const Terminal& terminal) {
  KH_ASSIGN_OR_RETURN(const nlohmann::json job,
                      client.Get(absl::StrCat("/api/v1/jobs/", net::PercentEncode(preheat.key))));
  const std::string state = Text(job, "state");
  preheat.ok = state == "done";
  preheat.ended = preheat.ok || state == "dead";
  std::string line = Describe(job);
  if (line != preheat.shown) terminal.out(absl::StrCat(preheat.image, ": ", line, "\n"));
  preheat.shown = std::move(line);
  return absl::OkStatus();
}

// Until all have ended. Whether all went well.
absl::StatusOr<bool> Watch(BridgeClient& client, std::vector<Preheat>& preheats,
                           const Terminal& terminal) {
  while (true) {
    bool all_ended = true;
    bool all_ok = true;
    for (Preheat& preheat : preheats) {
      if (!preheat.ended) KH_RETURN_IF_ERROR(Look(client, preheat, terminal));
      all_ended &= preheat.ended;
      all_ok &= preheat.ok;
    }
    if (all_ended) return all_ok;
    absl::SleepFor(kPollInterval);
  }
}

}  // namespace

int RunPreheatCommand(Arguments arguments, const Terminal& terminal) {
  BridgeFlags bridge;
  std::vector<std::string> platforms;
  std::string agents;
  bool detach = false;
  config::FlagSet flags(
      kName,
      "Has a harbor-bridge bring images to the origins, before all events, and shows how it goes;\n"
      "with -agents, also to those agents. Routes are not asked. Exit code 0: all of every image\n"
      "is verified there; 1: not.");
  flags.AllowArguments("IMAGE...");
  flags.Strings("platform", &platforms,
                "of an image for several, which, such as linux/arm64; none: the bridge's own");
  flags.String("agents", &agents,
               "which agents are to have it too: all, or zone=a,label.disk=ssd,share=10%");
  flags.Bool("detach", &detach, "do not wait for the end");
  AddBridgeFlags(flags, &bridge);
  if (const auto code = ParseCommandLine(flags, kName, arguments, terminal)) return *code;
  if (flags.arguments().empty()) {
    return UsageError(kName, "say which images: library/debian:latest", terminal);
  }
  absl::StatusOr<BridgeClient> client = BridgeClient::Create(bridge);
  if (!client.ok()) return UsageError(kName, client.status().message(), terminal);
  absl::StatusOr<std::vector<Preheat>> preheats =
      Submit(*client, flags.arguments(), platforms, agents);
  if (!preheats.ok()) return Failure(kName, preheats.status(), terminal);
  if (detach) return config::kExitOk;
  const absl::StatusOr<bool> all_ok = Watch(*client, *preheats, terminal);
  if (!all_ok.ok()) return Failure(kName, all_ok.status(), terminal);
  return *all_ok ? config::kExitOk : config::kExitFailure;
}

}  // namespace kraken::krakenctl
