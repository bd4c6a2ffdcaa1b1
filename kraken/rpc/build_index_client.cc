#include "kraken/rpc/build_index_client.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/rpc/build_index.grpc.pb.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/unary.h"

namespace kraken::rpc {

struct BuildIndexClient::Query {
  Attempt attempt;
  Done done;
  size_t first = 0;
  size_t tried = 0;
  std::string failures;
};

BuildIndexClient::BuildIndexClient(net::EventLoop* loop, ChannelDirectory* directory,
                                   std::vector<std::string> hosts, absl::Duration timeout)
    : loop_(loop),
      directory_(directory),
      hosts_(std::move(hosts)),
      timeout_(timeout),
      alive_(std::make_shared<BuildIndexClient*>(this)) {}

BuildIndexClient::~BuildIndexClient() { *alive_ = nullptr; }

void BuildIndexClient::GetTag(const Namespace& ns, const Tag& tag, Done done) {
  v1::GetTagRequest request;
  request.set_namespace_(ns.ToString());
  request.set_tag(tag.ToString());
  Run(
      [request, loop = loop_->handle(), timeout = timeout_](
          std::shared_ptr<grpc::Channel> channel,
          std::function<void(absl::StatusOr<v1::GetTagReply>)> reply) {
        std::shared_ptr<v1::BuildIndex::Stub> stub = v1::BuildIndex::NewStub(channel);
        CallUnary<v1::GetTagReply>(
            loop, request, timeout,
            [stub](auto* context, auto* in, auto* out, auto callback) {
              stub->async()->GetTag(context, in, out, callback);
            },
            std::move(reply));
      },
      std::move(done));
}

void BuildIndexClient::PutTag(const Namespace& ns, const Tag& tag, const TagValue& value,
                              Done done) {
  v1::PutTagRequest request;
  request.set_namespace_(ns.ToString());
  request.set_tag(tag.ToString());
  request.set_digest(ToBytes(value.digest));
  request.set_revision(value.revision);
  Run(
      [request, loop = loop_->handle(), timeout = timeout_](
          std::shared_ptr<grpc::Channel> channel,
          std::function<void(absl::StatusOr<v1::GetTagReply>)> reply) {
        std::shared_ptr<v1::BuildIndex::Stub> stub = v1::BuildIndex::NewStub(channel);
        CallUnary<v1::GetTagReply>(
            loop, request, timeout,
            [stub](auto* context, auto* in, auto* out, auto callback) {
              stub->async()->PutTag(context, in, out, callback);
            },
            std::move(reply));
      },
      std::move(done));
}

void BuildIndexClient::Run(Attempt attempt, Done done) {
  if (hosts_.empty()) {
    done(absl::FailedPreconditionError("no build-index is configured (build_index.hosts)"));
    return;
  }
  auto query = std::make_shared<Query>();
  query->attempt = std::move(attempt);
  query->done = std::move(done);
  query->first = preferred_;
  Try(std::move(query));
}

void BuildIndexClient::Try(std::shared_ptr<Query> query) {
  const std::string& host = hosts_[(query->first + query->tried) % hosts_.size()];
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
  const size_t index = (query->first + query->tried) % hosts_.size();
  const bool try_next =
      absl::IsUnavailable(reply.status()) || absl::IsDeadlineExceeded(reply.status());
  if (try_next) {
    directory_->Suspect(hosts_[index]);
    absl::StrAppend(&query->failures, query->failures.empty() ? "" : "; ", hosts_[index], ": ",
                    reply.status().message());
    if (++query->tried < hosts_.size()) {
      Try(std::move(query));
    } else {
      query->done(
          absl::UnavailableError(absl::StrCat("no build-index answers: ", query->failures)));
    }
    return;
  }
  preferred_ = index;
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
