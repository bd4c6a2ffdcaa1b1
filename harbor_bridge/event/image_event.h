#ifndef HARBOR_BRIDGE_EVENT_IMAGE_EVENT_H_
#define HARBOR_BRIDGE_EVENT_IMAGE_EVENT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "kraken/base/digest.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/tag.h"

namespace harbor_bridge {

// An image of an event's repository. One of the two is there: from Harbor 2.15 on a push names no
// tag, and a registry of version 2 tells of a deleted tag without its digest.
struct EventImage {
  std::optional<kraken::Tag> tag;
  std::optional<kraken::Digest> digest;

  friend bool operator==(const EventImage&, const EventImage&) = default;
};

// What happened to images of one repository, whoever told it and in whatever form. Events come
// late, twice and out of order: one only says *look*, and what is true is asked of Harbor.
struct ImageEvent {
  enum class Kind {
    kPush,
    kMount,
    kPull,
    kDelete,
    kScan,         // a scan has ended: what a policy held back may be let out now, or the reverse
    kReplication,  // images came from another registry, or went to one
    kRetention,    // rules have deleted images, of which Harbor names one at most
    kQuota,        // pushes are refused, or soon will be
  };

  Kind kind = Kind::kPush;
  // Nothing: the event does not say, and concerns its whole Harbor.
  std::optional<kraken::RepositoryName> repository;
  // Empty: the event concerns the whole repository.
  std::vector<EventImage> images;
};

// "push", "delete", …
absl::string_view NameOf(ImageEvent::Kind kind);

// The most events, and images of one event, that are taken from one body.
inline constexpr size_t kMaxEventsPerBody = 10'000;
// Events nest six deep; annotations and custom attributes may nest further.
inline constexpr int kMaxEventDepth = 16;

// What a body holds.
struct ParsedEvents {
  std::vector<ImageEvent> events;
  // Entries that concern no image: a blob's own event, a chart's, a kind that later versions add.
  size_t ignored = 0;
  // Why entries can't be read, each. They do not cost the others.
  std::vector<std::string> unreadable;
  // The registry process that the events are from (`source.instanceID`); another one than before
  // has forgotten what its predecessor had not delivered. May be empty.
  std::string instance;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_EVENT_IMAGE_EVENT_H_
