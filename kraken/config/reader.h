// Typed structs from configuration nodes. A struct becomes readable by a function beside it:
//
//   struct BackendConfig {
//     std::string address;
//     absl::Duration timeout = absl::Seconds(60);
//     TlsConfig tls;
//   };
//
//   void ReadConfig(ObjectReader& r, BackendConfig* c) {
//     r.Required("address", &c->address);
//     r.Optional("timeout", &c->timeout, {.min = absl::Milliseconds(1)});
//     r.Optional("tls", &c->tls);
//     r.IgnoredKrakenKey("debug_logging", "the log level decides");
//   }
//
//   absl::Status status = ReadDocument(node, &config, &warnings);
//
// What can be read: std::string, bool, int32_t, int64_t, uint32_t, double, absl::Duration (Go's
// spelling), std::shared_ptr<const re2::RE2>, byte sizes (AsByteSize), enums (Enum), structs that
// have a ReadConfig, and std::vector, std::map<std::string, …> and std::optional of all these. A
// type with
//   absl::Status ParseConfigScalar(const std::string& text, T* out);
// beside it is read from a single value.
//
// A key that is missing or null leaves its target as it was, so defaults stand in the struct. Every
// error of a document is collected, with file, line, column and key path; a key that is neither
// read nor ignored is an error.
#ifndef KRAKEN_CONFIG_READER_H_
#define KRAKEN_CONFIG_READER_H_

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/config/diagnostics.h"
#include "kraken/config/node.h"

namespace re2 {
class RE2;
}  // namespace re2

namespace kraken::config {

// What a number or duration may be, bounds included.
template <typename T>
struct Range {
  std::optional<T> min;
  std::optional<T> max;
  // As nearly everywhere in Kraken: 0 means "the default".
  bool zero_is_default = false;
};

// An int64_t that is written as a byte size ("4MB", or a bare number of bytes).
struct ByteSizeTarget {
  int64_t* bytes;
};
inline ByteSizeTarget AsByteSize(int64_t* bytes) { return {bytes}; }

// A node on its way into a typed value: where it is, and where errors go. Cheap to copy.
class ValueReader {
 public:
  ValueReader(const Node* node, std::string path, Diagnostics* diagnostics)
      : node_(node), path_(std::move(path)), diagnostics_(diagnostics) {}

  const Node& node() const { return *node_; }
  // "backends[0].backend.registry_blob.address"; "" for the document itself.
  const std::string& path() const { return path_; }
  Diagnostics* diagnostics() const { return diagnostics_; }

  // "file:line:column: path: message".
  void Error(absl::string_view message) const;

  // "expected <expected>, found <what is there>", without the value if it is secret. Returns false.
  bool WrongType(absl::string_view expected) const;

  // The text of a single value; null, and an error, if this is a list or a map.
  const std::string* Scalar(absl::string_view expected) const;

 private:
  const Node* node_;
  std::string path_;
  Diagnostics* diagnostics_;
};

// Each reads one value; on false an error was added and the target is as it was.
bool ReadScalar(const ValueReader& value, std::string* out);
bool ReadScalar(const ValueReader& value, bool* out);
bool ReadScalar(const ValueReader& value, int32_t* out);
bool ReadScalar(const ValueReader& value, int64_t* out);
bool ReadScalar(const ValueReader& value, uint32_t* out);
bool ReadScalar(const ValueReader& value, double* out);
bool ReadScalar(const ValueReader& value, absl::Duration* out);
bool ReadScalar(const ValueReader& value, ByteSizeTarget* out);
// RE2 syntax, for partial matches as in Kraken.
bool ReadScalar(const ValueReader& value, std::shared_ptr<const re2::RE2>* out);

namespace internal {

// How a bound is shown in messages.
template <std::integral Integer>
std::string ShowBound(Integer value) {
  return absl::StrCat(value);
}
std::string ShowBound(double value);
std::string ShowBound(absl::Duration value);

std::string ChildPath(absl::string_view parent, absl::string_view key);

template <typename T>
struct IsVector : std::false_type {};
template <typename T>
struct IsVector<std::vector<T>> : std::true_type {};
template <typename T>
struct IsMap : std::false_type {};
template <typename T>
struct IsMap<std::map<std::string, T>> : std::true_type {};
template <typename T>
struct IsOptional : std::false_type {};
template <typename T>
struct IsOptional<std::optional<T>> : std::true_type {};

}  // namespace internal

// Reads `value` into `*out`. On false, errors were added and `*out` may be half read.
template <typename T>
bool ReadValue(const ValueReader& value, T* out);

// Reads the members of one map. Made by ReadValue and ReadDocument; ReadConfig functions use it.
// Keys are string literals or otherwise outlive the object. Not thread safe.
class ObjectReader {
 public:
  // `value` must be a map, else there is an error and every key is missing.
  explicit ObjectReader(const ValueReader& value);

  ObjectReader(const ObjectReader&) = delete;
  ObjectReader& operator=(const ObjectReader&) = delete;

  // Reads `key` if it is there. True if it was, and was right.
  template <typename T>
  bool Optional(absl::string_view key, T* out) {
    const std::optional<ValueReader> value = Take(key);
    return value.has_value() && ReadValue(*value, out);
  }

  // As above; what lies outside `range` is an error. For numbers and durations.
  template <typename T>
  bool Optional(absl::string_view key, T* out, const Range<std::type_identity_t<T>>& range) {
    const std::optional<ValueReader> value = Take(key);
    T read{};
    if (!value.has_value() || !ReadValue(*value, &read)) return false;
    if (range.zero_is_default && read == T{}) return false;
    if (!CheckRange(*value, read, range)) return false;
    *out = read;
    return true;
  }

  // For byte sizes.
  bool Optional(absl::string_view key, ByteSizeTarget out,
                const Range<int64_t>& range = {.min = 0});

  // As Optional; a missing key is an error.
  template <typename T>
  bool Required(absl::string_view key, T* out) {
    return CheckPresent(key) && Optional(key, out);
  }
  template <typename T>
  bool Required(absl::string_view key, T* out, const Range<std::type_identity_t<T>>& range) {
    return CheckPresent(key) && Optional(key, out, range);
  }
  bool Required(absl::string_view key, ByteSizeTarget out,
                const Range<int64_t>& range = {.min = 0}) {
    return CheckPresent(key) && Optional(key, out, range);
  }

  // One of a few words. An error lists them.
  template <typename E>
  bool Enum(absl::string_view key, E* out,
            std::initializer_list<std::pair<absl::string_view, std::type_identity_t<E>>> choices) {
    std::vector<std::string> words;
    for (const auto& choice : choices) words.emplace_back(choice.first);
    const std::optional<size_t> index = TakeChoice(key, words);
    if (!index.has_value()) return false;
    *out = (choices.begin() + *index)->second;
    return true;
  }

  // A key of Kraken's that does nothing here. If it is there: one warning per key path,
  // `"nginx" is not needed: <reason>`. What is below it is not looked at.
  void IgnoredKrakenKey(absl::string_view key, absl::string_view reason);

  // True if `key` is there and not null. Does not count as reading it.
  bool Has(absl::string_view key) const { return node_.Find(key) != nullptr; }

  // The raw value, for what has no fixed shape; null if missing. Counts as reading it.
  const Node* Raw(absl::string_view key);

  // An error of meaning rather than type, placed at `key`, or at the map if the key is missing or
  // "".
  void Error(absl::string_view key, absl::string_view message);

  const ValueReader& value() const { return value_; }

  // Errors for all keys that were neither read nor ignored. ReadValue calls it after ReadConfig; a
  // second call does nothing.
  void Finish();

 private:
  std::optional<ValueReader> Take(absl::string_view key);
  bool CheckPresent(absl::string_view key);
  std::optional<size_t> TakeChoice(absl::string_view key, const std::vector<std::string>& words);

  template <typename T>
  static bool CheckRange(const ValueReader& value, const T& read, const Range<T>& range) {
    using internal::ShowBound;
    if (range.min.has_value() && read < *range.min) {
      value.Error(absl::StrCat("must be at least ", ShowBound(*range.min)));
      return false;
    }
    if (range.max.has_value() && read > *range.max) {
      value.Error(absl::StrCat("must be at most ", ShowBound(*range.max)));
      return false;
    }
    return true;
  }

  ValueReader value_;
  Node empty_;
  const Node& node_;
  std::vector<std::string> known_keys_;
  bool finished_ = false;
};

// Reads a whole document. Errors: FAILED_PRECONDITION, all of them in one message. `warnings` gets
// a line for each key of Kraken's that is not needed.
template <typename T>
absl::Status ReadDocument(const Node& root, T* out, std::vector<std::string>* warnings) {
  Diagnostics diagnostics;
  ReadValue(ValueReader(&root, "", &diagnostics), out);
  *warnings = diagnostics.warnings();
  return diagnostics.ToStatus();
}

namespace internal {

template <typename T>
bool ReadList(const ValueReader& value, std::vector<T>* out) {
  if (value.node().kind != Node::Kind::kList) return value.WrongType("a list");
  std::vector<T> items;
  bool ok = true;
  for (size_t i = 0; i < value.node().items.size(); ++i) {
    T item{};
    ok &= ReadValue(ValueReader(&value.node().items[i], absl::StrCat(value.path(), "[", i, "]"),
                                value.diagnostics()),
                    &item);
    items.push_back(std::move(item));
  }
  *out = std::move(items);
  return ok;
}

template <typename T>
bool ReadMap(const ValueReader& value, std::map<std::string, T>* out) {
  if (value.node().kind != Node::Kind::kMap) return value.WrongType("a map");
  std::map<std::string, T> entries;
  bool ok = true;
  for (const NodeMember& member : value.node().members) {
    if (member.value.kind == Node::Kind::kNull) continue;
    T entry{};
    ok &= ReadValue(
        ValueReader(&member.value, ChildPath(value.path(), member.key), value.diagnostics()),
        &entry);
    entries.emplace(member.key, std::move(entry));
  }
  *out = std::move(entries);
  return ok;
}

template <typename T>
concept BuiltInScalar = requires(const ValueReader& value, T* out) {
  ReadScalar(value, out);
};

template <typename T>
concept CustomScalar = requires(const std::string& text, T* out) {
  { ParseConfigScalar(text, out) } -> std::same_as<absl::Status>;
};

template <typename T>
bool ReadCustomScalar(const ValueReader& value, T* out) {
  const std::string* text = value.Scalar("a single value");
  if (text == nullptr) return false;
  const absl::Status status = ParseConfigScalar(*text, out);
  if (!status.ok()) value.Error(status.message());
  return status.ok();
}

template <typename T>
bool ReadObject(const ValueReader& value, T* out) {
  const size_t errors_before = value.diagnostics()->error_count();
  ObjectReader reader(value);
  ReadConfig(reader, out);
  reader.Finish();
  return value.diagnostics()->error_count() == errors_before;
}

}  // namespace internal

template <typename T>
bool ReadValue(const ValueReader& value, T* out) {
  if constexpr (internal::IsVector<T>::value) {
    return internal::ReadList(value, out);
  } else if constexpr (internal::IsMap<T>::value) {
    return internal::ReadMap(value, out);
  } else if constexpr (internal::IsOptional<T>::value) {
    typename T::value_type inner{};
    const bool ok = ReadValue(value, &inner);
    *out = std::move(inner);
    return ok;
  } else if constexpr (internal::BuiltInScalar<T>) {
    return ReadScalar(value, out);
  } else if constexpr (internal::CustomScalar<T>) {
    return internal::ReadCustomScalar(value, out);
  } else {
    return internal::ReadObject(value, out);
  }
}

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_READER_H_
