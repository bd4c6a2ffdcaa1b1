#ifndef HARBOR_BRIDGE_LEASE_LEASE_VIEW_H_
#define HARBOR_BRIDGE_LEASE_LEASE_VIEW_H_

#include <cstdint>
#include <string>

namespace harbor_bridge {

// How it is with the lease, for people.
struct LeaseView {
  std::string name;
  bool held = false;
  // Of this bridge's term, or the highest that it was told of; 0: it was told of none.
  uint64_t epoch = 0;
  // Who has it, as far as is known; this bridge, if it holds it.
  std::string holder;
  // Why Redis can't be asked; empty: it can.
  std::string problem;

  // In a sentence.
  std::string Describe() const;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_LEASE_LEASE_VIEW_H_
