#ifndef KRAKEN_RPC_BUILD_INDEX_BROADCAST_H_
#define KRAKEN_RPC_BUILD_INDEX_BROADCAST_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/net/event_loop.h"
#include "kraken/rpc/build_index.pb.h"
#include "kraken/rpc/channel_directory.h"

namespace kraken::rpc {

// Tells every build-index of a cluster what became of tags, as they do not tell each other: those
// that are up at once, and who is down as soon as it is back. What a host has missed is kept in
// memory, of each tag the newest; the order does not matter, as no build-index lets an older
// revision displace a newer one. From a host's first failure until it has caught up nobody waits
// for it, unless no other is left. Belongs to its loop's thread.
class BuildIndexBroadcast {
 public:
  // Of one host. What comes then it does not hear: it asks its backend again after
  // `tagserver.revalidate_after`, as it does for what was missed when this process ends.
  static constexpr size_t kMaxMissed = 20'000;
  // Answers that are waited for at a time while a host catches up.
  static constexpr size_t kCatchUpWindow = 16;

  struct Options {
    absl::Duration timeout = absl::Seconds(10);  // for each host
    // How often a host that is down is tried.
    absl::Duration catch_up_interval = absl::Seconds(1);
  };
  // The hosts that there are now, at least one; or why there is none.
  using Hosts = std::function<absl::StatusOr<std::vector<std::string>>()>;
  // A host did not answer.
  using OnFailure = std::function<void(const std::string& host)>;

  // All outlive it.
  BuildIndexBroadcast(net::EventLoop* loop, ChannelDirectory* directory, Hosts hosts,
                      OnFailure on_failure, Options options);
  ~BuildIndexBroadcast();
  BuildIndexBroadcast(const BuildIndexBroadcast&) = delete;
  BuildIndexBroadcast& operator=(const BuildIndexBroadcast&) = delete;

  template <typename Reply>
  using Done = std::function<void(absl::StatusOr<Reply>)>;

  // The newest that one of them has stored afterwards. UNAVAILABLE, naming them: none answers; or
  // the error of Hosts.
  void Put(v1::PutTagRequest request, Done<v1::GetTagReply> done);
  // What was there, at any of those that have answered. Errors as Put().
  void Drop(v1::DropTagsRequest request, Done<v1::DropTagsReply> done);

 private:
  using Change = std::variant<v1::PutTagRequest, v1::DropTagsRequest>;
  // What a host does not know yet.
  struct Backlog {
    std::map<std::string, Change> changes;
    size_t under_way = 0;
    bool is_back = false;
  };
  template <typename Reply>
  struct Round;

  template <typename Reply, typename Request>
  void Tell(Request request, Done<Reply> done);
  template <typename Reply, typename Request>
  void Call(const std::string& host, const Request& request, Done<Reply> done);
  template <typename Reply, typename Request>
  void OnReply(Round<Reply>& round, const std::string& host, const Request& request,
               const absl::StatusOr<Reply>& reply);
  void NoteFailure(const std::string& host);
  void Remember(const std::string& host, Change change);

  void CatchUp();
  void Deliver(const std::string& host);
  void OnDelivered(const std::string& host, const Change& change, const absl::Status& status);

  net::EventLoop* const loop_;
  ChannelDirectory* const directory_;
  const Hosts hosts_;
  const OnFailure on_failure_;
  const Options options_;
  std::map<std::string, Backlog> backlogs_;
  net::TimerId timer_ = net::TimerId::kNone;
  std::shared_ptr<BuildIndexBroadcast*> alive_;
};

}  // namespace kraken::rpc

#endif  // KRAKEN_RPC_BUILD_INDEX_BROADCAST_H_
