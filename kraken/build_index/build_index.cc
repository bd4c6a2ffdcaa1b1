#include "kraken/build_index/build_index.h"

#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "kraken/backend/backend_set.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/worker_pool.h"
#include "kraken/build_index/tag_hub.h"
#include "kraken/build_index/tag_table.h"
#include "kraken/daemon/admin_routes.h"
#include "kraken/daemon/epoch_fence.h"
#include "kraken/daemon/http_front.h"
#include "kraken/daemon/mirrored_counter.h"
#include "kraken/daemon/rpc_listener.h"
#include "kraken/daemon/shutdown_sequence.h"
#include "kraken/daemon/start_error.h"
#include "kraken/daemon/tls/tls_settings.h"
#include "kraken/daemon/version.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_server.h"
#include "kraken/net/inherited_sockets.h"
#include "kraken/net/loop_thread.h"
#include "kraken/net/router.h"
#include "kraken/rpc/build_index_service.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/rpc_server.h"
#include "kraken/rpc/write_epoch.h"
#include "kraken/telemetry/metrics.h"

namespace kraken::build_index {
namespace {

constexpr int kMaxPort = 65535;
constexpr size_t kMaxQueue = 65536;
constexpr int kUpstreamThreads = 16;
constexpr absl::Duration kGrace = absl::Seconds(5);

rpc::v1::GetTagReply ToReply(const TagRow& row) {
  rpc::v1::GetTagReply reply;
  if (row.digest.has_value()) reply.set_digest(rpc::ToBytes(*row.digest));
  reply.set_revision(row.revision);
  return reply;
}

rpc::v1::DropTagsReply ToReply(const std::vector<DroppedTag>& dropped) {
  rpc::v1::DropTagsReply reply;
  for (const DroppedTag& tag : dropped) {
    rpc::v1::DroppedTag& proto = *reply.add_dropped();
    proto.set_tag(tag.tag);
    proto.set_digest(rpc::ToBytes(tag.digest));
  }
  return reply;
}

absl::StatusOr<GoneTags> ReadGoneTags(const rpc::v1::DropTagsRequest& request) {
  switch (request.which_case()) {
    case rpc::v1::DropTagsRequest::kTag: {
      KH_ASSIGN_OR_RETURN(Tag tag, Tag::Parse(request.tag()));
      return GoneTags(std::move(tag));
    }
    case rpc::v1::DropTagsRequest::kDigest: {
      KH_ASSIGN_OR_RETURN(const Digest digest, rpc::DigestFromBytes(request.digest()));
      return GoneTags(digest);
    }
    case rpc::v1::DropTagsRequest::kAllBut:
      return GoneTags(
          std::set<std::string>(request.all_but().tags().begin(), request.all_but().tags().end()));
    case rpc::v1::DropTagsRequest::WHICH_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("DropTags: which tags?");
}

TagHub::Done Through(rpc::BuildIndexService::Reply reply) {
  return [reply = std::move(reply)](absl::StatusOr<TagRow> row) {
    if (row.ok()) {
      reply(ToReply(*row));
    } else {
      reply(row.status());
    }
  };
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

// Everything, in the order of construction; destroyed in reverse.
class BuildIndex final : public daemon::Daemon {
 public:
  BuildIndex(const BuildIndexConfig& config, const BuildIndexFlags& flags,
             const daemon::DaemonContext& context)
      : config_(config), flags_(flags), control_(*context.control), sockets_(context.sockets) {}

  absl::Status Start() {
    KH_ASSIGN_OR_RETURN(tls_, daemon::MakeTlsSettings(config_.common.tls, &metrics_));
    KH_ASSIGN_OR_RETURN(front_, daemon::HttpFront::Create(config_.common.http, config_.common.zap,
                                                          &metrics_, sockets_));
    auto backends = backend::BackendSet::Create(config_.backends);
    if (!backends.ok()) return daemon::WithExitCode(backends.status(), config::kExitNoBackend);
    backends_ = *std::move(backends);
    auto table = TagTable::Open(config_.localdb.source);
    if (!table.ok()) return daemon::WithExitCode(table.status(), config::kExitDirectoryNotWritable);
    table_ = *std::move(table);
    auto fence = daemon::EpochFence::Open(&control_, &disk_, {FolderOf(config_.localdb.source)});
    if (!fence.ok()) return daemon::WithExitCode(fence.status(), config::kExitDirectoryNotWritable);
    fence_ = *std::move(fence);
    hub_ = std::make_unique<TagHub>(
        &control_, table_.get(), &disk_, &upstream_,
        [this](const Namespace& ns, const Tag& tag) { return backends_->ResolveTag(ns, tag); },
        config_.tagserver);
    return Serve();
  }

  absl::Status Readiness() override { return absl::OkStatus(); }

  void ReopenLogs() override { front_->ReopenLog(); }

  void Shutdown(absl::AnyInvocable<void()> done) override {
    shutdown_.AddBlocking("gRPC", [this] { rpc_server_->Shutdown(kGrace); });
    shutdown_.AddBlocking("backends", [this] {
      backends_->Shutdown();
      upstream_.Shutdown();
    });
    shutdown_.AddBlocking("disk", [this] { disk_.Shutdown(); });
    shutdown_.Add("http", [this](auto next) { http_->Shutdown(kGrace, std::move(next)); });
    shutdown_.Run(std::move(done));
  }

 private:
  absl::Status Serve() {
    service_ = std::make_unique<rpc::BuildIndexService>(
        control_.handle(),
        rpc::BuildIndexService::Handlers{
            .get_tag = [this](rpc::v1::GetTagRequest request,
                              rpc::BuildIndexService::Reply reply) { GetTag(request, reply); },
            .put_tag = [this](rpc::v1::PutTagRequest request,
                              rpc::BuildIndexService::Reply reply) { AdmitPut(request, reply); },
            .drop_tags =
                [this](rpc::v1::DropTagsRequest request, rpc::BuildIndexService::DropReply reply) {
                  AdmitDrop(request, reply);
                }});
    KH_ASSIGN_OR_RETURN(rpc_server_,
                        daemon::StartRpcServer(flags_.grpc_port, tls_.rpc, service_.get()));

    router_.Add("GET", "/tags/{tag}",
                [this](std::shared_ptr<net::HttpExchange> exchange) { GetTagHttp(exchange); });
    daemon::AddAdminRoutes(router_,
                           {.capabilities = daemon::CapabilitiesOf("build-index", *rpc_server_),
                            .metrics = &metrics_,
                            .control = &control_,
                            .readiness = [this] { return Readiness(); },
                            .refresh_metrics = [this] { RefreshMetrics(); }});
    KH_ASSIGN_OR_RETURN(http_, front_->Serve(admin_.loop(), flags_.port, /*is_main=*/true,
                                             tls_.http_server, router_));
    return absl::OkStatus();
  }

  void GetTag(const rpc::v1::GetTagRequest& request, rpc::BuildIndexService::Reply reply) {
    absl::StatusOr<Namespace> ns = Namespace::Parse(request.namespace_());
    absl::StatusOr<Tag> tag = Tag::Parse(request.tag());
    if (!ns.ok() || !tag.ok()) {
      reply(ns.ok() ? tag.status() : ns.status());
      return;
    }
    hub_->Get(*ns, *tag, Through(std::move(reply)));
  }

  void AdmitPut(const rpc::v1::PutTagRequest& request, const rpc::BuildIndexService::Reply& reply) {
    fence_->Admit(request.write_epoch(), [this, request, reply](const absl::Status& admitted) {
      if (!admitted.ok()) return Refuse(admitted, reply);
      PutTag(request, reply);
    });
  }

  void AdmitDrop(const rpc::v1::DropTagsRequest& request,
                 const rpc::BuildIndexService::DropReply& reply) {
    fence_->Admit(request.write_epoch(), [this, request, reply](const absl::Status& admitted) {
      if (!admitted.ok()) return Refuse(admitted, reply);
      DropTags(request, reply);
    });
  }

  template <typename Reply>
  void Refuse(const absl::Status& status, const Reply& reply) {
    if (rpc::SeenEpoch(status).has_value()) ++stale_writes_;
    reply(status);
  }

  void PutTag(const rpc::v1::PutTagRequest& request, rpc::BuildIndexService::Reply reply) {
    absl::StatusOr<Namespace> ns = Namespace::Parse(request.namespace_());
    absl::StatusOr<Tag> tag = Tag::Parse(request.tag());
    absl::StatusOr<Digest> digest = rpc::DigestFromBytes(request.digest());
    for (const absl::Status& status : {ns.status(), tag.status(), digest.status()}) {
      if (!status.ok()) {
        reply(status);
        return;
      }
    }
    const TagRow row = {
        .digest = *digest, .revision = Believable(request.revision()), .confirmed_at = absl::Now()};
    hub_->Put(*ns, *tag, row, Through(std::move(reply)));
  }

  // A clock that runs ahead must not keep later events from being heard.
  static uint64_t Believable(uint64_t revision) {
    return std::min(revision,
                    static_cast<uint64_t>(absl::ToUnixMillis(absl::Now() + absl::Minutes(1))));
  }

  void DropTags(const rpc::v1::DropTagsRequest& request, rpc::BuildIndexService::DropReply reply) {
    absl::StatusOr<Namespace> ns = Namespace::Parse(request.namespace_());
    absl::StatusOr<GoneTags> which = ReadGoneTags(request);
    if (!ns.ok() || !which.ok()) {
      reply(ns.ok() ? which.status() : ns.status());
      return;
    }
    // Tags that stood for a digest may stand for another one now: that was not asked.
    const bool confirmed = !std::holds_alternative<Digest>(*which);
    const TagRow gone = {.digest = {},
                         .revision = Believable(request.revision()),
                         .confirmed_at = confirmed ? absl::Now() : absl::UnixEpoch()};
    hub_->Drop(*ns, *std::move(which), gone,
               [reply](absl::StatusOr<std::vector<DroppedTag>> dropped) {
                 if (dropped.ok()) {
                   reply(ToReply(*dropped));
                 } else {
                   reply(dropped.status());
                 }
               });
  }

  void GetTagHttp(std::shared_ptr<net::HttpExchange> exchange) {
    const std::string name(exchange->path_param("tag"));
    const size_t colon = name.rfind(':');
    absl::StatusOr<Namespace> ns = Namespace::Parse(name.substr(0, colon));
    absl::StatusOr<Tag> tag = Tag::Parse(colon == std::string::npos ? "" : name.substr(colon + 1));
    if (!ns.ok() || !tag.ok()) {
      exchange->RespondError(400, absl::StrCat("\"", name, "\" is not repository:tag"));
      return;
    }
    control_.Post([this, exchange, ns = *ns, tag = *tag] {
      hub_->Get(ns, tag, [exchange](absl::StatusOr<TagRow> row) {
        exchange->Post([row](net::HttpExchange& e) {
          if (row.ok()) {
            e.Respond(200, {{"Content-Type", "text/plain"}}, row->digest->ToString());
          } else {
            e.RespondError(absl::IsNotFound(row.status()) ? 404 : 500, row.status().message());
          }
        });
      });
    });
  }

  void RefreshMetrics() {
    const TagHubStats stats = hub_->stats();
    gets_.Set(stats.gets);
    puts_.Set(stats.puts);
    drops_.Set(stats.drops);
    queries_.Set(stats.upstream_queries);
    stale_.Set(stats.served_stale);
    refused_.Set(stale_writes_);
  }

  const BuildIndexConfig config_;
  const BuildIndexFlags flags_;
  net::EventLoop& control_;
  net::InheritedSockets* const sockets_;
  daemon::TlsSettings tls_;
  telemetry::Metrics metrics_{"kraken-build-index", daemon::kVersion};
  std::unique_ptr<daemon::HttpFront> front_;
  daemon::MirroredCounter gets_{metrics_.AddCounter("kraken_tag_gets_total", "Tags asked for.")};
  daemon::MirroredCounter puts_{
      metrics_.AddCounter("kraken_tag_puts_total", "Tags set by events.")};
  daemon::MirroredCounter drops_{
      metrics_.AddCounter("kraken_tag_drops_total", "Requests to drop tags that are gone.")};
  daemon::MirroredCounter queries_{
      metrics_.AddCounter("kraken_tag_upstream_queries_total", "Tags asked of backends.")};
  daemon::MirroredCounter stale_{metrics_.AddCounter(
      "kraken_tag_stale_answers_total", "Tags served though no backend could confirm them.")};
  daemon::MirroredCounter refused_{
      metrics_.AddCounter("kraken_stale_writes_total",
                          "Writes of bridges that hold their lease no more, or have none.")};
  uint64_t stale_writes_ = 0;
  // One thread: SQLite's only writer and reader.
  WorkerPool disk_{1, kMaxQueue, "tags"};
  WorkerPool upstream_{kUpstreamThreads, kMaxQueue, "upstream"};
  net::LoopThread admin_{"http"};
  std::unique_ptr<backend::BackendSet> backends_;
  std::unique_ptr<TagTable> table_;
  std::unique_ptr<daemon::EpochFence> fence_;
  std::unique_ptr<TagHub> hub_;
  std::unique_ptr<rpc::BuildIndexService> service_;
  std::unique_ptr<rpc::RpcServer> rpc_server_;
  net::Router router_;
  std::unique_ptr<net::HttpServer> http_;
  daemon::ShutdownSequence shutdown_{&control_};
};

}  // namespace

void AddFlags(config::FlagSet& set, BuildIndexFlags* flags) {
  set.Int("port", &flags->port, 1, kMaxPort, "port of HTTP, by which others know this process");
  set.Int("grpc-port", &flags->grpc_port, 0, kMaxPort,
          "port of gRPC; 0: any free one (others learn it over HTTP)");
}

absl::StatusOr<std::unique_ptr<daemon::Daemon>> StartBuildIndex(
    const BuildIndexConfig& config, const BuildIndexFlags& flags,
    const daemon::DaemonContext& context) {
  auto build_index = std::make_unique<BuildIndex>(config, flags, context);
  KH_RETURN_IF_ERROR(build_index->Start());
  return build_index;
}

}  // namespace kraken::build_index
