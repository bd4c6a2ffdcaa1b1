#ifndef KRAKEN_NET_HTTP_MESSAGE_H_
#define KRAKEN_NET_HTTP_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"

namespace kraken::net {

// The header fields of a message, in order, names compared without regard to case.
//
// All text lies in one buffer: a message's fields cost two allocations, and none once the map is
// reused. Views that are handed out are valid until the map changes. A value type.
class HeaderMap {
 public:
  struct Field {
    absl::string_view name;
    absl::string_view value;
  };

  HeaderMap() = default;
  HeaderMap(std::initializer_list<std::pair<absl::string_view, absl::string_view>> fields);

  // Appends a field. REQUIRES: IsHeaderName(name) && IsHeaderValue(value) for fields that will be
  // sent; a field that breaks this is left out when the message is written, so that a careless
  // value can never smuggle a line into a message.
  void Add(absl::string_view name, absl::string_view value);
  // Replaces every field of that name by one.
  void Set(absl::string_view name, absl::string_view value);
  // Returns how many were removed.
  size_t Remove(absl::string_view name);
  void Clear();
  // Makes room, so that what follows costs no allocation.
  void Reserve(size_t text_bytes, size_t fields);

  // The first field of that name.
  absl::optional<absl::string_view> Get(absl::string_view name) const;
  // As Get(), or "" if there is none.
  absl::string_view GetOr(absl::string_view name, absl::string_view fallback = "") const;
  std::vector<absl::string_view> GetAll(absl::string_view name) const;
  bool Has(absl::string_view name) const { return Get(name).has_value(); }
  size_t Count(absl::string_view name) const;
  // Whether a comma-separated list field (any of that name) has this token, case ignored.
  bool HasToken(absl::string_view name, absl::string_view token) const;

  size_t size() const { return slots_.size(); }
  bool empty() const { return slots_.empty(); }
  Field at(size_t i) const;

  class Iterator {
   public:
    Field operator*() const { return map_->at(i_); }
    Iterator& operator++() {
      ++i_;
      return *this;
    }
    bool operator!=(const Iterator& other) const { return i_ != other.i_; }

   private:
    friend class HeaderMap;
    Iterator(const HeaderMap* map, size_t i) : map_(map), i_(i) {}
    const HeaderMap* map_;
    size_t i_;
  };
  Iterator begin() const { return Iterator(this, 0); }
  Iterator end() const { return Iterator(this, slots_.size()); }

  // Same fields in the same order; names compared without case.
  friend bool operator==(const HeaderMap& a, const HeaderMap& b);

 private:
  // The value follows the name directly.
  struct Slot {
    uint32_t offset;
    uint32_t name_size;
    uint32_t value_size;
  };

  std::string text_;
  std::vector<Slot> slots_;
};

// RFC 9110 §5.1 (a token) and §5.5 (no control characters but tab, no space at either end).
bool IsHeaderName(absl::string_view name);
bool IsHeaderValue(absl::string_view value);

struct HttpRequestHead {
  std::string method;     // as sent; methods are case-sensitive
  std::string target;     // raw, as sent: url.h splits and decodes it
  int minor_version = 1;  // HTTP/1.x
  HeaderMap headers;

  void Clear();
};

struct HttpResponseHead {
  int status = 200;
  std::string reason;  // empty: the usual phrase of the status
  int minor_version = 1;
  HeaderMap headers;

  void Clear();
};

// A whole response, for bodies that are known to be small.
struct HttpResponse {
  int status = 200;
  HeaderMap headers;
  std::string body;
};

// "Not Found" for 404; "Unknown" for a status without a registered phrase.
absl::string_view ReasonPhrase(int status);
// Whether a response to `method` with this status never has a body (RFC 9112 §6.3).
bool ResponseHasNoBody(absl::string_view method, int status);
// GET, HEAD, OPTIONS, PUT, DELETE, TRACE: sending twice does what sending once does.
bool IsIdempotentMethod(absl::string_view method);

// Appends "METHOD target HTTP/1.1\r\n" and the fields, with the empty line. Fields that are not
// fit to be sent are left out.
void AppendRequestHead(const HttpRequestHead& head, std::string* out);
void AppendResponseHead(const HttpResponseHead& head, std::string* out);

// The time of the second that `unix_seconds` names, as in a Date field:
// "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 §5.6.7).
std::string FormatHttpDate(int64_t unix_seconds);

}  // namespace kraken::net

#endif  // KRAKEN_NET_HTTP_MESSAGE_H_
