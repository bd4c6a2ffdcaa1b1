#include "kraken/tracker/steady_peer.h"

#include <utility>

#include "kraken/daemon/test_origin.h"
#include "kraken/rpc/convert.h"

namespace kraken::tracker {
namespace {

constexpr uint32_t kPieces = 4;

}  // namespace

SteadyPeer::SteadyPeer(net::EventLoop* loop, const Options& options, Events events)
    : loop_(loop), options_(options), directory_(loop, rpc::ChannelDirectoryOptions()) {
  client_ = std::make_unique<rpc::AnnounceClient>(
      loop_, &directory_, options_.tracker, daemon::TestPeerAt(options_.port),
      rpc::AnnounceClient::Events{
          .on_connected = std::move(events.on_connected),
          .on_disconnected = std::move(events.on_disconnected),
          .on_news = [news = std::move(events.on_news)](rpc::v1::TorrentNews torrent) {
            if (news) news(std::move(torrent));
          }});
  timer_ = loop_->RunAfter(absl::ZeroDuration(), [this] { Announce(); });
}

SteadyPeer::~SteadyPeer() { loop_->CancelTimer(timer_); }

void SteadyPeer::Announce() {
  for (int i = 1; i <= options_.torrents; ++i) {
    rpc::v1::AnnounceRecord record;
    record.set_digest(rpc::ToBytes(daemon::TestDigest(static_cast<uint8_t>(i))));
    record.set_piece_length_bytes(daemon::kTestPieceLength);
    record.set_event(rpc::v1::ANNOUNCE_EVENT_PROGRESS);
    record.set_have_pieces(1);
    record.set_piece_count(kPieces);
    record.set_want_peers(10);
    client_->Send(std::move(record));
  }
  timer_ = loop_->RunAfter(options_.interval, [this] { Announce(); });
}

}  // namespace kraken::tracker
