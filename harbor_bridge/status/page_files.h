#ifndef HARBOR_BRIDGE_STATUS_PAGE_FILES_H_
#define HARBOR_BRIDGE_STATUS_PAGE_FILES_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace harbor_bridge {

struct EmbeddedFile {
  absl::string_view name;
  absl::string_view content;
};

// The files of the folder page/.
absl::Span<const EmbeddedFile> PageFiles();

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_STATUS_PAGE_FILES_H_
