#include "harbor_bridge/lease/lease_script.h"

#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace harbor_bridge {
namespace {

using kraken::redis::RedisValue;

// KEYS: holder, epoch. ARGV: owner, milliseconds, the epoch to be above.
constexpr absl::string_view kTake = R"(
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then
  return {'other', holder, redis.call('GET', KEYS[2]) or '0', redis.call('PTTL', KEYS[1])}
end
if redis.call('EXISTS', KEYS[2]) == 0 then
  redis.call('SET', KEYS[2], redis.call('TIME')[1])
end
local epoch = redis.call('INCR', KEYS[2])
local above = tonumber(ARGV[3])
if epoch <= above then
  epoch = above + 1
  redis.call('SET', KEYS[2], string.format('%.0f', epoch))
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {'taken', string.format('%.0f', epoch)}
)";

// The condition of the scripts below. KEYS: holder, epoch. ARGV: owner, epoch.
constexpr absl::string_view kIfOurs = R"(
if redis.call('GET', KEYS[1]) ~= ARGV[1] or redis.call('GET', KEYS[2]) ~= ARGV[2] then
  return 0
end
)";
constexpr absl::string_view kRenew = "redis.call('PEXPIRE', KEYS[1], ARGV[3])\nreturn 1\n";
constexpr absl::string_view kRelease = "redis.call('DEL', KEYS[1])\nreturn 1\n";
constexpr absl::string_view kPutWatermarks = R"(
for i = 3, #ARGV, 2 do
  local before = tonumber(redis.call('HGET', KEYS[3], ARGV[i]) or '0')
  if tonumber(ARGV[i + 1]) > before then
    redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1])
  end
end
return 1
)";

// The braces keep a lease's keys together in a cluster of Redis.
std::string KeyOf(const LeaseClaim& claim, absl::string_view what) {
  return absl::StrCat("kraken-harbor:lease:{", claim.name, "}:", what);
}

LeaseCommand Conditional(const LeaseClaim& claim, uint64_t epoch, absl::string_view script) {
  return {"EVAL",
          absl::StrCat(kIfOurs, script),
          "3",
          KeyOf(claim, "holder"),
          KeyOf(claim, "epoch"),
          KeyOf(claim, "watermarks"),
          claim.owner,
          absl::StrCat(epoch)};
}

std::string Millis(absl::Duration duration) {
  return absl::StrCat(absl::ToInt64Milliseconds(duration));
}

absl::Status NotAnAnswer(absl::string_view to) {
  return absl::InvalidArgumentError(absl::StrCat("Redis's answer to ", to, " makes no sense"));
}

bool ReadEpoch(const RedisValue& value, uint64_t* epoch) {
  return absl::SimpleAtoi(value.text, epoch) &&
         *epoch <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
}

}  // namespace

LeaseCommand TakeLease(const LeaseClaim& claim, uint64_t above) {
  return {"EVAL",
          std::string(kTake),
          "2",
          KeyOf(claim, "holder"),
          KeyOf(claim, "epoch"),
          claim.owner,
          Millis(claim.ttl),
          absl::StrCat(above)};
}

LeaseCommand RenewLease(const LeaseClaim& claim, uint64_t epoch) {
  LeaseCommand command = Conditional(claim, epoch, kRenew);
  command.push_back(Millis(claim.ttl));
  return command;
}

LeaseCommand ReleaseLease(const LeaseClaim& claim, uint64_t epoch) {
  return Conditional(claim, epoch, kRelease);
}

LeaseCommand PutWatermarks(const LeaseClaim& claim, uint64_t epoch, const Watermarks& watermarks) {
  LeaseCommand command = Conditional(claim, epoch, kPutWatermarks);
  for (const auto& [harbor, time] : watermarks) {
    command.push_back(harbor);
    command.push_back(absl::StrCat(absl::ToUnixMillis(time)));
  }
  return command;
}

LeaseCommand GetWatermarks(const LeaseClaim& claim) {
  return {"HGETALL", KeyOf(claim, "watermarks")};
}

absl::StatusOr<TakeAnswer> ReadTakeAnswer(const RedisValue& answer) {
  TakeAnswer read;
  const std::vector<RedisValue>& parts = answer.elements;
  if (parts.size() == 2 && parts[0].text == "taken") {
    read.taken = true;
    if (ReadEpoch(parts[1], &read.epoch) && read.epoch > 0) return read;
  }
  if (parts.size() == 4 && parts[0].text == "other" && ReadEpoch(parts[2], &read.epoch) &&
      parts[3].kind == RedisValue::Kind::kInteger) {
    read.holder = parts[1].text;
    read.left = absl::Milliseconds(parts[3].integer);
    return read;
  }
  return NotAnAnswer("taking the lease");
}

absl::StatusOr<bool> ReadConditionAnswer(const RedisValue& answer) {
  if (answer.kind != RedisValue::Kind::kInteger) return NotAnAnswer("a script of the lease");
  return answer.integer == 1;
}

absl::StatusOr<Watermarks> ReadWatermarks(const RedisValue& answer) {
  if (answer.kind != RedisValue::Kind::kArray || answer.elements.size() % 2 != 0) {
    return NotAnAnswer("HGETALL");
  }
  Watermarks watermarks;
  for (size_t i = 0; i < answer.elements.size(); i += 2) {
    int64_t millis = 0;
    if (!absl::SimpleAtoi(answer.elements[i + 1].text, &millis)) return NotAnAnswer("HGETALL");
    watermarks[answer.elements[i].text] = absl::FromUnixMillis(millis);
  }
  return watermarks;
}

}  // namespace harbor_bridge
