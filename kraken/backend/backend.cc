#include "kraken/backend/backend.h"

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/tag.h"
#include "kraken/registry/blob_sink.h"
#include "kraken/registry/cancellation.h"

namespace kraken::backend {
namespace {

absl::Status HoldsNo(absl::string_view backend, absl::string_view things) {
  return absl::FailedPreconditionError(absl::StrCat("backend ", backend, " holds no ", things));
}

}  // namespace

absl::StatusOr<ByteCount> Backend::StatBlob(const Namespace&, const Digest&,
                                            const registry::Cancellation&) {
  return HoldsNo(name(), "blobs");
}

absl::Status Backend::DownloadBlob(const Namespace&, const Digest&, ByteOffset, registry::BlobSink&,
                                   const registry::Cancellation&) {
  return HoldsNo(name(), "blobs");
}

absl::StatusOr<Digest> Backend::ResolveTag(const Namespace&, const Tag&,
                                           const registry::Cancellation&) {
  return HoldsNo(name(), "tags");
}

}  // namespace kraken::backend
