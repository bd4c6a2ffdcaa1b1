// Any bytes: what the editors of TOML files accept has the agent in it once and in front, and comes
// back byte for byte.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/base/check.h"
#include "kraken/krakenctl/containerd_config.h"
#include "kraken/krakenctl/hosts_toml.h"
#include "kraken/krakenctl/registries_conf.h"
#include "kraken/krakenctl/toml.h"

namespace {

using kraken::krakenctl::TomlStatement;

void CheckGapless(const std::string& text) {
  const absl::StatusOr<std::vector<TomlStatement>> statements = kraken::krakenctl::ParseToml(text);
  if (!statements.ok()) return;
  size_t end = 0;
  for (const TomlStatement& statement : *statements) {
    KH_CHECK(statement.begin == end && statement.end > end);
    end = statement.end;
  }
  KH_CHECK(end == text.size());
}

void CheckHostsToml(const std::string& text) {
  const kraken::krakenctl::HostsTomlOptions options = {.registry = "harbor.example.com",
                                                       .agent = "http://localhost:13000"};
  const auto installed = kraken::krakenctl::InstallInHostsToml(text, options);
  if (!installed.ok()) return;
  const auto statements = kraken::krakenctl::ParseToml(*installed);
  KH_CHECK(statements.ok());
  std::vector<std::string> hosts;
  for (const TomlStatement& statement : *statements) {
    if (statement.kind != TomlStatement::Kind::kTable) continue;
    if (statement.name.size() == 2 && statement.name[0] == "host") {
      hosts.push_back(statement.name[1]);
    }
  }
  KH_CHECK(std::count(hosts.begin(), hosts.end(), options.agent) == 1);
  // A block that was there already is left where it is.
  const auto had_block = kraken::krakenctl::HostsTomlHasBlock(text);
  KH_CHECK(had_block.ok() && (*had_block || hosts.front() == options.agent));
  const auto again = kraken::krakenctl::InstallInHostsToml(*installed, options);
  KH_CHECK(again.ok() && *again == *installed);
  const auto removed = kraken::krakenctl::RemoveFromHostsToml(*installed);
  KH_CHECK(removed.ok());
  const auto before = kraken::krakenctl::RemoveFromHostsToml(text);
  KH_CHECK(before.ok() && removed->after == before->after);
}

void CheckConfig(const std::string& text) {
  const auto config = kraken::krakenctl::ReadContainerdConfig(text);
  if (!config.ok() || config->config_path.has_value()) return;
  const auto set = kraken::krakenctl::SetConfigPath(text);
  if (!set.ok()) return;
  const auto after = kraken::krakenctl::ReadContainerdConfig(*set);
  KH_CHECK(after.ok());
  // A key given twice is containerd's to refuse.
  KH_CHECK(after->version == config->version);
  const auto unset = kraken::krakenctl::UnsetConfigPath(*set);
  if (text.find("krakenctl mirror") != std::string::npos) return;
  KH_CHECK(unset.ok() && *unset == text);
}

void CheckRegistriesConf(const std::string& text) {
  const kraken::krakenctl::RegistriesConfOptions options = {.registry = "harbor.example.com",
                                                            .location = "localhost:13000"};
  const auto installed = kraken::krakenctl::InstallInRegistriesConf(text, options);
  if (!installed.ok()) return;
  const auto again = kraken::krakenctl::InstallInRegistriesConf(*installed, options);
  KH_CHECK(again.ok() && *again == *installed);
  const auto had = kraken::krakenctl::RegistriesWithBlock(text);
  const auto has = kraken::krakenctl::RegistriesWithBlock(*installed);
  KH_CHECK(had.ok() && has.ok());
  KH_CHECK(std::count(has->begin(), has->end(), options.registry) > 0);
  if (std::count(had->begin(), had->end(), options.registry) > 0) return;
  KH_CHECK(has->size() == had->size() + 1);
  const auto removed = kraken::krakenctl::RemoveFromRegistriesConf(*installed, options.registry);
  KH_CHECK(removed.ok());
  KH_CHECK(removed->has_value() ? **removed == text
                                : text.find_first_not_of(" \t\r\n") == text.npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  CheckGapless(text);
  CheckHostsToml(text);
  CheckConfig(text);
  CheckRegistriesConf(text);
  return 0;
}
