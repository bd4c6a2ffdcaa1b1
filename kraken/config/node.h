#ifndef KRAKEN_CONFIG_NODE_H_
#define KRAKEN_CONFIG_NODE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "kraken/config/position.h"

namespace kraken::config {

struct NodeMember;

// A value of a configuration file, which remembers where it came from. A plain tree: aliases were
// expanded, within limits, when the file was parsed.
struct Node {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  Position position;
  std::string scalar;               // kScalar: the text, without quotes.
  bool is_secret = false;           // kScalar: must not be shown in messages or logs.
  std::vector<Node> items;          // kList
  std::vector<NodeMember> members;  // kMap: in the file's order, keys are unique.

  // The member's value; null if there is none such, or this is no map. A member whose value is
  // YAML's null counts as missing.
  const Node* Find(absl::string_view key) const;
};

struct NodeMember {
  std::string key;
  Position key_position;
  Node value;
};

// What `kind` is called in messages: "a list".
absl::string_view KindName(Node::Kind kind);

// Lays `overlay` over `base`, as Kraken does with `extends`: maps are merged key by key, everything
// else (lists too) replaces what it lies on. A null replaces as well: it brings back the default.
void MergeInto(Node& base, Node overlay);

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_NODE_H_
