#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "kraken/base/check.h"
#include "kraken/storage/journal_file/journal_record.h"

// What is read is within the bytes, and is written again as it was.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using kraken::storage::AppendRecord;
  using kraken::storage::AppendSegmentHeader;
  using kraken::storage::kSegmentHeaderBytes;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto header = kraken::storage::ReadSegmentHeader(bytes);
  if (!header.has_value()) return 0;
  std::string again;
  AppendSegmentHeader(again, *header);
  KH_CHECK(again == bytes.substr(0, kSegmentHeaderBytes));
  size_t offset = kSegmentHeaderBytes;
  while (const auto parsed = kraken::storage::ReadRecord(bytes.substr(offset), header->number)) {
    KH_CHECK(parsed->bytes <= size - offset);
    again.clear();
    AppendRecord(again, parsed->record, header->number);
    KH_CHECK(again == bytes.substr(offset, parsed->bytes));
    offset += parsed->bytes;
  }
  return 0;
}
