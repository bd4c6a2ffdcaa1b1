#include "kraken/agent/testing/scripted_tracker.h"

#include <algorithm>
#include <utility>

#include "absl/time/time.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/status.h"
#include "kraken/swarm/metainfo.h"

namespace kraken::agent {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(20);

}  // namespace

rpc::v1::Metainfo MetainfoProtoOf(const storage::TestBlob& blob) {
  swarm::SignedPieceRange range;
  range.digest = blob.digest;
  range.size = blob.size();
  range.piece_length = blob.layout.piece_length();
  range.states = blob.states;
  rpc::v1::Metainfo metainfo;
  *metainfo.add_ranges() = rpc::ToProto(range);
  metainfo.set_size_bytes(static_cast<uint64_t>(blob.size().value()));
  metainfo.set_complete(true);
  return metainfo;
}

rpc::v1::Metainfo InlineMetainfo(const std::string& bytes) {
  rpc::v1::Metainfo metainfo;
  metainfo.set_is_inline(true);
  metainfo.set_inline_blob(bytes);
  metainfo.set_size_bytes(bytes.size());
  metainfo.set_complete(true);
  return metainfo;
}

void ScriptedTracker::Offer(const Digest& digest, const rpc::v1::Metainfo& metainfo) {
  rpc::v1::TorrentNews news;
  *news.mutable_metainfo() = metainfo;
  Tell(digest, news, {});
}

void ScriptedTracker::Fail(const Digest& digest, const absl::Status& failure) {
  rpc::v1::TorrentNews news;
  *news.mutable_failure() = rpc::ToFailure(failure);
  Tell(digest, news, {});
}

void ScriptedTracker::Offer(const storage::TestBlob& blob,
                            const std::vector<swarm::PeerInfo>& peers) {
  rpc::v1::TorrentNews news;
  *news.mutable_metainfo() = MetainfoProtoOf(blob);
  std::vector<rpc::v1::Peer> protos;
  protos.reserve(peers.size());
  for (const swarm::PeerInfo& peer : peers) {
    protos.push_back(rpc::ToProto(peer, rpc::ZoneTable()));
  }
  Tell(blob.digest, news, protos);
}

void ScriptedTracker::Tell(const Digest& digest, const rpc::v1::TorrentNews& news,
                           const std::vector<rpc::v1::Peer>& peers) {
  absl::MutexLock lock(&mu_);
  Blob& blob = blobs_[rpc::ToBytes(digest)];
  blob.news = news;
  blob.news.set_digest(rpc::ToBytes(digest));
  blob.has_script = true;
  blob.peers = peers;
  if (blob.asked > 0) WriteToAll(blob.news);
}

void ScriptedTracker::Push(const rpc::v1::TorrentNews& news) {
  absl::MutexLock lock(&mu_);
  WriteToAll(news);
}

void ScriptedTracker::Order(const rpc::v1::AgentOrder& order) {
  rpc::v1::AnnounceReply reply;
  *reply.add_orders() = order;
  absl::MutexLock lock(&mu_);
  for (const auto& stream : streams_) stream->Write(reply);
}

std::optional<rpc::v1::AgentTraits> ScriptedTracker::traits() {
  absl::MutexLock lock(&mu_);
  return traits_;
}

void ScriptedTracker::WriteToAll(const rpc::v1::TorrentNews& news) {
  rpc::v1::AnnounceReply reply;
  *reply.add_torrents() = news;
  for (const auto& stream : streams_) stream->Write(reply);
}

void ScriptedTracker::OnAnnounce(const std::shared_ptr<rpc::AnnounceOutlet>& stream,
                                 rpc::v1::AnnounceRequest request) {
  absl::MutexLock lock(&mu_);
  if (request.has_self()) {
    ++streams_begun_;
    traits_.reset();
    if (request.has_agent()) traits_ = request.agent();
    streams_.push_back(stream);
    stream->Write(rpc::v1::AnnounceReply());
  }
  for (const rpc::v1::OrderStatus& status : request.orders()) statuses_.Put(status);
  for (const rpc::v1::AnnounceRecord& record : request.records()) {
    Blob& blob = blobs_[record.digest()];
    rpc::v1::AnnounceReply reply;
    if (record.want_metainfo()) {
      blob.asked += record.piece_length_bytes() == 0;
      blob.asked_namespace = record.namespace_();
      if (blob.has_script) *reply.add_torrents() = blob.news;
    }
    blob.given_up +=
        record.piece_length_bytes() == 0 && record.event() == rpc::v1::ANNOUNCE_EVENT_LEAVE;
    if (record.piece_length_bytes() > 0) {
      blob.announced.push_back(record);
      if (record.want_peers() > 0 && !blob.peers.empty()) {
        rpc::v1::TorrentNews& news = *reply.add_torrents();
        news.set_digest(record.digest());
        news.set_piece_length_bytes(record.piece_length_bytes());
        for (const rpc::v1::Peer& peer : blob.peers) *news.add_peers() = peer;
      }
    }
    if (reply.torrents_size() > 0) stream->Write(std::move(reply));
  }
}

void ScriptedTracker::OnStreamClosed(const std::shared_ptr<rpc::AnnounceOutlet>& stream) {
  absl::MutexLock lock(&mu_);
  streams_.erase(std::remove(streams_.begin(), streams_.end(), stream), streams_.end());
}

int ScriptedTracker::streams() {
  absl::MutexLock lock(&mu_);
  return streams_begun_;
}

int ScriptedTracker::asked(const Digest& digest) {
  absl::MutexLock lock(&mu_);
  return blobs_[rpc::ToBytes(digest)].asked;
}

std::string ScriptedTracker::asked_namespace(const Digest& digest) {
  absl::MutexLock lock(&mu_);
  return blobs_[rpc::ToBytes(digest)].asked_namespace;
}

bool ScriptedTracker::WaitUntilAsked(const Digest& digest, int times) {
  absl::MutexLock lock(&mu_);
  Blob& blob = blobs_[rpc::ToBytes(digest)];
  const auto asked = [&] { return blob.asked >= times; };
  return mu_.AwaitWithTimeout(absl::Condition(&asked), kPatience);
}

bool ScriptedTracker::WaitUntilGivenUp(const Digest& digest) {
  absl::MutexLock lock(&mu_);
  Blob& blob = blobs_[rpc::ToBytes(digest)];
  const auto given_up = [&] { return blob.given_up > 0; };
  return mu_.AwaitWithTimeout(absl::Condition(&given_up), kPatience);
}

bool ScriptedTracker::WaitForStreams(int count) {
  absl::MutexLock lock(&mu_);
  const auto begun = [&] {
    mu_.AssertHeld();
    return streams_begun_ >= count;
  };
  return mu_.AwaitWithTimeout(absl::Condition(&begun), kPatience);
}

std::vector<rpc::v1::AnnounceRecord> ScriptedTracker::announced(const Digest& digest) {
  absl::MutexLock lock(&mu_);
  return blobs_[rpc::ToBytes(digest)].announced;
}

}  // namespace kraken::agent
