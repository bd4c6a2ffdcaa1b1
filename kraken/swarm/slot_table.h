#ifndef KRAKEN_SWARM_SLOT_TABLE_H_
#define KRAKEN_SWARM_SLOT_TABLE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "kraken/base/prefetch.h"

namespace kraken::swarm {

// Owns values under ids that are never used twice (SlotId). Values stay where they are. Lookup is
// an index and a comparison. Not thread safe.
template <typename T, typename Id>
class SlotTable {
 public:
  // Builds a value from `args`; returns its id.
  template <typename... Args>
  Id Emplace(Args&&... args) {
    uint32_t slot;
    if (free_.empty()) {
      slot = static_cast<uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    slots_[slot].value = std::make_unique<T>(std::forward<Args>(args)...);
    ++size_;
    return Id(slot, slots_[slot].generation);
  }

  // Null if the id is of nothing that lives.
  T* Find(Id id) const {
    if (id.slot() >= slots_.size()) return nullptr;
    const Slot& slot = slots_[id.slot()];
    return slot.generation == id.generation() ? slot.value.get() : nullptr;
  }

  // Fetches what Find reads of the table.
  void Prefetch(Id id) const { kraken::Prefetch(slots_.data() + id.slot()); }

  void Erase(Id id) {
    if (Find(id) == nullptr) return;
    Slot& slot = slots_[id.slot()];
    slot.value.reset();
    ++slot.generation;
    free_.push_back(id.slot());
    --size_;
  }

  size_t size() const { return size_; }

  // Whether f(const T&) is true for a value.
  template <typename F>
  bool Any(F&& f) const {
    return std::any_of(slots_.begin(), slots_.end(), [&f](const Slot& slot) {
      return slot.value != nullptr && f(static_cast<const T&>(*slot.value));
    });
  }

  // Calls f(T&) for each value, in slot order. f may erase the value it is given.
  template <typename F>
  void ForEach(F&& f) const {
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i].value != nullptr) f(*slots_[i].value);
    }
  }

 private:
  struct Slot {
    std::unique_ptr<T> value;
    uint32_t generation = 1;
  };

  std::vector<Slot> slots_;
  std::vector<uint32_t> free_;
  size_t size_ = 0;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_SLOT_TABLE_H_
