#include "harbor_bridge/lease/lease_view.h"

#include "absl/strings/str_cat.h"

namespace harbor_bridge {

std::string LeaseView::Describe() const {
  std::string text;
  if (held) {
    text = absl::StrCat("this bridge holds the lease \"", name, "\" under epoch ", epoch);
  } else if (holder.empty()) {
    text = absl::StrCat("standby: nobody is known to hold the lease \"", name, "\"");
  } else {
    text = absl::StrCat("standby: ", holder, " holds the lease \"", name, "\" under epoch ", epoch);
  }
  if (!problem.empty()) absl::StrAppend(&text, "; ", problem);
  return text;
}

}  // namespace harbor_bridge
