#include "kraken/agent/registry_face.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "kraken/agent/blob_streamer.h"
#include "kraken/agent/blob_waiter.h"
#include "kraken/base/check.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/status_util.h"
#include "kraken/registry/content_response.h"
#include "kraken/registry/errors.h"
#include "kraken/registry/manifest.h"

namespace kraken::agent {
namespace {

using registry::Endpoint;
using registry::ResourceKind;
using Exchange = std::shared_ptr<net::HttpExchange>;

// Of manifests kept in memory: some hundred images.
constexpr size_t kMaxCachedManifestBytes = 2 << 20;

constexpr absl::string_view kApiVersion = "Docker-Distribution-API-Version";
constexpr absl::string_view kApiVersionValue = "registry/2.0";

// In the exchange's loop, or from another one by Post().
void RespondStatus(net::HttpExchange& exchange, const absl::Status& status, ResourceKind resource) {
  exchange.Respond(registry::ErrorResponse(registry::ReplyFor(status, resource)));
}

void PostStatus(const Exchange& exchange, const absl::Status& status, ResourceKind resource) {
  exchange->Post([status, resource](net::HttpExchange& e) { RespondStatus(e, status, resource); });
}

// The request means a registry that we do not stand in for. A 404 makes a runtime go on to that.
void RefuseMirror(net::HttpExchange& exchange, const absl::Status& status) {
  const bool unknown = absl::IsNotFound(status);
  exchange.Respond(registry::ErrorResponse(
      unknown ? 404 : 400,
      unknown ? registry::ErrorCode::kNameUnknown : registry::ErrorCode::kNameInvalid,
      status.message()));
}

// REQUIRES: a mirror rule's host, which the configuration has checked, or none.
Namespace NamespaceOf(const std::string& host, const RepositoryName& repository) {
  if (host.empty()) return Namespace(repository);
  absl::StatusOr<Namespace> ns = Namespace::Create(host, repository.ToString());
  KH_CHECK(ns.ok());  // the rules for a namespace's repository are wider
  return *std::move(ns);
}

// A slice of the content in memory, for what is answered in one go.
void RespondContent(net::HttpExchange& exchange, const registry::ContentResponse& response,
                    const std::string& content) {
  if (!response.body.has_value()) {
    exchange.Respond(response.status, response.headers, "");
    return;
  }
  const registry::ByteRange& range = *response.body;
  exchange.StartResponse(response.status, response.headers,
                         static_cast<uint64_t>(range.length.value()));
  exchange.Write(absl::string_view(content).substr(static_cast<size_t>(range.offset.value()),
                                                   static_cast<size_t>(range.length.value())));
  exchange.Finish();
}

// The whole of a small blob that is here. Blocks on the disk.
absl::StatusOr<std::string> ReadAll(const peer_wire::BlobReader& reader) {
  std::string content(static_cast<size_t>(reader.end().value()), '\0');
  size_t done = 0;
  while (done < content.size()) {
    const ssize_t n =
        pread(reader.fd(), content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoToStatus(errno, absl::StrCat("read ", reader.digest().ToString()));
    if (n == 0) return absl::DataLossError(absl::StrCat(reader.digest().ToString(), " is cut off"));
    done += static_cast<size_t>(n);
  }
  return content;
}

}  // namespace

RegistryFace::RegistryFace(const Parts& parts, const DownloadConfig& config, MirrorRules mirrors)
    : parts_(parts),
      config_(config),
      mirrors_(std::move(mirrors)),
      tags_(parts.control, parts.build_index, config.tag_max_age),
      manifests_(kMaxCachedManifestBytes) {}

net::EventLoop* RegistryFace::CurrentLoop() const {
  for (net::EventLoop* loop : parts_.loops) {
    if (loop->IsInLoopThread()) return loop;
  }
  KH_CHECK(false);
  return nullptr;
}

void RegistryFace::Handle(Exchange exchange) {
  if (parts_.access != nullptr && exchange->path() == access::TokenRealm::kPath) {
    parts_.access->HandleToken(std::move(exchange));
    return;
  }
  auto parsed = registry::ParseRegistryPath(exchange->method(), exchange->path(),
                                            registry::RegistryMode::kReadOnly);
  if (auto* refusal = std::get_if<registry::RegistryRefusal>(&parsed)) {
    net::HttpResponse response = registry::ErrorResponse(refusal->reply);
    if (refusal->allow.has_value()) response.headers.Set("Allow", *refusal->allow);
    exchange->Respond(response);
    return;
  }
  const auto& request = std::get<registry::RegistryRequest>(parsed);
  const absl::StatusOr<std::string> host = mirrors_.HostFor(exchange->query());
  if (!host.ok()) {
    RefuseMirror(*exchange, host.status());
    return;
  }
  if (request.endpoint == Endpoint::kBase) {
    Authorize(std::move(exchange), access::Pull(), ResourceKind::kRepository, [](Exchange e) {
      e->Respond(200, {{"Content-Type", "application/json"}, {kApiVersion, kApiVersionValue}},
                 "{}");
    });
    return;
  }
  if (!request.repository.has_value()) {
    exchange->Respond(registry::ErrorResponse(404, registry::ErrorCode::kUnsupported,
                                              "agents have no catalog; ask Harbor"));
    return;
  }
  const Namespace ns = NamespaceOf(*host, *request.repository);
  switch (request.endpoint) {
    case Endpoint::kManifest:
      Authorize(std::move(exchange), {.ns = ns, .manifest = request.reference, .blob = {}},
                ResourceKind::kManifest,
                [this, ns, request](Exchange e) { ServeManifest(std::move(e), ns, request); });
      return;
    case Endpoint::kBlob:
      Authorize(std::move(exchange), {.ns = ns, .manifest = {}, .blob = request.digest},
                ResourceKind::kBlob, [this, ns, digest = *request.digest](Exchange e) {
                  ServeBlob(std::move(e), ns, digest);
                });
      return;
    default:
      ServeList(std::move(exchange), ns, request);
  }
}

void RegistryFace::Authorize(Exchange exchange, const access::Pull& pull, ResourceKind kind,
                             PullAccess::Serve serve) {
  if (parts_.access == nullptr) {
    serve(std::move(exchange));
  } else {
    parts_.access->Authorize(std::move(exchange), pull, kind, std::move(serve));
  }
}

void RegistryFace::ServeList(Exchange exchange, const Namespace& ns,
                             const registry::RegistryRequest& request) {
  if (parts_.access == nullptr) {
    exchange->Respond(registry::ErrorResponse(
        404, registry::ErrorCode::kUnsupported,
        "lists of tags and of referrers come from Harbor, and the agent has no section `access` "
        "that names it"));
  } else if (request.endpoint == Endpoint::kTagsList) {
    parts_.access->ServeTagList(std::move(exchange), ns);
  } else {
    parts_.access->ServeReferrers(std::move(exchange), ns, *request.digest);
  }
}

void RegistryFace::ServeManifest(Exchange exchange, const Namespace& ns,
                                 const registry::RegistryRequest& request) {
  if (const Digest* digest = request.reference->digest()) {
    ServeManifestByDigest(std::move(exchange), ns, *digest);
    return;
  }
  tags_.Resolve(ns, *request.reference->tag(),
                [this, exchange, ns](const absl::StatusOr<Digest>& digest) {
                  if (digest.ok()) {
                    ServeManifestByDigest(exchange, ns, *digest);
                  } else {
                    PostStatus(exchange, digest.status(), ResourceKind::kManifest);
                  }
                });
}

// In any loop.
void RegistryFace::ServeManifestByDigest(Exchange exchange, const Namespace& ns,
                                         const Digest& digest) {
  // As long as the store has it: what was deleted or evicted is not served from memory.
  const std::shared_ptr<const ServedManifest> known = manifests_.Find(digest).value_or(nullptr);
  if (known != nullptr && parts_.store->Find(digest).ok()) {
    exchange->Post(
        [this, exchange, ns, known](net::HttpExchange&) { RespondManifest(exchange, ns, known); });
    return;
  }
  parts_.control->Post([this, exchange, ns, digest] {
    parts_.downloads->Want(ns, digest, [this, exchange, ns, digest](absl::Status status) {
      if (status.ok()) {
        ReadManifest(exchange, ns, digest);
      } else {
        PostStatus(exchange, status, ResourceKind::kManifest);
      }
    });
  });
}

// On the control loop. A manifest is sent whole, so all of it is waited for.
void RegistryFace::ReadManifest(Exchange exchange, const Namespace& ns, const Digest& digest) {
  absl::StatusOr<std::unique_ptr<peer_wire::BlobReader>> reader =
      parts_.node->OpenReader(digest, ByteOffset(0), ByteCount(-1));
  if (!reader.ok()) {
    PostStatus(exchange, reader.status(), ResourceKind::kManifest);
    return;
  }
  if ((*reader)->size() > ByteCount(registry::kMaxManifestBytes)) {
    PostStatus(exchange,
               absl::NotFoundError(absl::StrCat(
                   digest.ToString(), " is not a manifest: ", (*reader)->size().value(), " bytes")),
               ResourceKind::kManifest);
    return;
  }
  AwaitBlob(*std::move(reader), std::min(config_.progress_timeout, config_.first_byte_timeout),
            parts_.control,
            [this, exchange, ns](absl::StatusOr<std::shared_ptr<peer_wire::BlobReader>> whole) {
              if (whole.ok()) {
                SendManifest(exchange, ns, *std::move(whole));
              } else {
                PostStatus(exchange, whole.status(), ResourceKind::kManifest);
              }
            });
}

// On the control loop: all of it is here.
void RegistryFace::SendManifest(Exchange exchange, const Namespace& ns,
                                std::shared_ptr<peer_wire::BlobReader> reader) {
  const absl::Status submitted = parts_.disk->Submit([this, exchange, ns, reader] {
    absl::StatusOr<std::string> body = ReadAll(*reader);
    if (!body.ok()) return PostStatus(exchange, body.status(), ResourceKind::kManifest);
    const Digest digest = reader->digest();
    const auto manifest = ServedManifest::Parse(digest, *std::move(body));
    if (!manifest.ok()) {
      return PostStatus(exchange,
                        absl::NotFoundError(absl::StrCat(digest.ToString(), " is not a manifest: ",
                                                         manifest.status().message())),
                        ResourceKind::kManifest);
    }
    const size_t size = (*manifest)->body.size();
    if (size <= kMaxCachedManifest) manifests_.Put(digest, *manifest, size);
    exchange->Post([this, exchange, ns, manifest = *manifest](net::HttpExchange&) {
      RespondManifest(exchange, ns, manifest);
    });
  });
  if (!submitted.ok()) PostStatus(exchange, submitted, ResourceKind::kManifest);
}

void RegistryFace::RespondManifest(Exchange exchange, const Namespace& ns,
                                   const std::shared_ptr<const ServedManifest>& manifest) {
  if (parts_.access != nullptr) parts_.access->AddEdges(ns, manifest->references);
  if (exchange->method() == "GET") parts_.look_ahead->OnServed(ns, manifest);
  const registry::ContentResponse response = registry::ManifestResponse(
      exchange->request().headers, manifest->digest, manifest->media_type,
      ByteCount(static_cast<int64_t>(manifest->body.size())));
  RespondContent(*exchange, response, manifest->body);
}

void RegistryFace::ServeBlob(Exchange exchange, const Namespace& ns, const Digest& digest) {
  absl::StatusOr<std::shared_ptr<const storage::Blob>> blob = parts_.store->Find(digest);
  if (blob.ok()) {
    ServeComplete(std::move(exchange), *std::move(blob));
    return;
  }
  if (!absl::IsNotFound(blob.status())) {
    RespondStatus(*exchange, blob.status(), ResourceKind::kBlob);
    return;
  }
  const MonotonicTime deadline = net::EventLoop::MonotonicNow() + config_.first_byte_timeout;
  parts_.control->Post([this, exchange, ns, digest, deadline] {
    parts_.downloads->Want(ns, digest, [this, exchange, digest, deadline](absl::Status status) {
      if (status.ok()) {
        OpenAndStream(exchange, digest, deadline);
      } else {
        PostStatus(exchange, status, ResourceKind::kBlob);
      }
    });
  });
}

void RegistryFace::ServeComplete(Exchange exchange, std::shared_ptr<const storage::Blob> blob) {
  registry::ContentResponse response =
      registry::BlobResponse(exchange->request().headers, blob->digest(), blob->size());
  if (!response.body.has_value()) {
    exchange->Respond(response.status, response.headers, "");
    return;
  }
  const auto offset = static_cast<uint64_t>(response.body->offset.value());
  const auto length = static_cast<uint64_t>(response.body->length.value());
  exchange->StartResponse(response.status, response.headers, length);
  if (length > 0) exchange->SendFile(blob->fd(), offset, length, blob);
  exchange->Finish();
}

// On the control loop: the blob is arriving, or has just become complete.
void RegistryFace::OpenAndStream(Exchange exchange, const Digest& digest, MonotonicTime deadline) {
  absl::StatusOr<std::unique_ptr<peer_wire::BlobReader>> whole =
      parts_.node->OpenReader(digest, ByteOffset(0), ByteCount(-1));
  if (!whole.ok()) {
    PostStatus(exchange, whole.status(), ResourceKind::kBlob);
    return;
  }
  registry::ContentResponse response =
      registry::BlobResponse(exchange->request().headers, digest, (*whole)->size());
  if (!response.body.has_value()) {
    exchange->Post(
        [response](net::HttpExchange& e) { e.Respond(response.status, response.headers, ""); });
    return;
  }
  const bool is_head = exchange->method() == "HEAD";
  absl::StatusOr<std::unique_ptr<peer_wire::BlobReader>> reader =
      is_head ? std::unique_ptr<peer_wire::BlobReader>()
              : parts_.node->OpenReader(digest, response.body->offset, response.body->length);
  if (!reader.ok()) {
    PostStatus(exchange, reader.status(), ResourceKind::kBlob);
    return;
  }
  auto start = [response](net::HttpExchange& e) {
    e.StartResponse(response.status, response.headers,
                    static_cast<uint64_t>(response.body->length.value()));
  };
  exchange->Post([this, exchange, is_head, deadline, start = std::move(start),
                  reader = *std::move(reader)](net::HttpExchange& e) mutable {
    if (is_head) {
      start(e);
      e.Finish();
      return;
    }
    BlobStreamOptions options;
    options.start = std::move(start);
    options.refuse = [](net::HttpExchange& refused, const absl::Status& status) {
      RespondStatus(refused, status, ResourceKind::kBlob);
    };
    options.first_byte_timeout =
        std::max(absl::ZeroDuration(), deadline - net::EventLoop::MonotonicNow());
    options.progress_timeout = config_.progress_timeout;
    StreamBlob(exchange, std::move(reader), std::move(options), CurrentLoop());
  });
}

}  // namespace kraken::agent
