#ifndef HARBOR_BRIDGE_SETUP_REPORT_H_
#define HARBOR_BRIDGE_SETUP_REPORT_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace harbor_bridge {

// What a set-up command has to say, line by line, and whether anything failed.
class Report {
 public:
  using Write = std::function<void(absl::string_view)>;

  explicit Report(Write write) : write_(std::move(write)) {}

  // What the lines that follow are about.
  void Title(absl::string_view text) { Line("", text); }
  void Ok(absl::string_view text) { Line("ok    ", text); }
  void Done(absl::string_view text) { Line("done  ", text); }
  // Of a dry run.
  void Would(absl::string_view text) { Line("would ", text); }
  // Worth knowing; the rest goes on.
  void Warn(absl::string_view text) { Line("warn  ", text); }
  void Skip(absl::string_view text) { Line("skip  ", text); }
  void Fail(absl::string_view text) {
    failed_ = true;
    Line("FAIL  ", text);
  }
  // `what`: the error.
  void Fail(absl::string_view what, const absl::Status& status) {
    Fail(absl::StrCat(what, ": ", status.message()));
  }

  bool failed() const { return failed_; }

 private:
  void Line(absl::string_view mark, absl::string_view text) {
    write_(absl::StrCat(mark, text, "\n"));
  }

  const Write write_;
  bool failed_ = false;
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_SETUP_REPORT_H_
