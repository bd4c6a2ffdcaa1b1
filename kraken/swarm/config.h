#ifndef KRAKEN_SWARM_CONFIG_H_
#define KRAKEN_SWARM_CONFIG_H_

#include <cstdint>

#include "absl/time/time.h"

namespace kraken::swarm {

// Every limit and time of the engine. Defaults are those of an agent.
struct SwarmConfig {
  // Links of one torrent. It dials while it has fewer than `min_links`, up to `max_dialed_links` of
  // its own making, and accepts up to `max_links`; the difference is what a flash crowd can't take
  // from a newcomer.
  int min_links = 16;
  int max_dialed_links = 20;
  int max_links = 30;
  // A torrent whose peers have had nothing for it for `starved_after` looks for so many links more,
  // and gives up its least useful one each `replace_interval`.
  absl::Duration starved_after = absl::Seconds(1);
  int starved_links = 4;
  absl::Duration replace_interval = absl::Seconds(5);
  // Links of all torrents together.
  int max_total_links = 4'000;
  // Dials under way, of one torrent.
  int max_pending_dials = 10;

  // Pieces being sent at a time by this host, each to its end. A receiver takes several at a time,
  // so that one or two of them often leave part of the sender's line idle.
  int upload_slots = 3;
  // Payload of all torrents together, in bytes per second; 0: no limit. Beyond the rate at most
  // what `limit_burst` brings, or one piece, goes at once.
  int64_t upload_limit = 0;
  int64_t download_limit = 0;
  absl::Duration limit_burst = absl::Milliseconds(100);
  // Requests that one link may have waiting here; more are rejected.
  int max_queued_requests_per_link = 64;

  // Pieces requested and not yet here, of one torrent. The engine moves between the two by the
  // measured rate and delay.
  int min_requests = 4;
  int max_requests = 32;
  // Of them at most this many from one peer, and what its round trip needs besides.
  int max_requests_per_link = 2;
  // A torrent that nobody reads (a prefetch, or one whose client went away) is in the background:
  // as long as pieces of one that somebody reads are under way, it asks for at most so many.
  int background_requests = 1;
  // A peer whose uploads will take longer than this many pieces is not asked for more; waiting for
  // a freer one, or for it to become free, spreads a new piece faster than a long queue.
  double max_backlog_pieces = 1.0;
  // Copies of a piece that may be under way when every missing piece is requested.
  int endgame_copies = 2;

  // Pieces after each reader's cursor that are fetched in order, and how many of the requests under
  // way may be for them.
  int reader_window_pieces = 8;
  int max_window_requests = 2;

  // Where zones are known: a torrent that gets nothing for so long fetches whatever it can from
  // other zones, whoever's task that would be.
  absl::Duration far_patience = absl::Milliseconds(500);

  // A HAVE waits at most this long for others to share its message.
  absl::Duration have_batch_delay = absl::Milliseconds(5);

  // A request fails after this many times the time it was expected to take, and not before the
  // minimum.
  double request_timeout_factor = 4.0;
  absl::Duration min_request_timeout = absl::Seconds(2);
  // A peer that let a request time out is asked for nothing until it sends something, or this long.
  absl::Duration snub_time = absl::Seconds(10);

  // A peer whose piece did not check goes on parole: one request at a time, and only when no other
  // peer can serve. So many good pieces end it; a bad piece on parole bans the peer.
  int parole_pieces = 8;
  absl::Duration ban_time = absl::Minutes(10);

  // A peer that could not be dialled is left alone for this long, doubled each time up to the most.
  absl::Duration redial_delay = absl::Seconds(1);
  absl::Duration max_redial_delay = absl::Seconds(60);
  // Addresses kept of one torrent.
  int max_candidates = 200;

  // Announces: at least this often. While links are missing the first comes after the shorter time,
  // which then doubles each time. A torrent that is complete and without links has nothing to tell:
  // its announces, after the long time, only repair what a tracker may have lost
  // (HandOutConfig::entry_lease is a few times longer). That the host lives, it says by other means
  // (HandOut::Renew).
  absl::Duration announce_interval = absl::Seconds(5);
  absl::Duration hungry_announce_interval = absl::Milliseconds(250);
  absl::Duration quiet_announce_interval = absl::Minutes(2);

  absl::Duration stall_limit = absl::Seconds(60);
  // A torrent is evicted, and leaves its swarm, after so long without payload and without readers.
  // One that is complete and idle costs some kilobytes and an announce now and then.
  absl::Duration idle_seeder_limit = absl::Hours(1);
  absl::Duration idle_leecher_limit = absl::Minutes(5);

  // Housekeeping of an active torrent.
  absl::Duration maintenance_interval = absl::Milliseconds(500);

  // Origins only. A piece is named to one peer at a time; so many may be named and not yet on their
  // way. A piece that a peer was told of and did not ask for is named to another after the time.
  // So many peers of a torrent are told of every piece at once, until more than a small swarm is
  // linked: in that there is little to save, and a client that reads in order is not to wait for
  // the piece that it needs.
  bool super_seed = false;
  int super_seed_open_peers = 1;
  int super_seed_small_swarm = 4;
  int super_seed_window = 12;
  // The same of a blob that was still arriving when it was added: few pieces can be named at a time
  // then, and what the line loses while it waits for somebody to ask is never made up for.
  int super_seed_arriving_window = 24;
  absl::Duration super_seed_patience = absl::Milliseconds(500);
  // A peer with nothing new for so long is told of every piece.
  absl::Duration super_seed_starvation = absl::Seconds(1);
};

// As an origin runs it: super-seeding, accepts many, dials nobody.
SwarmConfig OriginSwarmConfig();

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_CONFIG_H_
