#include "kraken/rpc/agent_order.h"

#include "absl/strings/str_cat.h"
#include "kraken/base/namespace.h"
#include "kraken/base/status_macros.h"
#include "kraken/rpc/convert.h"

namespace kraken::rpc {
namespace {

absl::Status CheckCount(int count) {
  if (count > 0 && count <= kMaxOrderedBlobs) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("an order of ", count, " blobs; 1 to ", kMaxOrderedBlobs, " are taken"));
}

}  // namespace

absl::Status CheckOrder(const v1::AgentOrder& order) {
  if (order.id().size() != kOrderIdBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("an order's id has ", kOrderIdBytes, " bytes, not ", order.id().size()));
  }
  switch (order.what_case()) {
    case v1::AgentOrder::kFetch:
      KH_RETURN_IF_ERROR(CheckCount(order.fetch().blobs_size()));
      KH_RETURN_IF_ERROR(Namespace::Parse(order.fetch().namespace_()).status());
      for (const v1::BlobToFetch& blob : order.fetch().blobs()) {
        KH_RETURN_IF_ERROR(DigestFromBytes(blob.digest()).status());
      }
      break;
    case v1::AgentOrder::kDrop:
      KH_RETURN_IF_ERROR(CheckCount(order.drop().digests_size()));
      for (const std::string& digest : order.drop().digests()) {
        KH_RETURN_IF_ERROR(DigestFromBytes(digest).status());
      }
      break;
    case v1::AgentOrder::kCancel:
      return absl::OkStatus();
    case v1::AgentOrder::WHAT_NOT_SET:
      return absl::UnimplementedError("an order to do something that is not known here");
  }
  if (order.timeout_ms() == 0) return absl::InvalidArgumentError("an order without a time limit");
  return absl::OkStatus();
}

}  // namespace kraken::rpc
