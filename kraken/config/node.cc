#include "kraken/config/node.h"

#include <cstddef>
#include <utility>

#include "absl/container/flat_hash_map.h"

namespace kraken::config {

const Node* Node::Find(absl::string_view key) const {
  for (const NodeMember& member : members) {
    if (member.key == key) return member.value.kind == Kind::kNull ? nullptr : &member.value;
  }
  return nullptr;
}

absl::string_view KindName(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::kNull:
      return "nothing";
    case Node::Kind::kScalar:
      return "a single value";
    case Node::Kind::kList:
      return "a list";
    case Node::Kind::kMap:
      return "a map";
  }
  return "";
}

void MergeInto(Node& base, Node overlay) {
  if (base.kind != Node::Kind::kMap || overlay.kind != Node::Kind::kMap) {
    base = std::move(overlay);
    return;
  }
  absl::flat_hash_map<std::string, size_t> places;
  for (size_t i = 0; i < base.members.size(); ++i) places.emplace(base.members[i].key, i);
  for (NodeMember& member : overlay.members) {
    const auto place = places.find(member.key);
    if (place == places.end()) {
      base.members.push_back(std::move(member));
    } else {
      NodeMember& below = base.members[place->second];
      below.key_position = std::move(member.key_position);
      MergeInto(below.value, std::move(member.value));
    }
  }
  base.position = std::move(overlay.position);
}

}  // namespace kraken::config
