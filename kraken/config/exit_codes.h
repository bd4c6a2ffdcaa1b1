// What a process of ours says with its exit code, so that scripts and operators can tell start-up
// errors apart. 2 is also what Go's flag package exits with.
#ifndef KRAKEN_CONFIG_EXIT_CODES_H_
#define KRAKEN_CONFIG_EXIT_CODES_H_

namespace kraken::config {

enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,    // Any start-up error that has no code of its own.
  kExitUsage = 2,      // Bad command line.
  kExitBadConfig = 3,  // The configuration can't be read or does not hold together.
  kExitPortTaken = 4,  // A listening address is in use or may not be used.
  kExitDirectoryNotWritable =
      5,               // A directory is missing and can't be made, or can't be written to.
  kExitNoBackend = 6,  // A backend that must be ready is not, or none is configured.
};

}  // namespace kraken::config

#endif  // KRAKEN_CONFIG_EXIT_CODES_H_
