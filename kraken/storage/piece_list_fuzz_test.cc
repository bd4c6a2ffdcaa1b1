#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kraken/base/check.h"
#include "kraken/storage/piece_list.h"

// What is accepted encodes to the same bytes: there is one form of each list.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<kraken::storage::PieceList> list = kraken::storage::PieceList::Decode(bytes);
  if (list.ok()) {
    KH_CHECK(list->Encode() == bytes);
    KH_CHECK(static_cast<int32_t>(list->states().size()) + 1 ==
             list->layout().piece_count().value());
  } else {
    KH_CHECK(absl::IsDataLoss(list.status()));
  }
  return 0;
}
