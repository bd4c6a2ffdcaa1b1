#ifndef HARBOR_BRIDGE_STATUS_HEADLESS_BROWSER_H_
#define HARBOR_BRIDGE_STATUS_HEADLESS_BROWSER_H_

#include <sys/types.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "kraken/base/unique_fd.h"

namespace harbor_bridge {

// For tests: a Chromium without a window, with one tab, driven by the DevTools protocol over two
// pipes. Everything waits for the browser; a browser that says nothing for 30 s fails the call.
class HeadlessBrowser {
 public:
  // Debian's Chromium, if it is installed; else "".
  static std::string FindProgram();

  static absl::StatusOr<std::unique_ptr<HeadlessBrowser>> Start(const std::string& program);
  // Kills it, and removes its files.
  ~HeadlessBrowser();
  HeadlessBrowser(const HeadlessBrowser&) = delete;
  HeadlessBrowser& operator=(const HeadlessBrowser&) = delete;

  absl::Status Open(const std::string& url);
  // The value of an expression in the page; INVALID_ARGUMENT if it throws.
  absl::StatusOr<nlohmann::json> Evaluate(const std::string& expression);
  // Until an expression is true. DEADLINE_EXCEEDED after 30 s, with the page's text.
  absl::Status WaitUntil(const std::string& expression);
  // "light" or "dark".
  absl::Status PreferColors(const std::string& scheme);
  // PNG of what a window of this size shows.
  absl::StatusOr<std::string> Screenshot(int width, int height);

  // What the page wrote into the console as a warning or error, and what its policy has refused.
  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  HeadlessBrowser(pid_t pid, std::string dir, kraken::UniqueFd to, kraken::UniqueFd from);

  absl::Status Attach();
  absl::StatusOr<nlohmann::json> Call(absl::string_view method, nlohmann::json params);
  absl::StatusOr<nlohmann::json> ReadMessage();
  void NoteComplaint(const nlohmann::json& event);

  const pid_t pid_;
  const std::string dir_;
  const kraken::UniqueFd to_;
  const kraken::UniqueFd from_;
  std::string session_;
  std::string buffer_;
  int64_t next_id_ = 1;
  std::vector<std::string> complaints_;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_STATUS_HEADLESS_BROWSER_H_
