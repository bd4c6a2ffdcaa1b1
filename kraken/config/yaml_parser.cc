#include "kraken/config/yaml_parser.h"

#include <memory>
#include <sstream>
#include <stdexcept>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/mark.h"
#include "yaml-cpp/node/node.h"  // which parser.h only declares
#include "yaml-cpp/parser.h"

namespace kraken::config {
namespace {

constexpr char kOnlyMapsMerge[] = "\"<<\" merges only maps";

// Our own complaint, thrown through yaml-cpp and caught at this file's border.
class ParseError : public std::runtime_error {
 public:
  ParseError(const Position& position, const std::string& message)
      : std::runtime_error(absl::StrCat(position.ToString(), ": ", message)) {}
};

// What a tree weighs against kMaxNodes and kMaxTextBytes.
struct Weight {
  size_t nodes = 0;
  size_t text_bytes = 0;
};

Weight WeightOf(const Node& node) {
  Weight weight{1, node.scalar.size()};
  const auto add = [&weight](const Node& child) {
    const Weight more = WeightOf(child);
    weight.nodes += more.nodes;
    weight.text_bytes += more.text_bytes;
  };
  for (const Node& item : node.items) add(item);
  for (const NodeMember& member : node.members) {
    weight.text_bytes += member.key.size();
    add(member.value);
  }
  return weight;
}

// Builds a Node from yaml-cpp's events, one open list or map per frame.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(std::shared_ptr<const std::string> file) : file_(std::move(file)) {}

  Node TakeRoot() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Charge({1, 0}, At(mark));
    Add(NewNode(Node::Kind::kNull, mark), anchor, /*is_plain=*/true);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) throw ParseError(At(mark), "alias of a value that contains it");
    Charge(it->second.weight, At(mark));
    Add(it->second.node, YAML::NullAnchor, /*is_plain=*/false);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    CheckTag(mark, tag);
    if (value.size() > kMaxScalarBytes) {
      throw ParseError(At(mark), absl::StrCat("value longer than ", kMaxScalarBytes, " bytes"));
    }
    Charge({1, value.size()}, At(mark));
    Node node = NewNode(Node::Kind::kScalar, mark);
    node.scalar = value;
    Add(std::move(node), anchor, /*is_plain=*/tag == "?");
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(Node::Kind::kList, mark, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(Node::Kind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Frame {
    Node node;
    YAML::anchor_t anchor;
    // For a map: the key whose value comes next, if any, and what was merged in by "<<".
    bool has_key = false;
    bool key_is_merge = false;
    std::string key;
    Position key_position;
    absl::flat_hash_map<std::string, int> lines_of_keys;
    std::vector<Node> merged;
  };

  struct Anchored {
    Node node;
    Weight weight;
  };

  Position At(const YAML::Mark& mark) const { return {file_, mark.line + 1, mark.column + 1}; }

  Node NewNode(Node::Kind kind, const YAML::Mark& mark) const {
    Node node;
    node.kind = kind;
    node.position = At(mark);
    return node;
  }

  void Charge(const Weight& weight, const Position& position) {
    total_.nodes += weight.nodes;
    total_.text_bytes += weight.text_bytes;
    if (total_.nodes > kMaxNodes || total_.text_bytes > kMaxTextBytes) {
      throw ParseError(position, absl::StrCat("more than ", kMaxNodes, " values or ", kMaxTextBytes,
                                              " bytes, aliases expanded"));
    }
  }

  void CheckTag(const YAML::Mark& mark, const std::string& tag) const {
    if (tag.empty() || tag == "?" || tag == "!" || absl::StartsWith(tag, "tag:yaml.org,2002:")) {
      return;
    }
    throw ParseError(At(mark), "tags other than YAML's own are not supported");
  }

  void Open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    CheckTag(mark, tag);
    if (frames_.size() >= kMaxDepth) {
      throw ParseError(At(mark), absl::StrCat("nested deeper than ", kMaxDepth));
    }
    Charge({1, 0}, At(mark));
    Frame frame;
    frame.node = NewNode(kind, mark);
    frame.anchor = anchor;
    frames_.push_back(std::move(frame));
  }

  void Close() {
    Frame frame = std::move(frames_.back());
    frames_.pop_back();
    // "<<" lies below the map's own keys, and the first of several above the others.
    for (Node& below : frame.merged) {
      MergeBelow(frame.node, std::move(below));
    }
    Add(std::move(frame.node), frame.anchor, /*is_plain=*/false);
  }

  // Adds the members of `below` whose keys `node` lacks.
  static void MergeBelow(Node& node, Node below) {
    absl::flat_hash_map<std::string, int> present;
    for (const NodeMember& member : node.members) present.emplace(member.key, 0);
    for (NodeMember& member : below.members) {
      if (!present.contains(member.key)) node.members.push_back(std::move(member));
    }
  }

  // `node` is complete: it becomes the root, a list's item, or a map's key or value.
  void Add(Node node, YAML::anchor_t anchor, bool is_plain) {
    if (anchor != YAML::NullAnchor) {
      const Weight weight = WeightOf(node);
      Charge(weight, node.position);
      anchors_[anchor] = {node, weight};
    }
    if (frames_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = frames_.back();
    if (frame.node.kind == Node::Kind::kList) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.has_key) {
      SetKey(frame, std::move(node), is_plain);
    } else {
      SetValue(frame, std::move(node));
    }
  }

  void SetKey(Frame& frame, Node node, bool is_plain) {
    if (node.kind != Node::Kind::kScalar) {
      throw ParseError(node.position, absl::StrCat("expected a key, found ", KindName(node.kind)));
    }
    frame.has_key = true;
    frame.key_is_merge = is_plain && node.scalar == "<<";
    if (!frame.key_is_merge) {
      const auto [it, is_new] = frame.lines_of_keys.emplace(node.scalar, node.position.line);
      if (!is_new) {
        throw ParseError(node.position, absl::StrCat("key \"", node.scalar,
                                                     "\" is already set on line ", it->second));
      }
    }
    frame.key = std::move(node.scalar);
    frame.key_position = node.position;
  }

  void SetValue(Frame& frame, Node node) {
    frame.has_key = false;
    if (!frame.key_is_merge) {
      frame.node.members.push_back(
          {std::move(frame.key), std::move(frame.key_position), std::move(node)});
      return;
    }
    if (node.kind == Node::Kind::kMap) {
      frame.merged.push_back(std::move(node));
      return;
    }
    if (node.kind != Node::Kind::kList) throw ParseError(node.position, kOnlyMapsMerge);
    for (Node& map : node.items) {
      if (map.kind != Node::Kind::kMap) throw ParseError(map.position, kOnlyMapsMerge);
      frame.merged.push_back(std::move(map));
    }
  }

  std::shared_ptr<const std::string> file_;
  std::vector<Frame> frames_;
  absl::flat_hash_map<YAML::anchor_t, Anchored> anchors_;
  Weight total_;
  Node root_;
};

absl::Status Failure(const Position& position, absl::string_view message) {
  return absl::FailedPreconditionError(absl::StrCat(position.ToString(), ": ", message));
}

// May throw ParseError and what yaml-cpp throws.
absl::StatusOr<Node> ParseOrThrow(absl::string_view text,
                                  const std::shared_ptr<const std::string>& file) {
  std::istringstream stream((std::string(text)));
  YAML::Parser parser(stream);
  TreeBuilder builder(file);
  Node root;
  if (parser.HandleNextDocument(builder)) {
    root = builder.TakeRoot();
    TreeBuilder second(file);
    if (parser.HandleNextDocument(second)) {
      const Node other = second.TakeRoot();
      return Failure(other.position, "a second document; a configuration file holds one");
    }
  }
  if (root.kind == Node::Kind::kNull) {
    root.kind = Node::Kind::kMap;
    root.position = Position{file, 1, 1};
  }
  if (root.kind != Node::Kind::kMap) {
    return Failure(root.position, absl::StrCat("expected a map, found ", KindName(root.kind)));
  }
  return root;
}

}  // namespace

absl::StatusOr<Node> ParseYaml(absl::string_view text, absl::string_view file_name) {
  const auto file = std::make_shared<const std::string>(file_name);
  if (text.size() > kMaxFileBytes) {
    return Failure(Position{file}, absl::StrCat("larger than ", kMaxFileBytes, " bytes"));
  }
  try {
    return ParseOrThrow(text, file);
  } catch (const ParseError& error) {
    return absl::FailedPreconditionError(error.what());
  } catch (const YAML::Exception& error) {
    return Failure(Position{file, error.mark.line + 1, error.mark.column + 1}, error.msg);
  } catch (const std::exception& error) {
    return Failure(Position{file}, error.what());
  }
}

}  // namespace kraken::config
