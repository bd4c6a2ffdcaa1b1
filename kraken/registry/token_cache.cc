#include "kraken/registry/token_cache.h"

#include <algorithm>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/base/clock.h"

namespace kraken::registry {
namespace {

constexpr double kUsedPartOfLifetime = 0.8;

}  // namespace

absl::optional<std::string> TokenCache::Get(absl::string_view scope, MonotonicTime now) const {
  const auto it = entries_.find(scope);
  if (it == entries_.end() || it->second.expires <= now) return absl::nullopt;
  return it->second.token;
}

void TokenCache::Put(absl::string_view scope, const BearerToken& token, MonotonicTime now) {
  if (!entries_.contains(scope) && entries_.size() >= capacity_) MakeRoom(now);
  entries_[scope] = {token.value, now + token.lifetime * kUsedPartOfLifetime};
}

void TokenCache::Invalidate(absl::string_view scope, absl::string_view token) {
  const auto it = entries_.find(scope);
  if (it != entries_.end() && it->second.token == token) entries_.erase(it);
}

void TokenCache::MakeRoom(MonotonicTime now) {
  for (auto it = entries_.begin(); it != entries_.end();) {
    if (it->second.expires <= now) {
      entries_.erase(it++);
    } else {
      ++it;
    }
  }
  if (entries_.size() < capacity_) return;
  entries_.erase(std::min_element(
      entries_.begin(), entries_.end(),
      [](const auto& a, const auto& b) { return a.second.expires < b.second.expires; }));
}

}  // namespace kraken::registry
