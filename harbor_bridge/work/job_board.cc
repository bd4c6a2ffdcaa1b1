#include "harbor_bridge/work/job_board.h"

#include <utility>

#include "absl/time/clock.h"

namespace harbor_bridge {

JobBoard::Entry::Entry(JobBoard* board, std::string key, std::string harbor)
    : board_(board), key_(std::move(key)) {
  absl::MutexLock lock(&board_->mu_);
  JobView& view = board_->running_[key_];
  view = JobView();
  view.key = key_;
  view.harbor = std::move(harbor);
  view.begun = absl::Now();
}

JobBoard::Entry::~Entry() {
  absl::MutexLock lock(&board_->mu_);
  auto it = board_->running_.find(key_);
  if (it == board_->running_.end()) return;
  JobView view = std::move(it->second);
  board_->running_.erase(it);
  view.ended = absl::Now();
  view.ok = ok_;
  view.result = std::move(result_);
  board_->recent_.push_front(std::move(view));
  if (board_->recent_.size() > kMaxRecent) board_->recent_.pop_back();
}

void JobBoard::Entry::SetStep(absl::string_view step) {
  absl::MutexLock lock(&board_->mu_);
  board_->running_[key_].progress.step = std::string(step);
}

void JobBoard::Entry::SetTotals(int64_t blobs, int64_t bytes) {
  absl::MutexLock lock(&board_->mu_);
  JobProgress& progress = board_->running_[key_].progress;
  progress.blobs_total = blobs;
  progress.bytes_total = bytes;
}

void JobBoard::Entry::SetDone(int64_t blobs, int64_t bytes) {
  absl::MutexLock lock(&board_->mu_);
  JobProgress& progress = board_->running_[key_].progress;
  progress.blobs_done = blobs;
  progress.bytes_done = bytes;
}

void JobBoard::Entry::SetAgents(int64_t done, int64_t asked) {
  absl::MutexLock lock(&board_->mu_);
  JobProgress& progress = board_->running_[key_].progress;
  progress.agents_done = done;
  progress.agents_asked = asked;
}

void JobBoard::Entry::End(bool ok, std::string result) {
  ok_ = ok;
  result_ = std::move(result);
}

std::vector<JobView> JobBoard::Running() const {
  absl::MutexLock lock(&mu_);
  std::vector<JobView> views;
  views.reserve(running_.size());
  for (const auto& [key, view] : running_) views.push_back(view);
  return views;
}

std::optional<JobProgress> JobBoard::ProgressOf(const std::string& key) const {
  absl::MutexLock lock(&mu_);
  auto it = running_.find(key);
  if (it == running_.end()) return std::nullopt;
  return it->second.progress;
}

std::vector<JobView> JobBoard::Recent() const {
  absl::MutexLock lock(&mu_);
  return std::vector<JobView>(recent_.begin(), recent_.end());
}

}  // namespace harbor_bridge
