#ifndef KRAKEN_BASE_FILES_RELOADABLE_H_
#define KRAKEN_BASE_FILES_RELOADABLE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"

namespace kraken {

// What was read from files, certificates and keys above all, and can be read again while it is in
// use. Thread-safe.
class Reloadable {
 public:
  virtual ~Reloadable() = default;
  virtual std::vector<std::string> files() const = 0;
  // Reads the files again. On an error, which names the file, what was read before stays in use.
  virtual absl::Status Reload() = 0;
};

struct ReloadReport {
  // Those whose bytes are not what they were when they were last looked at.
  absl::btree_set<std::string> changed_files;
  // Why something could not be read again. It is tried again with the next ReloadChanged().
  absl::btree_set<std::string> errors;
};

// Everything in a process that is read again when its files change. How they change makes no
// difference, as their bytes are compared: written over, renamed into place, or behind a symbolic
// link that now leads elsewhere. Thread-safe.
class ReloadRegistry {
 public:
  // The one of this process.
  static ReloadRegistry& OfProcess();

  // Calls item.Reload() for the first time, and again whenever its files have changed, for as long
  // as somebody else holds it. An error is the first Reload()'s, and the item is not kept.
  absl::Status Load(const std::shared_ptr<Reloadable>& item);

  // Blocks while files are read, each once.
  ReloadReport ReloadChanged();

 private:
  // The SHA-256 of a file's bytes, or why there are none.
  using Fingerprints = absl::btree_map<std::string, std::string>;
  struct Entry {
    std::weak_ptr<Reloadable> item;
    Fingerprints loaded;  // before the last Reload() that went well
  };

  static void Look(const std::vector<std::string>& files, Fingerprints& now);

  absl::Mutex mu_;
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mu_);
  Fingerprints last_seen_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kraken

#endif  // KRAKEN_BASE_FILES_RELOADABLE_H_
