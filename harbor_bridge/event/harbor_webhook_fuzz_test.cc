#include <cstddef>
#include <cstdint>

#include "harbor_bridge/event/harbor_webhook.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto parsed = harbor_bridge::ParseHarborWebhook(
      absl::string_view(reinterpret_cast<const char*>(data), size));
  (void)parsed;
  return 0;
}
