// The main() of a fuzz test under `bazel test`: feeds LLVMFuzzerTestOneInput with the empty input,
// with each corpus file named on the command line, and with mutations of each. Deterministic;
// to hunt for longer, or elsewhere, set in the environment
//   FUZZ_RUNS  mutations of each corpus file (default kDefaultRuns)
//   FUZZ_SEED  another sequence of mutations (default 1)
// If an input crashes the program, or holds it for kMaxSecondsPerInput, that input is written to
// $TEST_UNDECLARED_OUTPUTS_DIR (or the working directory) as "crash-input", ready to be put into
// the corpus.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "kraken/base/fuzz_mutator.h"
#include "kraken/base/random.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

// Defined by libasan and its like, null without them: they end the process without a signal.
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

namespace {

constexpr uint64_t kDefaultRuns = 2000;
constexpr uint64_t kDefaultSeed = 1;
constexpr unsigned kMaxSecondsPerInput = 20;

// What the crash handler, which may not allocate, reads.
std::string crash_path;
const uint8_t* current_data = nullptr;
size_t current_size = 0;

void SaveCurrentInput() {
  const int fd = ::open(crash_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) return;
  size_t written = 0;
  while (written < current_size) {
    const ssize_t n = ::write(fd, current_data + written, current_size - written);
    if (n <= 0) break;
    written += static_cast<size_t>(n);
  }
  ::close(fd);
  constexpr char kMessage[] = "fuzz: the input that failed is in ";
  (void)!::write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
  (void)!::write(STDERR_FILENO, crash_path.data(), crash_path.size());
  (void)!::write(STDERR_FILENO, "\n", 1);
}

void HandleSignal(int signal_number) {
  if (signal_number == SIGALRM) {
    constexpr char kMessage[] = "fuzz: one input takes too long\n";
    (void)!::write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
  }
  SaveCurrentInput();
  ::signal(signal_number, SIG_DFL);
  ::raise(signal_number);
}

void InstallCrashHandlers() {
  const char* folder = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  crash_path = std::string(folder == nullptr ? "." : folder) + "/crash-input";
  ::signal(SIGABRT, HandleSignal);
  ::signal(SIGALRM, HandleSignal);
  if (__sanitizer_set_death_callback != nullptr) {
    __sanitizer_set_death_callback(SaveCurrentInput);
    return;  // The sanitizer reports the signals below better than we could.
  }
  for (const int signal_number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    ::signal(signal_number, HandleSignal);
  }
}

// Runs one input from a heap block of its very size, so that ASan sees each byte read beyond it.
void RunOne(const std::string& input) {
  const std::unique_ptr<uint8_t[]> copy(new uint8_t[input.size()]);
  std::copy(input.begin(), input.end(), copy.get());
  current_data = copy.get();
  current_size = input.size();
  ::alarm(kMaxSecondsPerInput);
  LLVMFuzzerTestOneInput(copy.get(), input.size());
  ::alarm(0);
  current_size = 0;
}

uint64_t NumberFromEnvironment(const char* name, uint64_t default_value) {
  const char* text = std::getenv(name);
  return text == nullptr ? default_value : std::strtoull(text, nullptr, 10);
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> corpus;
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "fuzz: cannot read %s\n", argv[i]);
      return 1;
    }
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  if (corpus.empty()) {
    std::fprintf(stderr, "fuzz: no corpus\n");
    return 1;
  }
  InstallCrashHandlers();
  const uint64_t runs = NumberFromEnvironment("FUZZ_RUNS", kDefaultRuns);
  const uint64_t seed = NumberFromEnvironment("FUZZ_SEED", kDefaultSeed);
  kraken::SeededBitGen bits(seed);
  kraken::FuzzMutator mutator(&corpus, &bits);
  RunOne("");
  for (const std::string& input : corpus) RunOne(input);
  for (const std::string& input : corpus) {
    for (uint64_t i = 0; i < runs; ++i) RunOne(mutator.Mutate(input));
  }
  std::printf("fuzz: %zu corpus files, %llu mutations of each, seed %llu\n", corpus.size(),
              static_cast<unsigned long long>(runs), static_cast<unsigned long long>(seed));
  return 0;
}
