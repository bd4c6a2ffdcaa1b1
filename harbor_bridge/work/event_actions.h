#ifndef HARBOR_BRIDGE_WORK_EVENT_ACTIONS_H_
#define HARBOR_BRIDGE_WORK_EVENT_ACTIONS_H_

#include <string>
#include <vector>

#include "harbor_bridge/event/image_event.h"
#include "harbor_bridge/work/image_work.h"

namespace harbor_bridge {

// What an event asks for. Neither: nothing.
struct EventActions {
  std::vector<ImageWork> work;
  // Not empty: the event does not say enough; the whole Harbor must be compared, and why.
  std::string reconcile;
};

//   push, mount, scan, replication   look at each image, which should be there: by tag if it has
//                                    one, else by digest
//   delete                           look at tag and digest, or at the repository
//   retention                        look at the repository
//   pull, quota                      nothing
EventActions ActionsFor(const std::string& harbor, const ImageEvent& event);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_EVENT_ACTIONS_H_
