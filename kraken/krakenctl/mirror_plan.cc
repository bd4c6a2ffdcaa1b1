#include "kraken/krakenctl/mirror_plan.h"

#include <cstddef>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace kraken::krakenctl {

absl::Status AtPath(const absl::Status& status, absl::string_view path) {
  absl::string_view message = status.message();
  if (status.ok()) return status;
  if (!absl::ConsumePrefix(&message, "line ")) {
    return absl::Status(status.code(), absl::StrCat(path, ": ", message));
  }
  return absl::Status(status.code(), absl::StrCat(path, ":", message));
}

void AddChange(MirrorPlan& plan, FileChange change) {
  if (change.before == change.after) {
    plan.unchanged.push_back(std::move(change.path));
  } else {
    plan.changes.push_back(std::move(change));
  }
}

}  // namespace kraken::krakenctl
