#include "kraken/registry/registry_client.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "kraken/base/backoff.h"
#include "kraken/base/digest.h"
#include "kraken/base/image_name.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/sha256.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/tag.h"
#include "kraken/net/blocking_http_client.h"
#include "kraken/net/http_client.h"
#include "kraken/net/http_message.h"
#include "kraken/net/url.h"
#include "kraken/registry/blob_sink.h"
#include "kraken/registry/byte_range.h"
#include "kraken/registry/cancellation.h"
#include "kraken/registry/catalog.h"
#include "kraken/registry/errors.h"
#include "kraken/registry/manifest.h"
#include "kraken/registry/media_type.h"
#include "kraken/registry/referrers.h"
#include "kraken/registry/tag_list.h"

namespace kraken::registry {
namespace {

constexpr absl::Duration kMaxRetryAfter = absl::Seconds(30);
// A try that got so far earns a blob its full number of retries again: a long transfer over a bad
// line ends, and a server that sends a byte per connection does not keep us for ever.
constexpr int64_t kProgressBytes = 1 << 20;

bool IsWorthRetrying(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// `status` with `suffix` at the end of its message; code and payloads stay.
absl::Status WithSuffix(const absl::Status& status, absl::string_view suffix) {
  absl::Status result(status.code(), absl::StrCat(status.message(), suffix));
  status.ForEachPayload([&result](absl::string_view url, const absl::Cord& payload) {
    result.SetPayload(url, payload);
  });
  return result;
}

absl::optional<ByteCount> ContentLength(const net::HeaderMap& headers) {
  int64_t length = 0;
  const absl::optional<absl::string_view> field = headers.Get("Content-Length");
  if (!field.has_value() || !absl::SimpleAtoi(*field, &length) || length < 0) return absl::nullopt;
  return ByteCount(length);
}

// Seconds only: the other form, a date, needs clocks that agree.
absl::Duration RetryAfter(const net::HeaderMap& headers) {
  uint32_t seconds = 0;
  if (!absl::SimpleAtoi(headers.GetOr("Retry-After"), &seconds)) return absl::ZeroDuration();
  return std::min(absl::Seconds(seconds), kMaxRetryAfter);
}

absl::Status Mismatch(absl::string_view where, const Digest& expected, const Digest& actual) {
  return absl::DataLossError(
      absl::StrCat(where, " has digest ", actual.ToString(), " instead of ", expected.ToString()));
}

// What the registry itself says the manifest's digest is.
absl::optional<Digest> StatedDigest(const net::HeaderMap& headers) {
  const absl::StatusOr<Digest> digest = Digest::Parse(headers.GetOr("Docker-Content-Digest"));
  if (!digest.ok()) return absl::nullopt;
  return *digest;
}

constexpr char kJson[] = "application/json";
constexpr char kCatalogScope[] = "registry:catalog:*";
constexpr char kIndexAccept[] = "application/vnd.oci.image.index.v1+json";

std::string PullScope(const RepositoryName& repository) {
  return absl::StrCat("repository:", repository.ToString(), ":pull");
}

// The target of a Link field (RFC 8288) with rel="next" that stays at `path`; "" if there is none.
std::string NextPage(absl::string_view link, absl::string_view path) {
  const size_t begin = link.find('<');
  const size_t end = link.find('>');
  if (begin == absl::string_view::npos || end == absl::string_view::npos || end < begin) return "";
  absl::string_view target = link.substr(begin + 1, end - begin - 1);
  if (!absl::StrContains(link.substr(end), "next")) return "";
  const size_t at = target.find(path);
  if (at == absl::string_view::npos || !absl::StartsWith(target.substr(at + path.size()), "?")) {
    return "";
  }
  return std::string(target.substr(at));
}

absl::Span<const uint8_t> AsBytes(absl::string_view text) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

}  // namespace

struct RegistryClient::Request {
  std::string method;
  std::string target;
  std::string scope;
  std::string what;    // for errors: the thing and the place
  std::string accept;  // empty: no Accept field
};

// A response that the reader did not take.
struct RegistryClient::Answer {
  bool taken = false;
  int status = 0;
  net::HeaderMap headers;
  std::string body;  // cut off at kMaxErrorBodyBytes
};

// What becomes of the response to a request, over all tries.
class RegistryClient::ResponseReader {
 public:
  virtual ~ResponseReader() = default;

  // Where this try has to begin.
  virtual ByteOffset position() const { return ByteOffset(0); }
  // Where it may end; nullopt: with the thing that is asked for.
  virtual absl::optional<ByteOffset> end() const { return absl::nullopt; }
  // A 2xx. An error is the outcome: no further try.
  virtual absl::Status OnHead(const net::HttpResponseHead& head) = 0;
  virtual absl::Status OnBody(absl::string_view /*data*/) { return absl::OkStatus(); }
  // The response is complete. An error is one of this try.
  virtual absl::Status OnEnd() { return absl::OkStatus(); }
  // Whether a response that is no 2xx is a success all the same.
  virtual bool Accepts(const Answer& /*answer*/) { return false; }

  // Kept by Exchange().
  absl::Status error;  // of OnHead() or OnBody()
  absl::Duration retry_after;
};

// For responses whose head says all.
class RegistryClient::HeadReader : public ResponseReader {
 public:
  absl::Status OnHead(const net::HttpResponseHead& head) override {
    headers_ = head.headers;
    return absl::OkStatus();
  }
  const net::HeaderMap& headers() const { return headers_; }

 private:
  net::HeaderMap headers_;
};

// Collects a body of at most kMaxManifestBytes.
class RegistryClient::BodyReader : public HeadReader {
 public:
  absl::Status OnHead(const net::HttpResponseHead& head) override {
    body_.clear();
    return HeadReader::OnHead(head);
  }
  absl::Status OnBody(absl::string_view data) override {
    if (body_.size() + data.size() > kMaxManifestBytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("longer than ", kMaxManifestBytes, " bytes"));
    }
    body_.append(data.data(), data.size());
    return absl::OkStatus();
  }
  std::string& body() { return body_; }

 private:
  std::string body_;
};

// Hands a blob on, from where the last try ended.
class RegistryClient::BlobReader : public ResponseReader {
 public:
  BlobReader(ByteOffset offset, BlobSink& sink) : position_(offset), sink_(sink) {}

  ByteOffset position() const override { return position_; }
  absl::optional<ByteOffset> end() const override { return sink_.end(); }
  // An error of the sink, which is the caller's own.
  bool sink_failed() const { return sink_failed_; }

  absl::Status OnHead(const net::HttpResponseHead& head) override {
    if (head.status != 206) {
      // Everything, though a part was asked for: pass over what is there already.
      skip_ = position_ - ByteOffset(0);
      return Begin(ContentLength(head.headers));
    }
    skip_ = ByteCount(0);
    KH_ASSIGN_OR_RETURN(const ReceivedRange received,
                        ParseContentRange(head.headers.GetOr("Content-Range")));
    if (received.range.offset != position_) {
      return absl::DataLossError(absl::StrCat("asked for bytes from ", position_.value(),
                                              ", got bytes from ", received.range.offset.value()));
    }
    return Begin(received.size);
  }

  absl::Status OnBody(absl::string_view data) override {
    const size_t skipped =
        static_cast<size_t>(std::min<int64_t>(skip_.value(), static_cast<int64_t>(data.size())));
    skip_ -= ByteCount(static_cast<int64_t>(skipped));
    data.remove_prefix(skipped);
    if (data.empty()) return absl::OkStatus();
    position_ += ByteCount(static_cast<int64_t>(data.size()));
    if (size_.has_value() && position_ > ByteOffset(size_->value())) {
      return absl::DataLossError(absl::StrCat("more than its ", size_->value(), " bytes"));
    }
    return FromSink(sink_.Write(data));
  }

  absl::Status OnEnd() override {
    if (skip_ > ByteCount(0)) {
      return absl::OutOfRangeError(
          absl::StrCat("offset ", position_.value(), " is behind its end"));
    }
    if (!size_.has_value()) return absl::OkStatus();
    if (position_ == ByteOffset(size_->value())) return absl::OkStatus();
    if (end().has_value() && position_ >= *end()) return absl::OkStatus();
    return absl::UnavailableError(
        absl::StrCat("ended after ", position_.value(), " of ", size_->value(), " bytes"));
  }

  // A range that begins where the blob ends cannot be satisfied, and need not.
  bool Accepts(const Answer& answer) override {
    absl::string_view range = answer.headers.GetOr("Content-Range");
    int64_t size = 0;
    if (answer.status != 416 || !absl::ConsumePrefix(&range, "bytes */") ||
        !absl::SimpleAtoi(range, &size) || position_ != ByteOffset(size)) {
      return false;
    }
    error = Begin(ByteCount(size));
    return error.ok();
  }

 private:
  absl::Status Begin(absl::optional<ByteCount> size) {
    if (begun_) {
      if (size_.has_value() && size.has_value() && *size_ != *size) {
        return absl::DataLossError(
            absl::StrCat("its size was ", size_->value(), " and is now ", size->value(), " bytes"));
      }
      return absl::OkStatus();
    }
    begun_ = true;
    size_ = size;
    return FromSink(sink_.Begin(size));
  }

  absl::Status FromSink(absl::Status status) {
    if (!status.ok()) sink_failed_ = true;
    return status;
  }

  ByteOffset position_;
  BlobSink& sink_;
  bool begun_ = false;
  bool sink_failed_ = false;
  absl::optional<ByteCount> size_;
  ByteCount skip_;
};

RegistryClient::RegistryClient(RegistryClientOptions options, net::BlockingHttpClient* http,
                               const Clock* clock, BitGen* bits)
    : options_(std::move(options)),
      http_(http),
      bits_(bits),
      authenticator_(options_.registry, options_.credentials, options_.trusted_realm_hosts, http,
                     clock, options_.tls, options_.timeout) {}

absl::Status RegistryClient::Ping(const Cancellation& cancellation) {
  HeadReader reader;
  const Request request = {"GET", "/v2/" + Query(), "", absl::StrCat("registry ", host()), ""};
  return ExchangeWithRetries(request, reader, cancellation);
}

absl::StatusOr<ManifestInfo> RegistryClient::HeadManifest(const RepositoryName& repository,
                                                          const Reference& reference,
                                                          const Cancellation& cancellation) {
  HeadReader reader;
  const Request request = ManifestRequest("HEAD", repository, reference);
  KH_RETURN_IF_ERROR(ExchangeWithRetries(request, reader, cancellation));
  const absl::optional<Digest> digest = StatedDigest(reader.headers());
  const absl::optional<ByteCount> size = ContentLength(reader.headers());
  if (!digest.has_value() || !size.has_value()) {
    KH_ASSIGN_OR_RETURN(FetchedManifest manifest, GetManifest(repository, reference, cancellation));
    return ManifestInfo{manifest.digest, std::move(manifest.media_type),
                        ByteCount(static_cast<int64_t>(manifest.body.size()))};
  }
  if (reference.is_digest() && *reference.digest() != *digest) {
    return Mismatch(request.what, *reference.digest(), *digest);
  }
  return ManifestInfo{*digest, std::string(reader.headers().GetOr("Content-Type")), *size};
}

absl::StatusOr<FetchedManifest> RegistryClient::GetManifest(const RepositoryName& repository,
                                                            const Reference& reference,
                                                            const Cancellation& cancellation) {
  BodyReader reader;
  const Request request = ManifestRequest("GET", repository, reference);
  KH_RETURN_IF_ERROR(ExchangeWithRetries(request, reader, cancellation));
  Sha256 sha256;
  sha256.Update(AsBytes(reader.body()));
  const Digest digest = sha256.Finish();
  if (reference.is_digest() && *reference.digest() != digest) {
    return Mismatch(request.what, *reference.digest(), digest);
  }
  const absl::optional<Digest> stated = StatedDigest(reader.headers());
  if (stated.has_value() && *stated != digest) return Mismatch(request.what, *stated, digest);
  return FetchedManifest{digest, std::string(reader.headers().GetOr("Content-Type")),
                         std::move(reader.body())};
}

absl::StatusOr<ByteCount> RegistryClient::HeadBlob(const RepositoryName& repository,
                                                   const Digest& digest,
                                                   const Cancellation& cancellation) {
  HeadReader reader;
  const Request request = BlobRequest("HEAD", repository, digest);
  KH_RETURN_IF_ERROR(ExchangeWithRetries(request, reader, cancellation));
  const absl::optional<ByteCount> size = ContentLength(reader.headers());
  if (!size.has_value()) {
    return absl::InternalError(absl::StrCat(request.what, ": the registry does not say its size"));
  }
  return *size;
}

absl::Status RegistryClient::GetBlob(const RepositoryName& repository, const Digest& digest,
                                     ByteOffset offset, BlobSink& sink,
                                     const Cancellation& cancellation) {
  BlobReader reader(offset, sink);
  const Request request = BlobRequest("GET", repository, digest);
  const absl::Status status = ExchangeWithRetries(request, reader, cancellation);
  return reader.sink_failed() ? reader.error : status;
}

absl::StatusOr<std::vector<std::string>> RegistryClient::GetTags(const RepositoryName& repository,
                                                                 const Cancellation& cancellation) {
  const std::string path = absl::StrCat("/v2/", repository.ToString(), "/tags/list");
  Request request{"GET", absl::StrCat(path, Query()), PullScope(repository),
                  absl::StrCat("tags of ", repository.ToString(), " from ", host()), kJson};
  std::vector<std::string> tags;
  while (true) {
    BodyReader reader;
    KH_RETURN_IF_ERROR(ExchangeWithRetries(request, reader, cancellation));
    const absl::StatusOr<std::vector<std::string>> page = ParseTagList(reader.body());
    if (!page.ok()) {
      return absl::InternalError(absl::StrCat(request.what, ": ", page.status().message()));
    }
    tags.insert(tags.end(), page->begin(), page->end());
    if (tags.size() > kMaxTags) {
      return absl::ResourceExhaustedError(
          absl::StrCat(request.what, ": more than ", kMaxTags, " tags"));
    }
    const std::string next = NextPage(reader.headers().GetOr("Link"), path);
    // A page that is empty, or leads to itself, is the last one whatever it says.
    if (next.empty() || page->empty() || next == request.target) return tags;
    request.target = next;
  }
}

absl::StatusOr<CatalogPage> RegistryClient::GetCatalogPage(absl::string_view last, size_t n,
                                                           const Cancellation& cancellation) {
  constexpr absl::string_view kPath = "/v2/_catalog";
  std::string target = absl::StrCat(kPath, "?n=", n);
  if (!last.empty()) absl::StrAppend(&target, "&last=", net::PercentEncode(last));
  const Request request{"GET", std::move(target), kCatalogScope,
                        absl::StrCat("catalog of ", host()), kJson};
  BodyReader reader;
  KH_RETURN_IF_ERROR(ExchangeWithRetries(request, reader, cancellation));
  absl::StatusOr<CatalogPage> page = ParseCatalog(reader.body());
  if (!page.ok()) {
    return absl::InternalError(absl::StrCat(request.what, ": ", page.status().message()));
  }
  // A page that leads to itself is the last one whatever it says.
  page->more = !NextPage(reader.headers().GetOr("Link"), kPath).empty() && !page->last.empty() &&
               page->last != last;
  return page;
}

absl::StatusOr<std::string> RegistryClient::GetReferrers(const RepositoryName& repository,
                                                         const Digest& subject,
                                                         absl::string_view artifact_type,
                                                         const Cancellation& cancellation) {
  const Request request{
      "GET",
      absl::StrCat("/v2/", repository.ToString(), "/referrers/", subject.ToString(), Query()),
      PullScope(repository),
      absl::StrCat("referrers of ", repository.ToString(), "@", subject.ToString(), " from ",
                   host()),
      kIndexAccept};
  BodyReader reader;
  absl::Status status = ExchangeWithRetries(request, reader, cancellation);
  std::string index = std::move(reader.body());
  if (absl::IsNotFound(status)) {
    KH_ASSIGN_OR_RETURN(const Tag tag, Tag::Parse(ReferrersTag(subject)));
    absl::StatusOr<FetchedManifest> list = GetManifest(repository, tag, cancellation);
    status = absl::IsNotFound(list.status()) ? absl::OkStatus() : list.status();
    index = list.ok() ? std::move(list->body) : NoReferrers();
  }
  KH_RETURN_IF_ERROR(status);
  absl::StatusOr<std::string> filtered = FilterReferrers(index, artifact_type);
  if (!filtered.ok()) {
    return absl::InternalError(absl::StrCat(request.what, ": ", filtered.status().message()));
  }
  return filtered;
}

std::string RegistryClient::Query() const {
  if (options_.mirrored_host.empty()) return "";
  return absl::StrCat("?ns=", net::PercentEncode(options_.mirrored_host));
}

RegistryClient::Request RegistryClient::ManifestRequest(absl::string_view method,
                                                        const RepositoryName& repository,
                                                        const Reference& reference) const {
  const std::string name = reference.ToString();
  return {std::string(method),
          absl::StrCat("/v2/", repository.ToString(), "/manifests/", name, Query()),
          PullScope(repository),
          absl::StrCat("manifest ", repository.ToString(), reference.is_tag() ? ":" : "@", name,
                       " from ", host()),
          kManifestAccept};
}

RegistryClient::Request RegistryClient::BlobRequest(absl::string_view method,
                                                    const RepositoryName& repository,
                                                    const Digest& digest) const {
  return {std::string(method),
          absl::StrCat("/v2/", repository.ToString(), "/blobs/", digest.ToString(), Query()),
          PullScope(repository),
          absl::StrCat("blob ", repository.ToString(), "@", digest.ToString(), " from ", host()),
          ""};
}

absl::Status RegistryClient::ExchangeWithRetries(const Request& request, ResponseReader& reader,
                                                 const Cancellation& cancellation) {
  Backoff backoff(options_.retry, bits_);
  for (int tries = 1;; ++tries) {
    const ByteOffset before = reader.position();
    reader.retry_after = absl::ZeroDuration();
    absl::Status status = Exchange(request, reader, cancellation);
    if (status.ok()) return status;
    if (!reader.error.ok() || !IsWorthRetrying(status)) {
      return tries == 1 ? status : WithSuffix(status, absl::StrCat(" after ", tries, " tries"));
    }
    if (reader.position() - before >= ByteCount(kProgressBytes)) backoff.Reset();
    const std::optional<absl::Duration> delay = backoff.NextDelay();
    if (!delay.has_value()) {
      return WithSuffix(status, absl::StrCat(" after ", tries, tries == 1 ? " try" : " tries"));
    }
    const absl::Status waited = cancellation.WaitFor(std::max(*delay, reader.retry_after));
    if (!waited.ok()) return Annotate(waited, request.what);
  }
}

absl::Status RegistryClient::Exchange(const Request& request, ResponseReader& reader,
                                      const Cancellation& cancellation) {
  net::Url url = options_.registry;
  url.target = request.target;
  bool challenged = false;
  for (int redirects = 0;;) {
    if (cancellation.cancelled()) return Annotate(cancellation.status(), request.what);
    // Credentials are for the registry alone, wherever it sends us.
    const bool at_registry = url.SameOrigin(options_.registry);
    std::string authorization;
    if (at_registry && !options_.bearer_token.empty()) {
      authorization = absl::StrCat("Bearer ", options_.bearer_token);
    } else if (at_registry) {
      absl::StatusOr<std::string> value = authenticator_.AuthorizationFor(request.scope);
      if (!value.ok()) return Annotate(value.status(), request.what);
      authorization = *std::move(value);
    }
    absl::StatusOr<Answer> answer = Send(request, url, authorization, reader, cancellation);
    if (!answer.ok()) return Annotate(answer.status(), request.what);
    if (answer->taken) {
      const absl::Status status = reader.OnEnd();
      return status.ok() ? status : Annotate(status, request.what);
    }
    if (reader.Accepts(*answer)) return absl::OkStatus();
    if (IsRedirect(answer->status) && answer->headers.Has("Location")) {
      if (++redirects > options_.max_redirects) {
        return absl::FailedPreconditionError(
            absl::StrCat(request.what, ": more than ", options_.max_redirects, " redirects"));
      }
      absl::StatusOr<net::Url> next = NextUrl(url, *answer);
      if (!next.ok()) return Annotate(next.status(), request.what);
      url = *std::move(next);
      continue;
    }
    if (answer->status == 401 && at_registry && !challenged && options_.bearer_token.empty()) {
      challenged = true;
      const absl::Status learned =
          authenticator_.OnUnauthorized(answer->headers, request.scope, authorization);
      if (learned.ok()) continue;
      const absl::Status refused = StatusFromResponse(401, answer->body, request.what);
      if (absl::IsUnauthenticated(learned)) {
        return WithSuffix(refused, absl::StrCat(" (", learned.message(), ")"));
      }
      return Annotate(learned, request.what);
    }
    reader.retry_after = RetryAfter(answer->headers);
    return StatusFromResponse(answer->status, answer->body, request.what);
  }
}

absl::StatusOr<RegistryClient::Answer> RegistryClient::Send(const Request& request,
                                                            const net::Url& url,
                                                            absl::string_view authorization,
                                                            ResponseReader& reader,
                                                            const Cancellation& cancellation) {
  net::HttpClientRequest http_request;
  http_request.method = request.method;
  http_request.url = url;
  if (!request.accept.empty()) http_request.headers.Add("Accept", request.accept);
  if (!authorization.empty()) http_request.headers.Add("Authorization", authorization);
  const absl::optional<ByteOffset> end = reader.end();
  if (reader.position() > ByteOffset(0) || end.has_value()) {
    // Of a range both ends are in it (RFC 9110, 14.1.2).
    http_request.headers.Add(
        "Range", end.has_value()
                     ? absl::StrCat("bytes=", reader.position().value(), "-", end->value() - 1)
                     : absl::StrCat("bytes=", reader.position().value(), "-"));
  }
  http_request.tls = url.SameOrigin(options_.registry) ? options_.tls : options_.redirect_tls;
  http_request.timeouts.head = options_.timeout;
  http_request.timeouts.progress = options_.timeout;

  Answer answer;
  absl::Status status = http_->FetchStreaming(
      std::move(http_request),
      [&](const net::HttpResponseHead& head) -> absl::Status {
        KH_RETURN_IF_ERROR(cancellation.status());
        answer.taken = head.status >= 200 && head.status < 300;
        answer.status = head.status;
        if (answer.taken) return reader.error = reader.OnHead(head);
        answer.headers = head.headers;
        return absl::OkStatus();
      },
      [&](absl::string_view data) -> absl::Status {
        KH_RETURN_IF_ERROR(cancellation.status());
        if (answer.taken) return reader.error = reader.OnBody(data);
        answer.body.append(data.data(),
                           std::min(data.size(), kMaxErrorBodyBytes - answer.body.size()));
        return answer.body.size() == kMaxErrorBodyBytes ? absl::CancelledError("enough")
                                                        : absl::OkStatus();
      });
  KH_RETURN_IF_ERROR(cancellation.status());
  // A refusal counts from its head on. Its body need not be whole: registry 2.8 announces a blob's
  // length in a 416 and sends nothing.
  const bool refused = answer.status != 0 && !answer.taken;
  if (!status.ok() && !refused) return status;
  return answer;
}

absl::StatusOr<net::Url> RegistryClient::NextUrl(const net::Url& url, const Answer& answer) const {
  absl::StatusOr<net::Url> next = net::RedirectLocation(url, answer.status, answer.headers);
  if (!next.ok()) return Annotate(next.status(), "redirect");
  if (url.is_https() && !next->is_https()) {
    return absl::PermissionDeniedError(
        absl::StrCat("redirect from https to ", next->ToLogString()));
  }
  return next;
}

}  // namespace kraken::registry
