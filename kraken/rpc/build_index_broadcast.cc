#include "kraken/rpc/build_index_broadcast.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/status_util.h"
#include "kraken/rpc/build_index.grpc.pb.h"
#include "kraken/rpc/unary.h"
#include "kraken/telemetry/log.h"

namespace kraken::rpc {
namespace {

bool IsDown(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

// What newer requests with the same key displace.
std::string KeyOf(const v1::PutTagRequest& request) {
  return absl::StrCat(request.namespace_(), ":", request.tag());
}

std::string KeyOf(const v1::DropTagsRequest& request) {
  switch (request.which_case()) {
    case v1::DropTagsRequest::kTag:
      return absl::StrCat(request.namespace_(), ":", request.tag());
    case v1::DropTagsRequest::kDigest:
      return absl::StrCat(request.namespace_(), "@", request.digest());
    case v1::DropTagsRequest::kAllBut:
    case v1::DropTagsRequest::WHICH_NOT_SET:
      break;
  }
  return request.namespace_();
}

void Start(v1::BuildIndex::Stub& stub, grpc::ClientContext* context,
           const v1::PutTagRequest* request, v1::GetTagReply* reply,
           std::function<void(grpc::Status)> done) {
  stub.async()->PutTag(context, request, reply, std::move(done));
}

void Start(v1::BuildIndex::Stub& stub, grpc::ClientContext* context,
           const v1::DropTagsRequest* request, v1::DropTagsReply* reply,
           std::function<void(grpc::Status)> done) {
  stub.async()->DropTags(context, request, reply, std::move(done));
}

void Merge(const v1::GetTagReply& one, v1::GetTagReply* all) {
  if (one.revision() >= all->revision()) *all = one;
}

void Merge(const v1::DropTagsReply& one, v1::DropTagsReply* all) { all->MergeFrom(one); }

}  // namespace

// One request to several hosts.
template <typename Reply>
struct BuildIndexBroadcast::Round {
  Done<Reply> done;
  size_t missing = 0;
  bool answered = false;
  Reply reply;
  std::string failures;
  // Of a host that refuses.
  absl::Status error;
};

BuildIndexBroadcast::BuildIndexBroadcast(net::EventLoop* loop, ChannelDirectory* directory,
                                         Hosts hosts, OnFailure on_failure, Options options)
    : loop_(loop),
      directory_(directory),
      hosts_(std::move(hosts)),
      on_failure_(std::move(on_failure)),
      options_(options),
      alive_(std::make_shared<BuildIndexBroadcast*>(this)) {}

BuildIndexBroadcast::~BuildIndexBroadcast() {
  *alive_ = nullptr;
  loop_->CancelTimer(timer_);
}

void BuildIndexBroadcast::Put(v1::PutTagRequest request, Done<v1::GetTagReply> done) {
  Tell(std::move(request), std::move(done));
}

void BuildIndexBroadcast::Drop(v1::DropTagsRequest request, Done<v1::DropTagsReply> done) {
  Tell(std::move(request), std::move(done));
}

template <typename Reply, typename Request>
void BuildIndexBroadcast::Tell(Request request, Done<Reply> done) {
  const absl::StatusOr<std::vector<std::string>> hosts = hosts_();
  if (!hosts.ok()) return done(hosts.status());
  std::vector<std::string> asked;
  for (const std::string& host : *hosts) {
    if (!backlogs_.contains(host)) asked.push_back(host);
  }
  if (asked.empty()) {
    asked = *hosts;
  } else {
    for (const std::string& host : *hosts) {
      if (backlogs_.contains(host)) Remember(host, request);
    }
  }
  auto round = std::make_shared<Round<Reply>>();
  round->done = std::move(done);
  round->missing = asked.size();
  for (const std::string& host : asked) {
    Call<Reply>(host, request,
                [alive = alive_, round, host, request](const absl::StatusOr<Reply>& reply) {
                  if (*alive != nullptr) (*alive)->OnReply(*round, host, request, reply);
                });
  }
}

template <typename Reply, typename Request>
void BuildIndexBroadcast::Call(const std::string& host, const Request& request, Done<Reply> done) {
  directory_->Get(host, [loop = loop_->handle(), timeout = options_.timeout, request,
                         done](absl::StatusOr<std::shared_ptr<grpc::Channel>> channel) {
    if (!channel.ok()) return done(absl::UnavailableError(channel.status().message()));
    CallUnary<v1::BuildIndex, Reply>(
        loop, *channel, request, timeout,
        [](v1::BuildIndex::Stub& stub, auto* context, auto* in, auto* out, auto callback) {
          Start(stub, context, in, out, std::move(callback));
        },
        done);
  });
}

template <typename Reply, typename Request>
void BuildIndexBroadcast::OnReply(Round<Reply>& round, const std::string& host,
                                  const Request& request, const absl::StatusOr<Reply>& reply) {
  if (reply.ok()) {
    round.answered = true;
    Merge(*reply, &round.reply);
  } else if (IsDown(reply.status())) {
    NoteFailure(host);
    if (!backlogs_.contains(host)) {
      telemetry::LogWarn("a build-index is down; it will be told of tags when it is back",
                         {{"host", host}, {"reason", reply.status()}});
    }
    Remember(host, request);
    absl::StrAppend(&round.failures, round.failures.empty() ? "" : "; ", host, ": ",
                    reply.status().message());
  } else {
    round.error = Annotate(reply.status(), host);
  }
  if (--round.missing > 0) return;
  if (!round.error.ok()) {
    round.done(round.error);
  } else if (round.answered) {
    round.done(std::move(round.reply));
  } else {
    round.done(absl::UnavailableError(absl::StrCat("no build-index answers: ", round.failures)));
  }
}

void BuildIndexBroadcast::NoteFailure(const std::string& host) {
  directory_->Suspect(host);
  on_failure_(host);
}

void BuildIndexBroadcast::Remember(const std::string& host, Change change) {
  const auto key = std::visit([](const auto& request) { return KeyOf(request); }, change);
  const auto revision_of = [](const Change& any) {
    return std::visit([](const auto& request) -> uint64_t { return request.revision(); }, any);
  };
  Backlog& backlog = backlogs_[host];
  auto it = backlog.changes.find(key);
  if (it != backlog.changes.end()) {
    if (revision_of(change) >= revision_of(it->second)) it->second = std::move(change);
  } else if (backlog.changes.size() < kMaxMissed) {
    backlog.changes.emplace(key, std::move(change));
  }
  if (timer_ == net::TimerId::kNone) {
    timer_ = loop_->RunAfter(options_.catch_up_interval, [this] { CatchUp(); });
  }
}

void BuildIndexBroadcast::CatchUp() {
  timer_ = net::TimerId::kNone;
  const absl::StatusOr<std::vector<std::string>> hosts = hosts_();
  // Who is not there any more comes back, if at all, as another.
  std::erase_if(backlogs_, [&hosts](const auto& entry) {
    return hosts.ok() && entry.second.under_way == 0 &&
           std::find(hosts->begin(), hosts->end(), entry.first) == hosts->end();
  });
  std::vector<std::string> waiting;
  for (const auto& [host, backlog] : backlogs_) {
    if (backlog.under_way == 0) waiting.push_back(host);
  }
  for (const std::string& host : waiting) Deliver(host);
  if (!backlogs_.empty()) {
    timer_ = loop_->RunAfter(options_.catch_up_interval, [this] { CatchUp(); });
  }
}

void BuildIndexBroadcast::Deliver(const std::string& host) {
  auto it = backlogs_.find(host);
  if (it == backlogs_.end()) return;
  // One asks whether the host is back, and the others follow.
  const size_t window = it->second.is_back ? kCatchUpWindow : 1;
  std::vector<Change> next;
  while (!it->second.changes.empty() && it->second.under_way < window) {
    next.push_back(std::move(it->second.changes.extract(it->second.changes.begin()).mapped()));
    ++it->second.under_way;
  }
  if (it->second.under_way == 0) {
    backlogs_.erase(it);
    telemetry::LogInfo("a build-index that was down knows all of its tags again", {{"host", host}});
    return;
  }
  for (const Change& change : next) {
    const auto delivered = [alive = alive_, host, change](const absl::Status& status) {
      if (*alive != nullptr) (*alive)->OnDelivered(host, change, status);
    };
    if (const auto* put = std::get_if<v1::PutTagRequest>(&change)) {
      Call<v1::GetTagReply>(host, *put, [delivered](const absl::StatusOr<v1::GetTagReply>& reply) {
        delivered(reply.status());
      });
    } else {
      Call<v1::DropTagsReply>(host, std::get<v1::DropTagsRequest>(change),
                              [delivered](const absl::StatusOr<v1::DropTagsReply>& reply) {
                                delivered(reply.status());
                              });
    }
  }
}

void BuildIndexBroadcast::OnDelivered(const std::string& host, const Change& change,
                                      const absl::Status& status) {
  auto it = backlogs_.find(host);
  if (it == backlogs_.end()) return;
  --it->second.under_way;
  if (IsDown(status)) {
    it->second.is_back = false;
    NoteFailure(host);
    Remember(host, change);
    return;
  }
  // What it refuses now, it would refuse again.
  if (!status.ok()) {
    telemetry::LogWarn("a build-index that was down refuses a change of a tag",
                       {{"host", host}, {"reason", status}});
  }
  it->second.is_back = true;
  Deliver(host);
}

}  // namespace kraken::rpc
