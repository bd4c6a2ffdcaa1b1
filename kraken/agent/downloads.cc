#include "kraken/agent/downloads.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/agent/download.h"
#include "kraken/storage/partial_blob.h"
#include "kraken/telemetry/log.h"

namespace kraken::agent {
namespace {

// So many times in a row must the swarm have brought nothing before the backend is read: the
// origins are asked the first time, and get the same time once more.
constexpr int kStallsBeforeBackend = 2;

}  // namespace

absl::string_view NameOf(BlobSource source) {
  switch (source) {
    case BlobSource::kTracker:
      return "tracker";
    case BlobSource::kOrigin:
      return "origin";
    case BlobSource::kBackend:
      return "backend";
  }
  return "";
}

Downloads::Downloads(const Parts& parts, const DownloadConfig& config)
    : parts_(parts), config_(config), alive_(std::make_shared<Downloads*>(this)) {}

Downloads::~Downloads() {
  *alive_ = nullptr;
  for (auto& [digest, download] : downloads_) {
    for (const net::TimerId timer : download->timers) parts_.loop->CancelTimer(timer);
    download->backend_read.Cancel();
  }
}

// ---- Bookkeeping ----

Downloads::Download* Downloads::Find(const Digest& digest) {
  auto it = downloads_.find(digest);
  return it == downloads_.end() ? nullptr : it->second.get();
}

Downloads::Download& Downloads::Ensure(const Namespace& ns, const Digest& digest) {
  std::unique_ptr<Download>& download = downloads_[digest];
  if (download != nullptr) return *download;
  download = std::make_unique<Download>(next_download_++, digest, ns.ToString(), &random_);
  // Who wanted the blob before may have brought it since the caller looked.
  const absl::Status submitted = parts_.disk->Submit(
      [alive = alive_, handle = parts_.loop->handle(), store = parts_.store, digest] {
        const bool complete = store->Contains(digest);
        handle.Post([alive, digest, complete] {
          if (*alive != nullptr) (*alive)->OnStoreAnswer(digest, complete);
        });
      });
  if (!submitted.ok()) {
    parts_.loop->Defer([alive = alive_, digest, submitted] {
      if (*alive != nullptr) (*alive)->OnDone(digest, submitted);
    });
  }
  return *download;
}

void Downloads::Want(const Namespace& ns, const Digest& digest, Ready ready) {
  Download& download = Ensure(ns, digest);
  download.waiting.push_back(std::move(ready));
  if (download.readable()) {
    parts_.loop->Defer([alive = alive_, digest] {
      if (*alive == nullptr) return;
      if (Download* d = (*alive)->Find(digest)) (*alive)->Answer(*d, absl::OkStatus());
    });
  }
  if (std::exchange(download.urgent, true) || !download.started) return;
  ReadBackendIfDue(download);
}

void Downloads::WantAhead(const Namespace& ns, const Digest& digest) { Ensure(ns, digest); }

void Downloads::FetchAhead(const Namespace& ns, const Digest& digest, Ready done) {
  Ensure(ns, digest).waiting_for_end.push_back(std::move(done));
}

void Downloads::OnStoreAnswer(const Digest& digest, bool complete) {
  Download* download = Find(digest);
  if (download == nullptr || download->started) return;
  if (complete) return OnDone(digest, absl::OkStatus());
  download->started = true;
  download->begun = net::EventLoop::MonotonicNow();
  ++stats_.started;
  Schedule(*download, Download::kDeadline, config_.metainfo_timeout, &Downloads::OnDeadline);
  Schedule(*download, Download::kPatience, config_.tracker_timeout, &Downloads::GiveUpIfHopeless);
  Schedule(*download, Download::kAskOrigins, config_.ask_origins_after, &Downloads::OnSilence);
  Schedule(*download, Download::kReadBackend, config_.read_backend_after,
           &Downloads::ReadBackendIfDue);
  AskTrackers(*download);
  if (!parts_.trackers->status().ok()) AskOrigins(*download);
}

void Downloads::Schedule(Download& download, size_t timer, absl::Duration delay,
                         void (Downloads::*method)(Download&)) {
  parts_.loop->CancelTimer(download.timers[timer]);
  download.timers[timer] =
      parts_.loop->RunAfter(delay, [this, digest = download.digest, timer, method] {
        Download* found = Find(digest);
        if (found == nullptr) return;
        found->timers[timer] = net::TimerId::kNone;
        (this->*method)(*found);
      });
}

void Downloads::Answer(Download& download, const absl::Status& status) {
  std::vector<Ready> waiting = std::exchange(download.waiting, {});
  for (Ready& ready : waiting) ready(status);
}

void Downloads::OnDone(const Digest& digest, const absl::Status& status) {
  auto it = downloads_.find(digest);
  if (it == downloads_.end()) return;
  const std::unique_ptr<Download> download = std::move(it->second);
  downloads_.erase(it);
  for (const net::TimerId timer : download->timers) parts_.loop->CancelTimer(timer);
  parts_.trackers->StopWanting(digest);
  if (parts_.origins != nullptr) parts_.origins->StopWanting(digest);
  download->backend_read.Cancel();
  if (download->seeding_backend && !download->leeching && !status.ok()) {
    parts_.node->Drop(download->key, status);
  }
  if (download->started) ++(status.ok() ? stats_.completed : stats_.failed);
  if (!status.ok()) {
    telemetry::LogWarn("download failed", {{"digest", digest.ToString()},
                                           {"namespace", download->ns},
                                           {"reason", status.ToString()}});
  }
  Answer(*download, status);
  for (Ready& done : download->waiting_for_end) done(status);
}

void Downloads::Remove(const Digest& digest, const absl::Status& reason, Ready done) {
  OnDone(digest, reason);
  parts_.node->Delete(digest, reason, std::move(done));
}

DownloadStats Downloads::stats() const {
  DownloadStats stats = stats_;
  stats.active = downloads_.size();
  return stats;
}

// ---- Whom to ask ----

void Downloads::AskTrackers(Download& download) {
  parts_.trackers->WantMetainfo(download.digest, download.ns);
}

void Downloads::AskOrigins(Download& download) {
  if (parts_.origins == nullptr || download.origins_asked) return;
  download.origins_asked = true;
  ++stats_.asked[static_cast<size_t>(BlobSource::kOrigin)];
  const absl::Status trackers = parts_.trackers->status();
  telemetry::LogInfo("origins are asked for a blob",
                     {{"digest", download.digest.ToString()},
                      {"namespace", download.ns},
                      {"reason", download.leeching ? "peers bring nothing"
                                 : trackers.ok()   ? "no news from a tracker"
                                                   : trackers.ToString()}});
  AskOriginsAgain(download);
}

void Downloads::AskOriginsAgain(Download& download) {
  parts_.origins->Want(download.digest, download.ns);
}

void Downloads::OnSilence(Download& download) {
  if (!download.readable()) AskOrigins(download);
}

bool Downloads::OriginsHaveFailed(const Download& download) const {
  return parts_.origins == nullptr || !download.origin_failure.ok();
}

bool Downloads::BackendHasFailed(const Download& download) const {
  return parts_.backends == nullptr ||
         (download.backend == BackendState::kIdle && !download.backend_failure.ok());
}

// A registry is to give each blob out once. So it is read only if a client waits and nobody has
// answered: an origin that has is about to read it itself.
void Downloads::ReadBackendIfDue(Download& download) {
  const bool begun = download.backend != BackendState::kIdle || !download.backend_failure.ok();
  if (!download.urgent || download.readable() || download.storing_inline || begun) return;
  const bool trackers_failed = !parts_.trackers->status().ok() || !download.tracker_failure.ok();
  const bool all_failed = trackers_failed && OriginsHaveFailed(download);
  const bool all_silent =
      net::EventLoop::MonotonicNow() - download.begun >= config_.read_backend_after &&
      download.origins_asked && !download.origin_answered;
  if (all_failed || all_silent) ReadBackend(download);
}

// The swarm has brought nothing for `stall_timeout`.
void Downloads::OnStalled(const Digest& digest) {
  Download* download = Find(digest);
  if (download == nullptr || !download->leeching) return;
  const std::shared_ptr<storage::PartialBlob> partial = parts_.store->FindPartial(digest);
  const PieceCount verified = partial == nullptr ? PieceCount(0) : partial->verified_count();
  if (verified != std::exchange(download->verified_at_stall, verified)) download->stalls = 0;
  ++download->stalls;
  AskOrigins(*download);
  if (download->stalls >= kStallsBeforeBackend && download->urgent) ReadBackend(*download);
}

void Downloads::OnFound(Download& download, BlobSource source) {
  ++stats_.found[static_cast<size_t>(source)];
  if (source == BlobSource::kTracker) return;
  telemetry::LogInfo("a blob was found without a tracker", {{"digest", download.digest.ToString()},
                                                            {"namespace", download.ns},
                                                            {"source", NameOf(source)}});
}

// ---- When nobody helps ----

void Downloads::GiveUpIfHopeless(Download& download) {
  if (!download.started || download.readable() || download.storing_inline) return;
  const absl::Duration waited = net::EventLoop::MonotonicNow() - download.begun;
  if (parts_.trackers->status().ok() || waited < config_.tracker_timeout) return;
  if (!OriginsHaveFailed(download) || (download.urgent && !BackendHasFailed(download))) return;
  OnDone(download.digest,
         absl::UnavailableError(Describe(download, absl::Floor(waited, absl::Milliseconds(1)))));
}

void Downloads::OnDeadline(Download& download) {
  if (download.readable()) return;
  const std::string message = Describe(download, config_.metainfo_timeout);
  OnDone(download.digest, parts_.trackers->status().ok() ? absl::DeadlineExceededError(message)
                                                         : absl::UnavailableError(message));
}

std::string Downloads::Describe(const Download& download, absl::Duration waited) const {
  const auto say = [](const absl::Status& failure, absl::string_view otherwise) {
    return failure.ok() ? std::string(otherwise) : std::string(failure.message());
  };
  const absl::Status trackers = parts_.trackers->status();
  std::string text = absl::StrCat(
      "blob ", download.digest.ToString(), ": no news of it within ", absl::FormatDuration(waited),
      "; trackers: ", say(trackers.ok() ? download.tracker_failure : trackers, "silent"));
  if (parts_.origins != nullptr) {
    absl::StrAppend(&text, "; origins: ",
                    say(download.origin_failure, !download.origins_asked    ? "not asked"
                                                 : download.origin_answered ? "still looking"
                                                                            : "silent"));
  }
  if (parts_.backends != nullptr) {
    absl::StrAppend(&text, "; backend: ",
                    say(download.backend_failure,
                        download.backend == BackendState::kIdle ? "not read" : "silent"));
  }
  return text;
}

}  // namespace kraken::agent
