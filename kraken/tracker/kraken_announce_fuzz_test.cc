// What a process that calls itself one of Kraken's version 1 announces. A first line of 40 hex
// digits is the path's info hash, the rest is the body.
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "kraken/base/check.h"
#include "kraken/base/info_hash.h"
#include "kraken/net/socket_address.h"
#include "kraken/tracker/kraken_announce.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using kraken::InfoHash;
  using kraken::tracker::ParseKrakenAnnounce;
  absl::string_view body(reinterpret_cast<const char*>(data), size);
  std::optional<InfoHash> from_path;
  const size_t line = body.find('\n');
  if (line != absl::string_view::npos) {
    const auto parsed = InfoHash::Parse(body.substr(0, line));
    if (parsed.ok()) {
      from_path = *parsed;
      body.remove_prefix(line + 1);
    }
  }
  const auto announce = ParseKrakenAnnounce(body, from_path);
  if (!announce.ok()) return 0;
  const kraken::swarm::PeerInfo& peer = announce->peer;
  KH_CHECK(!from_path.has_value() || announce->info_hash == *from_path);
  KH_CHECK(!peer.origin && peer.port != 0 && !(peer.id == kraken::PeerId()));
  KH_CHECK(kraken::net::SocketAddress::FromIp(peer.ip, peer.port).ok());
  // An answer names it so that it can be announced again.
  const std::string answer =
      kraken::tracker::FormatKrakenAnnounceReply({peer}, absl::ZeroDuration());
  const size_t begin = answer.find('[') + 1;
  const std::string again = "{\"name\":\"" + announce->digest.hex() +
                            "\",\"peer\":" + answer.substr(begin, answer.find("}]") + 1 - begin) +
                            "}";
  const auto reread = ParseKrakenAnnounce(again, announce->info_hash);
  KH_CHECK(reread.ok() && reread->peer.id == peer.id && reread->peer.ip == peer.ip &&
           reread->peer.port == peer.port && reread->peer.complete == peer.complete);
  return 0;
}
