// Bodies as registries and Harbor send them, and what the bridge makes of each: event/testdata/
// golden/*.json, and beside each the events and the work in it, as text.
//
//   GOLDEN_UPDATE=<folder> bazel-bin/harbor_bridge/work/golden_test
//
// writes the texts anew, to be read before they are committed.
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "gtest/gtest.h"
#include "harbor_bridge/event/harbor_webhook.h"
#include "harbor_bridge/event/registry_notification.h"
#include "harbor_bridge/work/event_actions.h"
#include "kraken/base/files/read_whole_file.h"
#include "kraken/base/test_util.h"
#include "kraken/storage/file_system.h"

namespace harbor_bridge {
namespace {

constexpr char kFolder[] = "harbor_bridge/event/testdata/golden";

constexpr int64_t kMaxFileBytes = 1 << 20;

std::string ReadFile(const std::string& name) {
  absl::StatusOr<std::string> text =
      kraken::ReadWholeFile(absl::StrCat(kFolder, "/", name), kMaxFileBytes);
  EXPECT_OK(text);
  return text.value_or("");
}

std::string Describe(const ImageEvent& event) {
  std::string text = absl::StrCat(
      "event ", NameOf(event.kind), " ",
      event.repository.has_value() ? event.repository->ToString() : "of an unknown repository");
  for (const EventImage& image : event.images) {
    absl::StrAppend(&text, " [", image.tag.has_value() ? image.tag->ToString() : "",
                    image.digest.has_value() ? absl::StrCat("@", image.digest->ToString()) : "",
                    "]");
  }
  return absl::StrCat(text, "\n");
}

std::string Describe(const EventActions& actions) {
  std::string text;
  for (const ImageWork& work : actions.work) {
    absl::StrAppend(&text, "  look ", work.Key(), work.expected ? ", expected" : "", "\n");
  }
  if (!actions.reconcile.empty()) absl::StrAppend(&text, "  compare: ", actions.reconcile, "\n");
  return text;
}

std::string Describe(const absl::StatusOr<ParsedEvents>& parsed) {
  if (!parsed.ok()) return absl::StrCat("refused: ", parsed.status().message(), "\n");
  std::string text;
  for (const ImageEvent& event : parsed->events) {
    absl::StrAppend(&text, Describe(event), Describe(ActionsFor("hub", event)));
  }
  if (parsed->ignored > 0) absl::StrAppend(&text, "ignored ", parsed->ignored, "\n");
  for (const std::string& reason : parsed->unreadable) {
    absl::StrAppend(&text, "unreadable: ", reason, "\n");
  }
  return text;
}

std::string Translate(const std::string& name) {
  const std::string body = ReadFile(absl::StrCat(name, ".json"));
  return Describe(absl::StartsWith(name, "webhook_") ? ParseHarborWebhook(body)
                                                     : ParseRegistryNotification(body));
}

TEST(GoldenTest, EachBodyBecomesWhatIsWrittenBesideIt) {
  const char* const update = std::getenv("GOLDEN_UPDATE");
  std::set<std::string> bodies;
  ASSERT_OK(kraken::storage::PosixFileSystem().List(kFolder, [&](absl::string_view name) {
    if (absl::ConsumeSuffix(&name, ".json")) bodies.insert(std::string(name));
    return true;
  }));
  ASSERT_GE(bodies.size(), 40u);
  for (const std::string& body : bodies) {
    const std::string text = Translate(body);
    if (update != nullptr) {
      std::ofstream(absl::StrCat(update, "/", body, ".txt")) << text;
      continue;
    }
    EXPECT_EQ(text, ReadFile(absl::StrCat(body, ".txt"))) << body;
  }
}

}  // namespace
}  // namespace harbor_bridge
