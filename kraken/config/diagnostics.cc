#include "kraken/config/diagnostics.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"

namespace kraken::config {
namespace {

constexpr size_t kMaxKeptErrors = 500;

std::string Line(const Position& position, absl::string_view message) {
  const std::string where = position.ToString();
  return where.empty() ? std::string(message) : absl::StrCat(where, ": ", message);
}

}  // namespace

void Diagnostics::AddError(const Position& position, absl::string_view message) {
  ++error_count_;
  if (errors_.size() < kMaxKeptErrors) {
    errors_.push_back({FileRank(position), position, std::string(message)});
  }
}

void Diagnostics::AddWarning(const Position& position, absl::string_view once_key,
                             absl::string_view message) {
  if (warnings_.size() >= kMaxWarnings || !warned_.emplace(once_key).second) return;
  warnings_.push_back(Line(position, message));
}

absl::Status Diagnostics::ToStatus() const {
  if (error_count_ == 0) return absl::OkStatus();
  std::vector<const Error*> sorted;
  sorted.reserve(errors_.size());
  for (const Error& error : errors_) sorted.push_back(&error);
  std::stable_sort(sorted.begin(), sorted.end(), [](const Error* a, const Error* b) {
    return std::tie(a->file_rank, a->position.line, a->position.column) <
           std::tie(b->file_rank, b->position.line, b->position.column);
  });
  const size_t shown = std::min(sorted.size(), kMaxShownErrors);
  std::string text;
  for (size_t i = 0; i < shown; ++i) {
    absl::StrAppend(&text, i == 0 ? "" : "\n", Line(sorted[i]->position, sorted[i]->message));
  }
  if (error_count_ > shown) absl::StrAppend(&text, "\nand ", error_count_ - shown, " more errors");
  return absl::FailedPreconditionError(text);
}

size_t Diagnostics::FileRank(const Position& position) {
  absl::string_view file;
  if (position.file != nullptr) file = *position.file;
  const auto it = std::find(files_.begin(), files_.end(), file);
  if (it != files_.end()) return static_cast<size_t>(it - files_.begin());
  files_.emplace_back(file);
  return files_.size() - 1;
}

}  // namespace kraken::config
