#ifndef KRAKEN_CONFIG_POSITION_H_
#define KRAKEN_CONFIG_POSITION_H_

#include <memory>
#include <string>

namespace kraken::config {

// Where in a configuration file something stands. Cheap to copy.
struct Position {
  std::shared_ptr<const std::string> file;  // As the user named it; null: nowhere.
  int line = 0;                             // From 1; 0: the file as a whole.
  int column = 0;                           // From 1.

  // "origin.yaml:12:3", "origin.yaml" or "".
  std::string ToString() const;
};

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_POSITION_H_
