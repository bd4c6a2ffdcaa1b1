#ifndef HARBOR_BRIDGE_WORK_ENQUEUE_ALL_H_
#define HARBOR_BRIDGE_WORK_ENQUEUE_ALL_H_

#include <vector>

#include "kraken/storage/job_queue.h"

namespace harbor_bridge {

// Enqueues all of `jobs`; `done` is called once, when each is durable or has failed, with the first
// failure. Where and when: as JobQueue::Enqueue; in this call if there are none.
void EnqueueAll(kraken::storage::JobQueue& queue, std::vector<kraken::storage::NewJob> jobs,
                kraken::storage::JobQueue::Done done);

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_ENQUEUE_ALL_H_
