#include "kraken/config/reader.h"

#include <algorithm>

#include "absl/strings/str_join.h"
#include "kraken/base/go_duration.h"
#include "kraken/config/nearest_name.h"

namespace kraken::config {
namespace {

// Longer values are cut in messages.
constexpr size_t kMaxShownBytes = 60;

std::string Shown(const Node& node) {
  if (node.kind != Node::Kind::kScalar) return std::string(KindName(node.kind));
  if (node.is_secret) return "a secret that is none";
  const bool cut = node.scalar.size() > kMaxShownBytes;
  return absl::StrCat("\"", absl::string_view(node.scalar).substr(0, kMaxShownBytes),
                      cut ? "…\"" : "\"");
}

// "backends[3].x" and "backends[4].x" warn once.
std::string WithoutIndexes(absl::string_view path) {
  std::string result;
  bool inside = false;
  for (const char c : path) {
    if (c == '[') inside = true;
    if (!inside) result.push_back(c);
    if (c == ']') inside = false;
  }
  return result;
}

}  // namespace

namespace internal {

std::string ShowBound(double value) { return absl::StrCat(value); }
std::string ShowBound(absl::Duration value) { return FormatGoDuration(value); }

std::string ChildPath(absl::string_view parent, absl::string_view key) {
  return parent.empty() ? std::string(key) : absl::StrCat(parent, ".", key);
}

}  // namespace internal

void ValueReader::Error(absl::string_view message) const {
  diagnostics_->AddError(node_->position,
                         path_.empty() ? std::string(message) : absl::StrCat(path_, ": ", message));
}

bool ValueReader::WrongType(absl::string_view expected) const {
  Error(absl::StrCat("expected ", expected, ", found ", Shown(*node_)));
  return false;
}

const std::string* ValueReader::Scalar(absl::string_view expected) const {
  if (node_->kind == Node::Kind::kScalar) return &node_->scalar;
  WrongType(expected);
  return nullptr;
}

ObjectReader::ObjectReader(const ValueReader& value)
    : value_(value), node_(value.node().kind == Node::Kind::kMap ? value.node() : empty_) {
  if (value.node().kind == Node::Kind::kMap) return;
  value.WrongType("a map");
  finished_ = true;
}

bool ObjectReader::Optional(absl::string_view key, ByteSizeTarget out,
                            const Range<int64_t>& range) {
  const std::optional<ValueReader> value = Take(key);
  int64_t bytes = 0;
  ByteSizeTarget target = AsByteSize(&bytes);
  if (!value.has_value() || !ReadScalar(*value, &target)) return false;
  if (range.zero_is_default && bytes == 0) return false;
  if (!CheckRange(*value, bytes, range)) return false;
  *out.bytes = bytes;
  return true;
}

void ObjectReader::IgnoredKrakenKey(absl::string_view key, absl::string_view reason) {
  known_keys_.emplace_back(key);
  for (const NodeMember& member : node_.members) {
    if (member.key != key) continue;
    const std::string path = internal::ChildPath(value_.path(), key);
    value_.diagnostics()->AddWarning(member.key_position, WithoutIndexes(path),
                                     absl::StrCat("\"", path, "\" is not needed: ", reason));
  }
}

const Node* ObjectReader::Raw(absl::string_view key) {
  known_keys_.emplace_back(key);
  return node_.Find(key);
}

void ObjectReader::Error(absl::string_view key, absl::string_view message) {
  const Node* at = key.empty() ? nullptr : node_.Find(key);
  if (at == nullptr) at = &value_.node();
  const std::string path = key.empty() ? value_.path() : internal::ChildPath(value_.path(), key);
  ValueReader(at, path, value_.diagnostics()).Error(message);
}

void ObjectReader::Finish() {
  if (finished_) return;
  finished_ = true;
  for (const NodeMember& member : node_.members) {
    if (std::find(known_keys_.begin(), known_keys_.end(), member.key) != known_keys_.end()) {
      continue;
    }
    value_.diagnostics()->AddError(
        member.key_position,
        absl::StrCat("unknown key \"", internal::ChildPath(value_.path(), member.key), "\"",
                     DidYouMean(member.key, known_keys_)));
  }
}

std::optional<ValueReader> ObjectReader::Take(absl::string_view key) {
  known_keys_.emplace_back(key);
  const Node* node = node_.Find(key);
  if (node == nullptr) return std::nullopt;
  return ValueReader(node, internal::ChildPath(value_.path(), key), value_.diagnostics());
}

bool ObjectReader::CheckPresent(absl::string_view key) {
  if (Has(key)) return true;
  known_keys_.emplace_back(key);
  if (value_.node().kind == Node::Kind::kMap) {
    Error("", absl::StrCat("missing key \"", key, "\""));
  }
  return false;
}

std::optional<size_t> ObjectReader::TakeChoice(absl::string_view key,
                                               const std::vector<std::string>& words) {
  const std::optional<ValueReader> value = Take(key);
  if (!value.has_value()) return std::nullopt;
  const std::string expected = absl::StrCat("one of ", absl::StrJoin(words, ", "));
  const std::string* text = value->Scalar(expected);
  if (text == nullptr) return std::nullopt;
  const auto it = std::find(words.begin(), words.end(), *text);
  if (it == words.end()) {
    value->WrongType(expected);
    return std::nullopt;
  }
  return static_cast<size_t>(it - words.begin());
}

}  // namespace kraken::config
