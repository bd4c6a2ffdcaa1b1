#include "kraken/net/blocking_http_client.h"

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/check.h"
#include "kraken/net/loop_thread.h"

namespace kraken::net {
namespace {

// How much of a request's body is taken from a Source at once.
constexpr size_t kSourceBytes = 64 * 1024;

// What the loop and the calling thread say to each other about one call.
struct HandOff {
  absl::Mutex mutex;
  bool has_head ABSL_GUARDED_BY(mutex) = false;
  HttpResponseHead head ABSL_GUARDED_BY(mutex);
  std::deque<std::string> chunks ABSL_GUARDED_BY(mutex);
  size_t waiting_bytes ABSL_GUARDED_BY(mutex) = 0;
  bool paused ABSL_GUARDED_BY(mutex) = false;
  bool writable ABSL_GUARDED_BY(mutex) = false;
  bool done ABSL_GUARDED_BY(mutex) = false;
  absl::Status status ABSL_GUARDED_BY(mutex);

  // In the loop only.
  std::shared_ptr<HttpCall> call;

  bool HasNews() const ABSL_SHARED_LOCKS_REQUIRED(mutex) {
    return has_head || !chunks.empty() || done;
  }
  bool IsWritableOrDone() const ABSL_SHARED_LOCKS_REQUIRED(mutex) { return writable || done; }

  void End(absl::Status end_status) {
    absl::MutexLock lock(&mutex);
    if (done) return;
    done = true;
    status = std::move(end_status);
  }
};

}  // namespace

class BlockingHttpClient::Impl {
 public:
  explicit Impl(HttpClientOptions options)
      : max_buffered_body_bytes_(options.max_buffered_body_bytes), thread_("http-client") {
    thread_.loop().Post([this, options = std::move(options)]() mutable {
      client_ = std::make_unique<HttpClient>(&thread_.loop(), std::move(options));
    });
  }

  ~Impl() {
    Shutdown();
    thread_.Join();
  }

  void Shutdown() {
    thread_.RunAndWait([this] {
      stopped_ = true;
      client_.reset();
      for (const auto& hand_off : active_) {
        hand_off->call.reset();
        hand_off->End(absl::CancelledError("the HTTP client was shut down"));
      }
      active_.clear();
    });
  }

  std::shared_ptr<HandOff> Begin(HttpClientRequest request) {
    KH_CHECK(!thread_.loop().IsInLoopThread());
    auto hand_off = std::make_shared<HandOff>();
    thread_.loop().Post([this, hand_off, request = std::move(request)]() mutable {
      if (stopped_) {
        hand_off->End(absl::CancelledError("the HTTP client was shut down"));
        return;
      }
      active_.insert(hand_off);
      hand_off->call = client_->Start(std::move(request), MakeCallbacks(hand_off));
    });
    return hand_off;
  }

  void Cancel(std::shared_ptr<HandOff> hand_off) {
    thread_.loop().Post([this, hand_off = std::move(hand_off)] {
      if (hand_off->call != nullptr) hand_off->call->Cancel();
      hand_off->call.reset();
      active_.erase(hand_off);
    });
  }

  // Hands head and body to the caller's functions, in the caller's thread, until the call's end.
  absl::Status Receive(const std::shared_ptr<HandOff>& hand_off, HeadCallback on_head, Sink sink) {
    for (;;) {
      bool has_head = false;
      bool done = false;
      bool resume = false;
      HttpResponseHead head;
      std::deque<std::string> chunks;
      absl::Status end;
      {
        absl::MutexLock lock(&hand_off->mutex, absl::Condition(hand_off.get(), &HandOff::HasNews));
        has_head = std::exchange(hand_off->has_head, false);
        if (has_head) head = std::move(hand_off->head);
        chunks.swap(hand_off->chunks);
        hand_off->waiting_bytes = 0;
        resume = std::exchange(hand_off->paused, false);
        done = hand_off->done;
        end = hand_off->status;
      }
      // The socket goes on filling while the sink works on what has come.
      if (resume) Resume(hand_off);
      absl::Status taken = has_head ? on_head(head) : absl::OkStatus();
      while (taken.ok() && !chunks.empty()) {
        taken = sink(chunks.front());
        chunks.pop_front();
      }
      if (!taken.ok()) {
        Cancel(hand_off);
        return taken;
      }
      if (done) return end;
    }
  }

  // Takes the request's body from `source`. OK also if the server answers before it is complete.
  absl::Status Send(const std::shared_ptr<HandOff>& hand_off, Source source) {
    std::string buffer;
    for (;;) {
      {
        absl::MutexLock lock(&hand_off->mutex,
                             absl::Condition(hand_off.get(), &HandOff::IsWritableOrDone));
        if (hand_off->done) return absl::OkStatus();
        hand_off->writable = false;
      }
      buffer.resize(kSourceBytes);
      const absl::StatusOr<size_t> size = source(absl::MakeSpan(&buffer[0], buffer.size()));
      if (!size.ok()) {
        Cancel(hand_off);
        return size.status();
      }
      KH_CHECK(*size <= buffer.size());
      buffer.resize(*size);
      const bool last = buffer.empty();
      thread_.loop().Post([hand_off, data = std::move(buffer)] {
        HttpCall* call = hand_off->call.get();
        if (call == nullptr || call->over()) return;
        if (data.empty()) return call->FinishBody();
        // Otherwise on_drained sets the flag.
        if (!call->Write(data)) return;
        absl::MutexLock lock(&hand_off->mutex);
        hand_off->writable = true;
      });
      buffer = std::string();
      if (last) return absl::OkStatus();
    }
  }

  HttpClientStats stats() {
    HttpClientStats stats;
    thread_.RunAndWait([this, &stats] {
      if (client_ != nullptr) stats = client_->stats();
    });
    return stats;
  }

  uint64_t max_buffered_body_bytes() const { return max_buffered_body_bytes_; }

 private:
  HttpCallbacks MakeCallbacks(std::shared_ptr<HandOff> hand_off) {
    HttpCallbacks callbacks;
    callbacks.on_head = [hand_off](const HttpResponseHead& head) {
      absl::MutexLock lock(&hand_off->mutex);
      hand_off->head = head;
      hand_off->has_head = true;
    };
    callbacks.on_body = [hand_off](absl::string_view data) {
      bool pause = false;
      {
        absl::MutexLock lock(&hand_off->mutex);
        hand_off->chunks.emplace_back(data);
        hand_off->waiting_bytes += data.size();
        pause = hand_off->waiting_bytes >= kHandOffBytes;
        if (pause) hand_off->paused = true;
      }
      if (pause) hand_off->call->Pause();
    };
    callbacks.on_drained = [hand_off] {
      absl::MutexLock lock(&hand_off->mutex);
      hand_off->writable = true;
    };
    callbacks.on_done = [this, hand_off](absl::Status status) {
      hand_off->call.reset();
      active_.erase(hand_off);
      hand_off->End(std::move(status));
    };
    return callbacks;
  }

  void Resume(const std::shared_ptr<HandOff>& hand_off) {
    thread_.loop().Post([hand_off] {
      {
        // It may have filled up again meanwhile.
        absl::MutexLock lock(&hand_off->mutex);
        if (hand_off->paused) return;
      }
      if (hand_off->call != nullptr) hand_off->call->Resume();
    });
  }

  const uint64_t max_buffered_body_bytes_;
  // In the loop only.
  std::unique_ptr<HttpClient> client_;
  absl::flat_hash_set<std::shared_ptr<HandOff>> active_;
  bool stopped_ = false;
  // Last: its thread uses the rest.
  LoopThread thread_;
};

BlockingHttpClient::BlockingHttpClient(HttpClientOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

BlockingHttpClient::~BlockingHttpClient() = default;

absl::Status BlockingHttpClient::FetchStreaming(HttpClientRequest request, HeadCallback on_head,
                                                Sink sink) {
  return impl_->Receive(impl_->Begin(std::move(request)), on_head, sink);
}

absl::StatusOr<HttpResponse> BlockingHttpClient::Fetch(HttpClientRequest request) {
  if (!request.max_body_bytes.has_value()) {
    request.max_body_bytes = impl_->max_buffered_body_bytes();
  }
  HttpResponse response;
  absl::Status status = FetchStreaming(
      std::move(request),
      [&response](const HttpResponseHead& head) {
        response.status = head.status;
        response.headers = head.headers;
        return absl::OkStatus();
      },
      [&response](absl::string_view data) {
        response.body.append(data.data(), data.size());
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return response;
}

absl::StatusOr<HttpResponse> BlockingHttpClient::Upload(HttpClientRequest request, Source source) {
  request.streamed_body = true;
  if (!request.max_body_bytes.has_value()) {
    request.max_body_bytes = impl_->max_buffered_body_bytes();
  }
  const auto hand_off = impl_->Begin(std::move(request));
  if (const absl::Status sent = impl_->Send(hand_off, source); !sent.ok()) return sent;
  HttpResponse response;
  absl::Status status = impl_->Receive(
      hand_off,
      [&response](const HttpResponseHead& head) {
        response.status = head.status;
        response.headers = head.headers;
        return absl::OkStatus();
      },
      [&response](absl::string_view data) {
        response.body.append(data.data(), data.size());
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return response;
}

void BlockingHttpClient::Shutdown() { impl_->Shutdown(); }

HttpClientStats BlockingHttpClient::stats() { return impl_->stats(); }

}  // namespace kraken::net
