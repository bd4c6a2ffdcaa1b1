// Whatever another process says. The first byte says as what it is read: a peer, a range of pieces,
// capabilities, what Kraken's version 1 knows of a blob, an order to agents, why a write was
// refused.
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "kraken/base/check.h"
#include "kraken/rpc/agent_order.h"
#include "kraken/rpc/capabilities.h"
#include "kraken/rpc/common.pb.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/write_epoch.h"

namespace kraken::rpc {
namespace {

// What is accepted says the same when it is said again.

void ReadPeer(absl::string_view bytes) {
  v1::Peer proto;
  if (!proto.ParseFromString(std::string(bytes))) return;
  ZoneTable zones;
  const auto peer = FromProto(proto, zones);
  if (!peer.ok()) return;
  const v1::Peer again = ToProto(*peer, zones);
  KH_CHECK(again.id() == proto.id() && again.ip() == proto.ip() && again.port() == proto.port() &&
           again.zone() == proto.zone() && again.wire_version() == proto.wire_version());
}

void ReadPieceRange(absl::string_view bytes) {
  v1::PieceRange proto;
  if (!proto.ParseFromString(std::string(bytes))) return;
  const auto range = FromProto(proto);
  if (!range.ok()) return;
  const v1::PieceRange again = ToProto(*range);
  KH_CHECK(again.digest() == proto.digest() && again.size_bytes() == proto.size_bytes() &&
           again.piece_length_bytes() == proto.piece_length_bytes() &&
           again.first() == proto.first() && again.states() == proto.states());
}

void ReadKrakenMetainfo(absl::string_view bytes) {
  v1::Metainfo proto;
  if (!proto.ParseFromString(std::string(bytes))) return;
  const auto metainfo = FromProto(proto.kraken(), Digest(), proto.size_bytes());
  if (!metainfo.ok()) return;
  const v1::KrakenMetainfo again = ToProto(*metainfo);
  KH_CHECK(again.piece_length_bytes() == proto.kraken().piece_length_bytes() &&
           again.piece_sums_size() == proto.kraken().piece_sums_size());
}

void ReadCapabilities(absl::string_view bytes) {
  const auto capabilities = ParseCapabilities(bytes);
  if (!capabilities.ok()) return;
  const auto again = ParseCapabilities(ToJson(*capabilities));
  KH_CHECK(again.ok() && again->grpc_port == capabilities->grpc_port &&
           again->grpc_tls == capabilities->grpc_tls);
}

void ReadOrder(absl::string_view bytes) {
  v1::AgentOrder order;
  if (!order.ParseFromString(std::string(bytes)) || !CheckOrder(order).ok()) return;
  KH_CHECK(order.id().size() == kOrderIdBytes);
  KH_CHECK(order.fetch().blobs_size() <= kMaxOrderedBlobs);
  KH_CHECK(order.drop().digests_size() <= kMaxOrderedBlobs);
  for (const v1::BlobToFetch& blob : order.fetch().blobs()) {
    KH_CHECK(DigestFromBytes(blob.digest()).ok());
  }
}

void ReadRefusal(absl::string_view bytes) {
  const auto seen = SeenEpoch(absl::FailedPreconditionError(bytes));
  if (!seen.has_value()) return;
  KH_CHECK(SeenEpoch(StaleEpochError(0, "lease", *seen, "")) == seen);
}

}  // namespace
}  // namespace kraken::rpc

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'p':
      kraken::rpc::ReadPeer(bytes);
      break;
    case 'r':
      kraken::rpc::ReadPieceRange(bytes);
      break;
    case 'k':
      kraken::rpc::ReadKrakenMetainfo(bytes);
      break;
    case 'c':
      kraken::rpc::ReadCapabilities(bytes);
      break;
    case 'o':
      kraken::rpc::ReadOrder(bytes);
      break;
    case 'e':
      kraken::rpc::ReadRefusal(bytes);
      break;
    default:
      break;
  }
  return 0;
}
