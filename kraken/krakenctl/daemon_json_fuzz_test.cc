// Any bytes: what the editor of daemon.json accepts stays JSON, gains one entry, and comes back
// byte for byte.

#include <cstddef>
#include <cstdint>
#include <string>

#include "kraken/base/check.h"
#include "kraken/base/json.h"
#include "kraken/krakenctl/daemon_json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr char kMirror[] = "http://localhost:13000";
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto with = kraken::krakenctl::AddRegistryMirror(text, kMirror);
  if (!with.ok()) return 0;
  const auto after = kraken::ParseJson(*with);
  auto expected = kraken::ParseJson(text);
  KH_CHECK(after.ok() && expected.ok());
  const auto without = kraken::krakenctl::RemoveRegistryMirror(*with, kMirror);
  KH_CHECK(without.ok());
  if (*with == text) {
    // It was there: what is left is JSON without one of its entries.
    KH_CHECK(!without->has_value() || kraken::ParseJson(**without).ok());
    return 0;
  }
  nlohmann::json& list = (*expected)["registry-mirrors"];
  if (list.is_null()) list = nlohmann::json::array();
  list.insert(list.begin(), kMirror);
  KH_CHECK(*after == *expected);
  KH_CHECK(without->has_value() && **without == text);
  return 0;
}
