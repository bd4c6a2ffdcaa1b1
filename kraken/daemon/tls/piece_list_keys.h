#ifndef KRAKEN_DAEMON_TLS_PIECE_LIST_KEYS_H_
#define KRAKEN_DAEMON_TLS_PIECE_LIST_KEYS_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/current.h"
#include "kraken/base/files/reloadable.h"
#include "kraken/swarm/piece_list_signature.h"

namespace kraken::daemon {

// Signs piece lists with a key and a certificate chain in PEM files. The process's ReloadRegistry
// reads them again when they change. Thread-safe.
class PieceListSignerFiles final : public swarm::PieceListSigner, public Reloadable {
 public:
  // Errors name the file, or are PieceListSigner::Create()'s.
  static absl::StatusOr<std::shared_ptr<PieceListSignerFiles>> Load(std::string key_file,
                                                                    std::string certificate_file);

  absl::Status Sign(swarm::SignedPieceRange& range) const override;

  // Called after each Reload() that went well, on its thread.
  void OnReload(std::function<void()> fn) ABSL_LOCKS_EXCLUDED(mu_);

  std::vector<std::string> files() const override { return {key_file_, certificate_file_}; }
  absl::Status Reload() override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  PieceListSignerFiles(std::string key_file, std::string certificate_file)
      : key_file_(std::move(key_file)), certificate_file_(std::move(certificate_file)) {}

  const std::string key_file_;
  const std::string certificate_file_;
  Current<swarm::PieceListSigner> current_;
  absl::Mutex mu_;
  std::function<void()> on_reload_ ABSL_GUARDED_BY(mu_);
};

// The same for who checks them against the authorities in PEM files.
class PieceListVerifierFiles final : public swarm::PieceListVerifier, public Reloadable {
 public:
  // `origin_name` and errors as of PieceListVerifier::Create().
  static absl::StatusOr<std::shared_ptr<PieceListVerifierFiles>> Load(
      std::vector<std::string> authority_files, std::string origin_name);

  absl::Status Verify(const swarm::SignedPieceRange& range, absl::Time now) const override;

  std::vector<std::string> files() const override { return authority_files_; }
  absl::Status Reload() override;

 private:
  PieceListVerifierFiles(std::vector<std::string> authority_files, std::string origin_name)
      : authority_files_(std::move(authority_files)), origin_name_(std::move(origin_name)) {}

  const std::vector<std::string> authority_files_;
  const std::string origin_name_;
  Current<swarm::PieceListVerifier> current_;
};

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_TLS_PIECE_LIST_KEYS_H_
