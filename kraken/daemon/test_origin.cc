#include "kraken/daemon/test_origin.h"

#include <algorithm>
#include <array>
#include <utility>

#include "kraken/base/test_util.h"
#include "kraken/rpc/convert.h"

namespace kraken::daemon {
namespace {

constexpr size_t kPeerIdBytes = 20;
constexpr size_t kStateBytes = 32;

}  // namespace

Digest TestDigest(uint8_t byte) {
  std::array<uint8_t, Digest::kSizeBytes> bytes;
  bytes.fill(byte);
  return Digest::FromBytes(bytes);
}

rpc::v1::Peer TestPeerAt(int port, const std::string& zone) {
  rpc::v1::Peer peer;
  std::string id(kPeerIdBytes, '\0');
  id[0] = static_cast<char>(port >> 8);
  id[1] = static_cast<char>(port & 0xff);
  peer.set_id(id);
  peer.set_ip("127.0.0.1");
  peer.set_port(static_cast<uint32_t>(port));
  peer.set_zone(zone);
  peer.set_wire_version(2);
  return peer;
}

rpc::v1::MetainfoNews TestRange(const Digest& digest, int first, int count) {
  rpc::v1::MetainfoNews news;
  news.mutable_metainfo()->set_size_bytes(100 * kTestPieceLength);
  rpc::v1::PieceRange* range = news.mutable_metainfo()->add_ranges();
  range->set_digest(rpc::ToBytes(digest));
  range->set_size_bytes(100 * kTestPieceLength);
  range->set_piece_length_bytes(kTestPieceLength);
  range->set_first(static_cast<uint32_t>(first));
  for (int piece = first; piece < first + count; ++piece) {
    range->mutable_states()->append(kStateBytes, static_cast<char>(piece));
  }
  return news;
}

OriginAccess::OriginAccess(net::EventLoop* loop, std::vector<std::string> origins, int max_replica)
    : directory(loop, rpc::ChannelDirectoryOptions()), client(loop, &directory) {
  auto monitor = cluster::ClusterMonitor::Create(
      loop, {.hosts = {.static_hosts = std::move(origins)},
             .health = {.filter = {.fails = 1}, .monitor_interval = absl::Hours(1)},
             .max_replica = max_replica});
  EXPECT_OK(monitor);
  cluster = *std::move(monitor);
}

}  // namespace kraken::daemon
