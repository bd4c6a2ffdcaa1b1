#ifndef KRAKEN_REGISTRY_TOKEN_CACHE_H_
#define KRAKEN_REGISTRY_TOKEN_CACHE_H_

#include <cstddef>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "kraken/base/clock.h"

namespace kraken::registry {

// The most tokens that are kept, one per scope.
inline constexpr size_t kMaxCachedTokens = 4096;

// A token and how long it is good for, counted from its arrival: the issuer's calendar may be
// wrong.
struct BearerToken {
  std::string value;
  absl::Duration lifetime;
};

// Bearer tokens by scope, each until four fifths of its lifetime are over, so that none runs out on
// its way. When the cache is full, what has expired goes, then what expires first.
//
// Pure: time is passed in. Not thread-safe.
class TokenCache {
 public:
  explicit TokenCache(size_t capacity = kMaxCachedTokens) : capacity_(capacity) {}

  absl::optional<std::string> Get(absl::string_view scope, MonotonicTime now) const;
  void Put(absl::string_view scope, const BearerToken& token, MonotonicTime now);
  // Forgets the token of `scope` if it is `token`: a registry has refused it.
  void Invalidate(absl::string_view scope, absl::string_view token);

  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::string token;
    MonotonicTime expires;
  };

  void MakeRoom(MonotonicTime now);

  const size_t capacity_;
  absl::flat_hash_map<std::string, Entry> entries_;
};

}  // namespace kraken::registry

#endif  // KRAKEN_REGISTRY_TOKEN_CACHE_H_
