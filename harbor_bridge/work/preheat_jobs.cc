#include "harbor_bridge/work/preheat_jobs.h"

#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/registry/registry_client.h"
#include "kraken/telemetry/log.h"

namespace harbor_bridge {

using kraken::registry::Cancellation;

std::string PreheatKey(absl::string_view harbor, uint64_t id) {
  return absl::StrCat(harbor, "#", id);
}

bool IsPreheatKey(absl::string_view key) { return absl::StrContains(key, '#'); }

void PreheatJobs::KeepToken(const std::string& key, std::string token) {
  if (token.empty()) return;
  const absl::Time now = clock_->Now();
  absl::MutexLock lock(&mu_);
  if (tokens_.size() >= kMaxTokens) {
    absl::erase_if(tokens_, [now](const auto& entry) { return entry.second.expires <= now; });
  }
  if (tokens_.size() >= kMaxTokens) return;
  tokens_[key] = {.text = std::move(token), .expires = now + kTokenLifetime};
}

void PreheatJobs::ForgetToken(const std::string& key) {
  absl::MutexLock lock(&mu_);
  tokens_.erase(key);
}

std::string PreheatJobs::FindToken(const std::string& key) {
  const absl::Time now = clock_->Now();
  absl::MutexLock lock(&mu_);
  auto it = tokens_.find(key);
  if (it == tokens_.end() || it->second.expires <= now) return "";
  return it->second.text;
}

bool PreheatJobs::Cancel(const std::string& key) {
  absl::MutexLock lock(&mu_);
  auto it = running_.find(key);
  if (it == running_.end()) return false;
  it->second.Cancel();
  return true;
}

absl::StatusOr<std::string> PreheatJobs::Run(const kraken::storage::Job& job,
                                             JobBoard::Entry& board, const Cancellation& stop) {
  KH_ASSIGN_OR_RETURN(const ImageWork work, ImageWork::Decode(job.payload));
  Cancellation mine;
  const Cancellation::Callback link(stop, [mine]() mutable { mine.Cancel(); });
  {
    absl::MutexLock lock(&mu_);
    running_[job.key] = mine;
  }
  const absl::StatusOr<ImageFinding> finding = Prefetch(job.key, work, board, mine);
  {
    absl::MutexLock lock(&mu_);
    running_.erase(job.key);
  }
  if (stop.cancelled()) return finding.status();
  if (mine.cancelled() && !finding.ok()) {
    return absl::FailedPreconditionError("cancelled by who asked for it");
  }
  const bool may_get_better =
      absl::IsUnavailable(finding.status()) || absl::IsDeadlineExceeded(finding.status()) ||
      absl::IsResourceExhausted(finding.status()) || absl::IsAborted(finding.status());
  if (!may_get_better) ForgetToken(job.key);
  if (finding.ok() && finding->exists) return finding->result;
  if (may_get_better) return finding.status();
  // Harbor waits for the answer, and asks again itself.
  return absl::FailedPreconditionError(
      finding.ok() ? absl::StrCat(work.repository.ToString(), ":", work.reference->ToString(),
                                  " is not at Harbor ", work.harbor)
                   : std::string(finding.status().message()));
}

absl::StatusOr<ImageFinding> PreheatJobs::Prefetch(const std::string& key, const ImageWork& work,
                                                   JobBoard::Entry& board,
                                                   const Cancellation& cancellation) {
  KH_ASSIGN_OR_RETURN(const Harbor* harbor, harbors_->Find(work.harbor));
  std::string token = FindToken(key);
  if (token.empty() || harbor->client_with_token == nullptr) {
    return prefetch_->Run(work, board, cancellation);
  }
  const std::shared_ptr<kraken::registry::RegistryClient> client =
      harbor->client_with_token(std::move(token));
  absl::StatusOr<ImageFinding> finding = prefetch_->RunWith(*client, work, board, cancellation);
  if (!absl::IsUnauthenticated(finding.status())) return finding;
  // A registry behind Harbor's back knows nothing of Harbor's tokens.
  kraken::telemetry::LogInfo("a preheat's own credential is not taken; going on with the Harbor's",
                             {{"job", key}});
  return prefetch_->Run(work, board, cancellation);
}

}  // namespace harbor_bridge
