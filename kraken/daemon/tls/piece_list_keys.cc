#include "kraken/daemon/tls/piece_list_keys.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kraken/base/files/read_whole_file.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/net/pem.h"

namespace kraken::daemon {

absl::StatusOr<std::shared_ptr<PieceListSignerFiles>> PieceListSignerFiles::Load(
    std::string key_file, std::string certificate_file) {
  std::shared_ptr<PieceListSignerFiles> signer(
      new PieceListSignerFiles(std::move(key_file), std::move(certificate_file)));
  KH_RETURN_IF_ERROR(ReloadRegistry::OfProcess().Load(signer));
  return signer;
}

absl::Status PieceListSignerFiles::Sign(swarm::SignedPieceRange& range) const {
  return current_.get()->Sign(range);
}

void PieceListSignerFiles::OnReload(std::function<void()> fn) {
  absl::MutexLock lock(&mu_);
  on_reload_ = std::move(fn);
}

absl::Status PieceListSignerFiles::Reload() {
  KH_ASSIGN_OR_RETURN(const std::string key, ReadWholeFile(key_file_, net::kMaxPemFileBytes));
  KH_ASSIGN_OR_RETURN(const std::string chain,
                      ReadWholeFile(certificate_file_, net::kMaxPemFileBytes));
  auto signer = swarm::PieceListSigner::Create(key, chain);
  if (!signer.ok()) {
    return Annotate(signer.status(), absl::StrCat(certificate_file_, ", ", key_file_));
  }
  current_.Set(*std::move(signer));
  std::function<void()> on_reload;
  {
    absl::MutexLock lock(&mu_);
    on_reload = on_reload_;
  }
  if (on_reload) on_reload();
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<PieceListVerifierFiles>> PieceListVerifierFiles::Load(
    std::vector<std::string> authority_files, std::string origin_name) {
  std::shared_ptr<PieceListVerifierFiles> verifier(
      new PieceListVerifierFiles(std::move(authority_files), std::move(origin_name)));
  KH_RETURN_IF_ERROR(ReloadRegistry::OfProcess().Load(verifier));
  return verifier;
}

absl::Status PieceListVerifierFiles::Verify(const swarm::SignedPieceRange& range,
                                            absl::Time now) const {
  return current_.get()->Verify(range, now);
}

absl::Status PieceListVerifierFiles::Reload() {
  std::string authorities;
  for (const std::string& file : authority_files_) {
    KH_ASSIGN_OR_RETURN(const std::string pem, ReadWholeFile(file, net::kMaxPemFileBytes));
    absl::StrAppend(&authorities, pem, "\n");
  }
  auto verifier = swarm::PieceListVerifier::Create(authorities, origin_name_);
  if (!verifier.ok()) {
    return Annotate(verifier.status(), absl::StrJoin(authority_files_, ", "));
  }
  current_.Set(*std::move(verifier));
  return absl::OkStatus();
}

}  // namespace kraken::daemon
