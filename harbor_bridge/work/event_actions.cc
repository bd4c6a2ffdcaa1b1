#include "harbor_bridge/work/event_actions.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace harbor_bridge {
namespace {

EventActions LookAtRepository(const std::string& harbor, const kraken::RepositoryName& repository) {
  EventActions actions;
  actions.work.push_back(
      {.harbor = harbor, .repository = repository, .reference = {}, .expected = false});
  return actions;
}

EventActions LookAtImages(const std::string& harbor, const ImageEvent& event, bool expected) {
  EventActions actions;
  const auto look = [&](kraken::Reference reference) {
    actions.work.push_back({.harbor = harbor,
                            .repository = *event.repository,
                            .reference = std::move(reference),
                            .expected = expected});
  };
  for (const EventImage& image : event.images) {
    if (image.tag.has_value()) {
      look(*image.tag);
      if (expected) actions.work.back().told = image.digest;
    }
    // What is there by its tag is there by its digest. What is gone by its tag may be there.
    if (image.digest.has_value() && (!image.tag.has_value() || !expected)) look(*image.digest);
  }
  return actions;
}

}  // namespace

EventActions ActionsFor(const std::string& harbor, const ImageEvent& event) {
  EventActions actions;
  switch (event.kind) {
    case ImageEvent::Kind::kPull:
    case ImageEvent::Kind::kQuota:
      return actions;
    case ImageEvent::Kind::kRetention:
      if (event.repository.has_value()) return LookAtRepository(harbor, *event.repository);
      break;
    case ImageEvent::Kind::kDelete:
      if (!event.repository.has_value()) break;
      if (event.images.empty()) return LookAtRepository(harbor, *event.repository);
      return LookAtImages(harbor, event, /*expected=*/false);
    case ImageEvent::Kind::kPush:
    case ImageEvent::Kind::kMount:
    case ImageEvent::Kind::kScan:
    case ImageEvent::Kind::kReplication:
      if (!event.repository.has_value() || event.images.empty()) break;
      return LookAtImages(harbor, event, /*expected=*/true);
  }
  actions.reconcile = absl::StrCat(
      "an event \"", NameOf(event.kind), "\" ",
      event.repository.has_value() ? absl::StrCat("of ", event.repository->ToString(), " ") : "",
      "does not say of which images");
  return actions;
}

}  // namespace harbor_bridge
