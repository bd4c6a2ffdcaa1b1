#ifndef KRAKEN_STORAGE_CRASH_POWER_LOSS_OUTCOMES_H_
#define KRAKEN_STORAGE_CRASH_POWER_LOSS_OUTCOMES_H_

#include <map>
#include <string>
#include <vector>

#include "kraken/storage/crash/power_loss_file_system.h"

namespace kraken::storage {

// What the disk holds of a file that was not synced.
enum class FileRemains {
  kOld,         // as at its last fsync
  kNew,         // all that was written
  kSizeOnly,    // the new size; zeros in place of what was written
  kFirstHalf,   // the new bytes in the first half of its 4 KiB blocks, the old ones in the rest
  kSecondHalf,  // the other way round
  kSectors,     // every other sector of 512 bytes is new
};

// One way in which a loss of power may end.
struct PowerLossOutcome {
  std::string name;
  std::vector<bool> changes;  // which of the state's changes are on the disk
  FileRemains files = FileRemains::kOld;
  std::map<NodeId, FileRemains> exceptions;  // files for which `files` does not hold
};

// The outcomes tried for a state. Of the changes of directories: none and all of them, each alone,
// each alone missing, the first ones up to each; with the bytes of all files or none of them. Of
// files that are not synced: only sizes, only bytes, each alone, each alone missing, and each torn
// in several ways. `few`: only nothing, everything, only metadata, only names and only
// data.
std::vector<PowerLossOutcome> PowerLossOutcomes(const DiskState& state, bool few);

// The tree that is left: path below the root → content; directories have none and end in a slash.
std::map<std::string, FileContent> TreeAfter(const DiskState& state,
                                             const PowerLossOutcome& outcome);

// Two trees with the same fingerprint are alike, names within the trash apart.
std::string FingerprintOf(const std::map<std::string, FileContent>& tree);

// Makes the tree below `directory`, which exists.
void WriteTree(const std::map<std::string, FileContent>& tree, const std::string& directory);

}  // namespace kraken::storage

#endif  // KRAKEN_STORAGE_CRASH_POWER_LOSS_OUTCOMES_H_
