#ifndef KRAKEN_BASE_UNIQUE_FD_H_
#define KRAKEN_BASE_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace kraken {

// Owns a file descriptor and closes it. Errors of close(2) are lost: who must know them (after
// writing) calls fsync(2) first.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    Reset(other.Release());
    return *this;
  }
  ~UniqueFd() { Reset(); }

  // -1 if there is none.
  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  explicit operator bool() const { return valid(); }

  // Gives up ownership.
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }

  // Closes what is held and holds `fd`.
  void Reset(int fd = -1) {
    const int old = std::exchange(fd_, fd);
    if (old >= 0) ::close(old);
  }

 private:
  int fd_ = -1;
};

}  // namespace kraken

#endif  // KRAKEN_BASE_UNIQUE_FD_H_
