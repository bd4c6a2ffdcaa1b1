#include "kraken/storage/partial_listeners.h"

#include <algorithm>
#include <utility>

namespace kraken::storage {

int64_t PartialListeners::Add(PartialBlob::Listener listener) {
  absl::MutexLock lock(&mu_);
  const int64_t id = next_id_++;
  slots_.push_back(std::make_shared<Slot>(id, std::move(listener)));
  return id;
}

void PartialListeners::Remove(int64_t id) {
  std::shared_ptr<Slot> slot;
  {
    absl::MutexLock lock(&mu_);
    auto it = std::find_if(slots_.begin(), slots_.end(),
                           [id](const std::shared_ptr<Slot>& each) { return each->id == id; });
    if (it == slots_.end()) return;
    slot = std::move(*it);
    slots_.erase(it);
  }
  slot->removed = true;
  if (slot->runner.load() == std::this_thread::get_id()) return;
  // Waits for a call under way.
  absl::MutexLock lock(&slot->mu);
  slot->listener = nullptr;
}

void PartialListeners::Notify(const PartialBlobEvent& event) {
  std::vector<std::shared_ptr<Slot>> slots;
  {
    absl::MutexLock lock(&mu_);
    slots = slots_;
  }
  for (const std::shared_ptr<Slot>& slot : slots) {
    absl::MutexLock lock(&slot->mu);
    if (slot->removed) continue;
    slot->runner = std::this_thread::get_id();
    slot->listener(event);
    slot->runner = std::thread::id();
  }
}

}  // namespace kraken::storage
