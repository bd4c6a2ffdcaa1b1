#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "kraken/base/check.h"
#include "kraken/registry/catalog.h"
#include "kraken/registry/referrers.h"
#include "kraken/registry/tag_list.h"

// What a registry sends as a list of repositories, tags or referrers is read or refused, and what
// we make of it can be read again.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view body(reinterpret_cast<const char*>(data), size);
  if (const auto tags = kraken::registry::ParseTagList(body); tags.ok()) {
    const auto page = kraken::registry::PageOf(*tags, 3, "m");
    KH_CHECK(page.tags.size() <= 3);
    const auto again =
        kraken::registry::ParseTagList(kraken::registry::TagListJson("a", page.tags));
    KH_CHECK(again.ok());
    KH_CHECK(*again == page.tags);
  }
  (void)kraken::registry::ParseCatalog(body);
  if (const auto some = kraken::registry::FilterReferrers(body, "a"); some.ok()) {
    const auto again = kraken::registry::FilterReferrers(*some, "a");
    KH_CHECK(again.ok());
    KH_CHECK(*again == *some);
  }
  return 0;
}
