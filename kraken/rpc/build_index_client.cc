#include "kraken/rpc/build_index_client.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "kraken/base/status_macros.h"
#include "kraken/rpc/build_index.grpc.pb.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/unary.h"

namespace kraken::rpc {

struct BuildIndexClient::Query {
  Attempt attempt;
  Done done;
  std::vector<std::string> hosts;
  size_t tried = 0;
  std::string failures;
};

absl::StatusOr<std::unique_ptr<BuildIndexClient>> BuildIndexClient::Create(
    net::EventLoop* loop, ChannelDirectory* directory, BuildIndexClientOptions options) {
  cluster::ClusterMonitorOptions members;
  members.hosts = options.hosts;
  members.health.disabled = true;  // requests tell
  KH_ASSIGN_OR_RETURN(auto monitor, cluster::ClusterMonitor::Create(loop, std::move(members)));
  return std::unique_ptr<BuildIndexClient>(
      new BuildIndexClient(loop, directory, std::move(options), std::move(monitor)));
}

BuildIndexClient::BuildIndexClient(net::EventLoop* loop, ChannelDirectory* directory,
                                   BuildIndexClientOptions options,
                                   std::unique_ptr<cluster::ClusterMonitor> members)
    : loop_(loop),
      directory_(directory),
      options_(std::move(options)),
      members_(std::move(members)),
      health_(options_.health),
      broadcast_(
          loop, directory,
          [this]() -> absl::StatusOr<std::vector<std::string>> {
            std::vector<std::string> hosts = members_->healthy();
            if (hosts.empty()) return NoAddress();
            return hosts;
          },
          [this](const std::string& host) {
            health_.RecordFailure(host, net::EventLoop::MonotonicNow());
          },
          {.timeout = options_.timeout, .catch_up_interval = options_.catch_up_interval}),
      alive_(std::make_shared<BuildIndexClient*>(this)) {}

BuildIndexClient::~BuildIndexClient() { *alive_ = nullptr; }

void BuildIndexClient::GetTag(const Namespace& ns, const Tag& tag, Done done) {
  v1::GetTagRequest request;
  request.set_namespace_(ns.ToString());
  request.set_tag(tag.ToString());
  auto query = std::make_shared<Query>();
  query->attempt = [request = std::move(request), loop = loop_->handle(),
                    timeout = options_.timeout](
                       std::shared_ptr<grpc::Channel> channel,
                       std::function<void(absl::StatusOr<v1::GetTagReply>)> reply) {
    CallUnary<v1::BuildIndex, v1::GetTagReply>(
        loop, channel, request, timeout,
        [](v1::BuildIndex::Stub& stub, auto* context, auto* in, auto* out, auto callback) {
          stub.async()->GetTag(context, in, out, callback);
        },
        std::move(reply));
  };
  query->done = std::move(done);
  query->hosts = Candidates();
  if (query->hosts.empty()) {
    query->done(NoAddress());
    return;
  }
  Try(std::move(query));
}

void BuildIndexClient::PutTag(v1::PutTagRequest request, Stored done) {
  broadcast_.Put(std::move(request),
                 [done = std::move(done)](const absl::StatusOr<v1::GetTagReply>& reply) {
                   done(reply.status());
                 });
}

std::vector<std::string> BuildIndexClient::Candidates() {
  const std::vector<std::string> all = members_->healthy();
  std::vector<std::string> order = health_.Healthy(all, net::EventLoop::MonotonicNow());
  std::stable_partition(order.begin(), order.end(),
                        [this](const std::string& host) { return host == preferred_; });
  // Who failed lately is asked last, but asked.
  for (const std::string& host : all) {
    if (!absl::c_linear_search(order, host)) order.push_back(host);
  }
  return order;
}

absl::Status BuildIndexClient::NoAddress() const {
  return absl::UnavailableError(
      absl::StrCat("no address is known of ", options_.hosts.dns, " (build_index.hosts.dns)"));
}

void BuildIndexClient::DropTags(v1::DropTagsRequest request, Dropped done) {
  broadcast_.Drop(std::move(request), std::move(done));
}

void BuildIndexClient::Try(std::shared_ptr<Query> query) {
  const std::string& host = query->hosts[query->tried];
  directory_->Get(host,
                  [alive = alive_, query](absl::StatusOr<std::shared_ptr<grpc::Channel>> channel) {
                    if (*alive == nullptr) return;
                    if (!channel.ok()) {
                      (*alive)->OnReply(query, absl::UnavailableError(channel.status().message()));
                      return;
                    }
                    query->attempt(*channel, [alive, query](absl::StatusOr<v1::GetTagReply> reply) {
                      if (*alive != nullptr) (*alive)->OnReply(query, std::move(reply));
                    });
                  });
}

void BuildIndexClient::OnReply(std::shared_ptr<Query> query,
                               absl::StatusOr<v1::GetTagReply> reply) {
  const std::string& host = query->hosts[query->tried];
  const bool try_next =
      absl::IsUnavailable(reply.status()) || absl::IsDeadlineExceeded(reply.status());
  if (try_next) {
    directory_->Suspect(host);
    health_.RecordFailure(host, net::EventLoop::MonotonicNow());
    absl::StrAppend(&query->failures, query->failures.empty() ? "" : "; ", host, ": ",
                    reply.status().message());
    if (++query->tried < query->hosts.size()) {
      Try(std::move(query));
    } else {
      query->done(
          absl::UnavailableError(absl::StrCat("no build-index answers: ", query->failures)));
    }
    return;
  }
  preferred_ = host;
  if (!reply.ok()) {
    query->done(reply.status());
    return;
  }
  absl::StatusOr<Digest> digest = DigestFromBytes(reply->digest());
  if (!digest.ok()) {
    query->done(digest.status());
    return;
  }
  query->done(TagValue{*digest, reply->revision()});
}

}  // namespace kraken::rpc
