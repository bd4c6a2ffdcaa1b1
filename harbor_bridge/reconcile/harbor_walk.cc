#include "harbor_bridge/reconcile/harbor_walk.h"

#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "harbor_bridge/harbor/harbor_version.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge {
namespace {

// Whether an error concerns one project or repository, and not the whole Harbor: it has been
// deleted, or the account may not read it.
bool IsLocal(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsPermissionDenied(status);
}

}  // namespace

absl::Status HarborWalk::Run(const RoundState& round) {
  round_ = round;
  problem_ = absl::OkStatus();
  KH_RETURN_IF_ERROR(CheckAccount());
  for (int page = 1;; ++page) {
    KH_RETURN_IF_ERROR(pacer_->Next());
    KH_ASSIGN_OR_RETURN(const api::Page<api::Project> projects,
                        harbor_->ListProjects({.page = page, .size = api::kMaxPageSize}));
    for (const api::Project& project : projects.items) {
      absl::Status status = WalkProject(project.name);
      if (!status.ok() && !IsLocal(status)) return status;
      if (absl::IsPermissionDenied(status)) problem_.Update(status);
    }
    if (!projects.more) break;
  }
  if (round_.full) {
    KH_RETURN_IF_ERROR(
        findings_->Sweep(round_.number,
                         [this](const kraken::RepositoryName& repository,
                                const kraken::Tag& tag) -> absl::StatusOr<kraken::Digest> {
                           KH_RETURN_IF_ERROR(pacer_->Next());
                           KH_ASSIGN_OR_RETURN(const api::Artifact artifact,
                                               harbor_->GetArtifact(repository, tag.ToString()));
                           return artifact.digest;
                         }));
  }
  return absl::OkStatus();
}

// With wrong credentials Harbor shows what strangers may see, and that would look like peace.
absl::Status HarborWalk::CheckAccount() {
  KH_RETURN_IF_ERROR(pacer_->Next());
  KH_ASSIGN_OR_RETURN(const api::SystemInfo info, harbor_->GetSystemInfo());
  if (!info.authenticated()) {
    KH_RETURN_IF_ERROR(pacer_->Next());
    KH_RETURN_IF_ERROR(harbor_->CheckCredentials());
  }
  const std::optional<api::HarborVersion> version = api::HarborVersion::Parse(info.version);
  lists_projects_ = !version.has_value() || version->has_project_artifacts();
  return absl::OkStatus();
}

absl::Status HarborWalk::WalkProject(const std::string& project) {
  if (lists_projects_) {
    absl::Status status = WalkList(project, [&](const api::PageRequest& page) {
      return harbor_->ListProjectArtifacts(project, page);
    });
    if (!absl::IsNotFound(status)) return status;
    // The project is gone, or it is an older Harbor that does not say so.
  }
  return WalkRepositories(project);
}

absl::Status HarborWalk::WalkRepositories(const std::string& project) {
  for (int page = 1;; ++page) {
    KH_RETURN_IF_ERROR(pacer_->Next());
    KH_ASSIGN_OR_RETURN(
        const api::Page<api::RepositoryEntry> repositories,
        harbor_->ListRepositories(project, {.page = page, .size = api::kMaxPageSize}));
    for (const api::RepositoryEntry& repository : repositories.items) {
      absl::Status status =
          WalkList(repository.name.ToString(), [&](const api::PageRequest& artifacts) {
            return harbor_->ListArtifacts(repository.name, artifacts);
          });
      if (!status.ok() && !IsLocal(status)) return status;
      if (absl::IsPermissionDenied(status)) problem_.Update(status);
    }
    if (!repositories.more) return absl::OkStatus();
  }
}

ScopeState HarborWalk::Begin(const ScopeState& last) const {
  return {.watermark = last.watermark,
          .round = round_.number,
          .page_size = round_.full ? api::kMaxPageSize : kFirstPageSize};
}

absl::Status HarborWalk::WalkList(const std::string& scope, const List& list) {
  KH_ASSIGN_OR_RETURN(ScopeState state, store_->GetScope(harbor_->name(), scope));
  if (state.round != round_.number) state = Begin(state);
  while (!state.ended) {
    KH_RETURN_IF_ERROR(pacer_->Next());
    KH_ASSIGN_OR_RETURN(const api::Page<api::Artifact> page,
                        list({.page = state.pages + 1, .size = state.page_size}));
    const int64_t deleted = page.total >= 0 ? state.total - page.total : 0;
    state.total = page.total;
    if (deleted > 0 && state.pages > 0) {
      const int64_t pages = (deleted + state.page_size - 1) / state.page_size;
      state.pages -= static_cast<int>(std::min<int64_t>(pages, state.pages));
      continue;
    }
    if (state.pages == 0 && !page.items.empty()) state.newest = page.items[0].push_time;
    const bool reaches_known = AddPage(page, state);
    ++state.pages;
    if (!page.more || (reaches_known && !round_.full)) {
      state.ended = true;
      state.watermark = std::max(state.watermark, state.newest - kOverlap);
    } else if (state.page_size != api::kMaxPageSize) {
      // It is no quiet project: read on in long pages.
      state.page_size = api::kMaxPageSize;
      state.pages = 0;
      state.total = -1;
    }
    KH_RETURN_IF_ERROR(findings_->Commit(scope, state));
  }
  return absl::OkStatus();
}

bool HarborWalk::AddPage(const api::Page<api::Artifact>& page, const ScopeState& state) {
  const absl::Time since = std::max(state.watermark, round_.floor);
  for (const api::Artifact& artifact : page.items) {
    const bool is_new = artifact.push_time >= since;
    if (!is_new && !round_.full) return true;
    for (const api::ArtifactTag& tag : artifact.tags) {
      findings_->Add(artifact.repository, &tag.name, artifact.digest,
                     std::max(artifact.push_time, tag.push_time), round_.floor);
    }
    if (artifact.tags.empty() && is_new) {
      findings_->Add(artifact.repository, nullptr, artifact.digest, artifact.push_time,
                     round_.floor);
    }
  }
  return false;
}

}  // namespace harbor_bridge
