#ifndef KRAKEN_DAEMON_SCRIPTED_BACKEND_H_
#define KRAKEN_DAEMON_SCRIPTED_BACKEND_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "kraken/backend/backend.h"
#include "kraken/backend/namespace_router.h"
#include "kraken/base/digest.h"
#include "kraken/rpc/rpc_test_util.h"

namespace kraken::daemon {

// For tests: a `file` backend in a folder of its own that can be told to pause or to break within a
// blob, and that remembers what was read. Thread-safe.
class ScriptedBackend final : public backend::Backend {
 public:
  ScriptedBackend();

  // Puts a file there under this name, whatever the bytes' digest is.
  void Put(const Digest& digest, absl::Span<const uint8_t> bytes);

  // Downloads pause before the byte at `offset`, until Release() or, unless `deaf`, cancelled.
  void HoldAt(int64_t offset, bool deaf = false);
  void Release();
  // Downloads end before the byte at `offset` with this error; OK: no more.
  void FailAt(int64_t offset, absl::Status failure);
  // What StatBlob says.
  void PretendSize(ByteCount size);

  // Where each download so far began.
  rpc::Mailbox<int64_t>& downloads() { return downloads_; }
  // And where it was to end; 0: with the blob.
  rpc::Mailbox<int64_t>& ends() { return ends_; }

  // For every namespace this backend, but for those that begin with "unrouted".
  const backend::NamespaceRouter& router() const { return *router_; }

  std::string name() const override { return "scripted"; }
  absl::StatusOr<ByteCount> StatBlob(const Namespace& ns, const Digest& digest,
                                     const registry::Cancellation& cancellation) override;
  absl::Status DownloadBlob(const Namespace& ns, const Digest& digest, ByteOffset offset,
                            registry::BlobSink& sink,
                            const registry::Cancellation& cancellation) override;
  absl::Status CheckReady(const registry::Cancellation&) override { return absl::OkStatus(); }

 private:
  class Sink;

  // How many of `length` bytes at `offset` may pass; waits while none may.
  absl::StatusOr<size_t> Admit(int64_t offset, size_t length,
                               const registry::Cancellation& cancellation);

  std::string root_;
  std::shared_ptr<backend::Backend> file_;
  std::unique_ptr<backend::NamespaceRouter> router_;
  rpc::Mailbox<int64_t> downloads_;
  rpc::Mailbox<int64_t> ends_;
  absl::Mutex mu_;
  std::optional<int64_t> hold_at_ ABSL_GUARDED_BY(mu_);
  bool deaf_ ABSL_GUARDED_BY(mu_) = false;
  int64_t fail_at_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  std::optional<ByteCount> pretended_size_ ABSL_GUARDED_BY(mu_);
};

}  // namespace kraken::daemon

#endif  // KRAKEN_DAEMON_SCRIPTED_BACKEND_H_
