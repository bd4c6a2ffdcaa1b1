#include "kraken/redis/redis_value.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "hiredis/read.h"
#include "kraken/base/check.h"

namespace kraken::redis {
namespace {

// hiredis calls these as it reads; a null pointer makes it give up.

// The value that the reader has come to: the root, or a new last element of the array around it.
RedisValue* Place(const redisReadTask* task) {
  if (task->parent == nullptr) return new RedisValue();
  auto* around = static_cast<RedisValue*>(task->parent->obj);
  // Moves its older siblings, to which nobody points any more.
  return &around->elements.emplace_back();
}

void* CreateString(const redisReadTask* task, char* text, size_t size) {
  RedisValue* value = Place(task);
  value->kind =
      task->type == REDIS_REPLY_ERROR ? RedisValue::Kind::kError : RedisValue::Kind::kString;
  value->text.assign(text, size);
  return value;
}

void* CreateArray(const redisReadTask* task, int size) {
  if (size < 0 || size > RedisParser::kMaxElements) return nullptr;
  RedisValue* value = Place(task);
  value->kind = RedisValue::Kind::kArray;
  return value;
}

void* CreateInteger(const redisReadTask* task, long long integer) {  // NOLINT(google-runtime-int)
  RedisValue* value = Place(task);
  value->kind = RedisValue::Kind::kInteger;
  value->integer = integer;
  return value;
}

void* CreateNil(const redisReadTask* task) { return Place(task); }

void FreeValue(void* value) { delete static_cast<RedisValue*>(value); }

redisReplyObjectFunctions functions = {CreateString, CreateArray, CreateInteger, CreateNil,
                                       FreeValue};

absl::Status Broken(const redisReader& reader) {
  return absl::InvalidArgumentError(absl::StrCat("not Redis's protocol: ", reader.errstr));
}

}  // namespace

void AppendRedisCommand(const std::vector<absl::string_view>& words, std::string* out) {
  absl::StrAppend(out, "*", words.size(), "\r\n");
  for (const absl::string_view word : words) {
    absl::StrAppend(out, "$", word.size(), "\r\n", word, "\r\n");
  }
}

void RedisParser::Free::operator()(redisReader* reader) const { redisReaderFree(reader); }

RedisParser::RedisParser() : reader_(redisReaderCreateWithFunctions(&functions)) {
  KH_CHECK(reader_ != nullptr);
}

absl::Status RedisParser::Feed(absl::string_view bytes) {
  bytes_since_value_ += bytes.size();
  if (bytes_since_value_ > kMaxValueBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a value of more than ", kMaxValueBytes, " bytes"));
  }
  if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK) {
    return Broken(*reader_);
  }
  return absl::OkStatus();
}

absl::StatusOr<RedisValue> RedisParser::Next() {
  void* raw = nullptr;
  if (redisReaderGetReply(reader_.get(), &raw) != REDIS_OK) return Broken(*reader_);
  if (raw == nullptr) return absl::NotFoundError("no value is complete yet");
  bytes_since_value_ = 0;
  const std::unique_ptr<RedisValue> value(static_cast<RedisValue*>(raw));
  return std::move(*value);
}

}  // namespace kraken::redis
