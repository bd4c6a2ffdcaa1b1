#include "harbor_bridge/work/cluster_writer.h"

#include <functional>
#include <memory>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/rpc/convert.h"

namespace harbor_bridge {
namespace {

constexpr absl::Duration kOriginTimeout = absl::Seconds(10);
constexpr int kMaxEvictionRounds = 3;

// Begins a call in the loop and waits for its answer.
template <typename Answer>
Answer CallAndWait(kraken::net::EventLoop* loop,
                   absl::AnyInvocable<void(std::function<void(Answer)>)> begin) {
  struct Call {
    absl::Notification done;
    Answer answer = absl::UnknownError("no answer");
  };
  auto call = std::make_shared<Call>();
  loop->Post([call, begin = std::move(begin)]() mutable {
    begin([call](Answer answer) {
      call->answer = std::move(answer);
      call->done.Notify();
    });
  });
  call->done.WaitForNotification();
  return std::move(call->answer);
}

// The answers of all origins to one request.
struct Eviction {
  size_t missing = 0;
  std::string manifest;
  absl::Status failure;
};

const absl::Status& StatusOf(const absl::Status& answer) { return answer; }

template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& answer) {
  return answer.status();
}

}  // namespace

template <typename Answer, typename Request>
Answer ClusterWriter::Write(
    Request request, std::function<void(const Request&, std::function<void(Answer)>)> begin) {
  KH_ASSIGN_OR_RETURN(*request.mutable_write_epoch(), leave_->Epoch());
  Answer answer = CallAndWait<Answer>(
      loop_, [request = std::move(request), begin = std::move(begin)](
                 std::function<void(Answer)> done) { begin(request, std::move(done)); });
  if (!answer.ok()) return leave_->Ended(StatusOf(answer));
  return answer;
}

absl::Status ClusterWriter::PutTag(const kraken::Namespace& ns, const kraken::Tag& tag,
                                   const kraken::Digest& digest, uint64_t revision) {
  kraken::rpc::v1::PutTagRequest request;
  request.set_namespace_(ns.ToString());
  request.set_tag(tag.ToString());
  request.set_digest(kraken::rpc::ToBytes(digest));
  request.set_revision(revision);
  return Write<absl::Status, kraken::rpc::v1::PutTagRequest>(
      std::move(request), [this](const auto& ready, std::function<void(absl::Status)> done) {
        build_index_->PutTag(ready, std::move(done));
      });
}

absl::StatusOr<ClusterWriter::Digests> ClusterWriter::DropTag(const kraken::Namespace& ns,
                                                              const kraken::Tag& tag,
                                                              uint64_t revision) {
  kraken::rpc::v1::DropTagsRequest request;
  request.set_namespace_(ns.ToString());
  request.set_tag(tag.ToString());
  request.set_revision(revision);
  return Drop(std::move(request));
}

absl::StatusOr<ClusterWriter::Digests> ClusterWriter::DropTagsOf(const kraken::Namespace& ns,
                                                                 const kraken::Digest& digest,
                                                                 uint64_t revision) {
  kraken::rpc::v1::DropTagsRequest request;
  request.set_namespace_(ns.ToString());
  request.set_digest(kraken::rpc::ToBytes(digest));
  request.set_revision(revision);
  return Drop(std::move(request));
}

absl::StatusOr<ClusterWriter::Digests> ClusterWriter::DropAllTagsBut(
    const kraken::Namespace& ns, const std::vector<std::string>& tags, uint64_t revision) {
  kraken::rpc::v1::DropTagsRequest request;
  request.set_namespace_(ns.ToString());
  kraken::rpc::v1::TagList& left = *request.mutable_all_but();
  for (const std::string& tag : tags) left.add_tags(tag);
  request.set_revision(revision);
  return Drop(std::move(request));
}

absl::StatusOr<ClusterWriter::Digests> ClusterWriter::Drop(
    kraken::rpc::v1::DropTagsRequest request) {
  using Answer = absl::StatusOr<kraken::rpc::v1::DropTagsReply>;
  KH_ASSIGN_OR_RETURN(
      const kraken::rpc::v1::DropTagsReply reply,
      (Write<Answer, kraken::rpc::v1::DropTagsRequest>(
          std::move(request), [this](const auto& ready, std::function<void(Answer)> done) {
            build_index_->DropTags(ready, done);
          })));
  Digests digests;
  for (const kraken::rpc::v1::DroppedTag& tag : reply.dropped()) {
    KH_ASSIGN_OR_RETURN(const kraken::Digest digest, kraken::rpc::DigestFromBytes(tag.digest()));
    digests.push_back(digest);
  }
  return digests;
}

absl::StatusOr<std::string> ClusterWriter::EvictManifest(const kraken::Digest& digest) {
  std::string manifest;
  for (int round = 0; round < kMaxEvictionRounds; ++round) {
    KH_ASSIGN_OR_RETURN(std::string evicted, EvictOnce(digest));
    if (evicted.empty()) break;
    manifest = std::move(evicted);
  }
  return manifest;
}

absl::StatusOr<std::string> ClusterWriter::EvictOnce(const kraken::Digest& digest) {
  using Answer = absl::StatusOr<std::string>;
  using Request = kraken::rpc::v1::EvictManifestRequest;
  Request unready;
  unready.set_digest(kraken::rpc::ToBytes(digest));
  return Write<Answer, Request>(
      std::move(unready), [this](const Request& request, std::function<void(Answer)> done) {
        // Those that are down are asked too: they still have it when they are back.
        const std::vector<std::string> hosts = cluster_->ring()->members();
        if (hosts.empty()) {
          done(absl::UnavailableError("no origin is known (origin.hosts)"));
          return;
        }
        auto eviction = std::make_shared<Eviction>();
        eviction->missing = hosts.size();
        for (const std::string& host : hosts) {
          origins_->EvictManifest(
              host, request, kOriginTimeout,
              [eviction, host, done](absl::StatusOr<kraken::rpc::v1::EvictManifestReply> reply) {
                if (!reply.ok()) {
                  eviction->failure.Update(kraken::Annotate(reply.status(), host));
                } else if (reply->was_here()) {
                  eviction->manifest = reply->manifest();
                }
                if (--eviction->missing > 0) return;
                if (eviction->failure.ok()) {
                  done(std::move(eviction->manifest));
                } else {
                  done(eviction->failure);
                }
              });
        }
      });
}

}  // namespace harbor_bridge
