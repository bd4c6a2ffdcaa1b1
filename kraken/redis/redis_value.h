#ifndef KRAKEN_REDIS_REDIS_VALUE_H_
#define KRAKEN_REDIS_REDIS_VALUE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

struct redisReader;  // hiredis's

namespace kraken::redis {

// What Redis answers (https://redis.io/docs/reference/protocol-spec, RESP2).
struct RedisValue {
  enum class Kind { kNil, kInteger, kString, kError, kArray };

  Kind kind = Kind::kNil;
  int64_t integer = 0;
  std::string text;  // of a string, or an error
  std::vector<RedisValue> elements;
};

// Puts a command into the form in which it is sent.
void AppendRedisCommand(const std::vector<absl::string_view>& words, std::string* out);

// Takes bytes as they come and gives values as they are complete (hiredis's reader). Not thread
// safe.
class RedisParser {
 public:
  // Of a value, with all that is in it.
  static constexpr size_t kMaxValueBytes = 16 << 20;
  // Of one array.
  static constexpr int kMaxElements = 1 << 20;

  RedisParser();

  // INVALID_ARGUMENT: this is not Redis's protocol, or an array is too long; nothing that follows
  // can be understood. RESOURCE_EXHAUSTED: a value is too large.
  absl::Status Feed(absl::string_view bytes);
  // The next value that is complete; NOT_FOUND: none is. Else as Feed().
  absl::StatusOr<RedisValue> Next();

 private:
  struct Free {
    void operator()(redisReader* reader) const;
  };
  std::unique_ptr<redisReader, Free> reader_;
  size_t bytes_since_value_ = 0;
};

}  // namespace kraken::redis

#endif  // KRAKEN_REDIS_REDIS_VALUE_H_
