#ifndef KRAKEN_NET_CLIENT_CALL_H_
#define KRAKEN_NET_CLIENT_CALL_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "kraken/net/client_connection.h"
#include "kraken/net/connector.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_client.h"
#include "kraken/net/output_queue.h"

namespace kraken::net {

// One request of an HttpClient, from Start() to on_done: builds its bytes, keeps its deadlines,
// reports to its callbacks. Which connection carries it is the owner's business.
class ClientCall : public HttpCall,
                   public ClientStream,
                   public std::enable_shared_from_this<ClientCall> {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    // The call has ended (its callback has not run yet): forget it.
    virtual void OnCallOver(ClientCall* call) = 0;
    // Its kept-alive connection was dead: send it again, on a new connection.
    virtual void RetryCall(std::shared_ptr<ClientCall> call) = 0;
  };

  ClientCall(EventLoop* loop, Owner* owner, HttpClientRequest request, HttpCallbacks callbacks,
             const HttpClientOptions& options);
  ~ClientCall() override;

  const HttpClientRequest& request() const { return request_; }
  const std::string& pool_key() const { return pool_key_; }
  void set_pool_key(std::string key) { pool_key_ = std::move(key); }
  // What is left of the connect timeout.
  absl::Duration connect_time_left() const;

  // Begins the deadlines, and puts the request's head and body into output().
  void Begin();
  void OnConnection(ClientConnection* connection);
  void set_connector(std::unique_ptr<Connector> connector) { connector_ = std::move(connector); }
  // Ends the call from outside: on_done gets the error, with the request's name before it.
  void Fail(const absl::Status& status);
  // The owner is going away: ends without a callback.
  void Abandon();

  // HttpCall.
  void Pause() override;
  void Resume() override;
  void Cancel() override;
  bool Write(absl::string_view data) override;
  void FinishBody() override;
  bool over() const override { return phase_ == Phase::kOver; }

  // ClientStream.
  OutputQueue* output() override { return &output_; }
  bool output_complete() const override { return body_finished_; }
  const std::string& method() const override { return request_.method; }
  void OnProgress() override;
  void OnOutputDrained() override;
  void OnHead(const HttpResponseHead& head, const BodyFraming& framing) override;
  void OnData(absl::string_view data) override;
  void OnComplete() override;
  void OnError(const absl::Status& status, bool unanswered) override;

 private:
  enum class Phase { kWaiting, kSending, kBody, kOver };

  void BuildRequest();
  // Forgets everything but the callbacks, which are returned.
  HttpCallbacks End();
  void Finish(const absl::Status& status);
  void UpdateDeadline();
  void OnTimer();
  absl::Status Describe(const absl::Status& status) const;
  bool TooLong(uint64_t bytes);

  EventLoop* const loop_;
  Owner* owner_;
  HttpClientRequest request_;
  HttpCallbacks callbacks_;
  const size_t high_watermark_;
  const std::string user_agent_;
  std::string pool_key_;

  Phase phase_ = Phase::kWaiting;
  OutputQueue output_;
  bool body_finished_ = false;  // of the request
  uint64_t body_left_ = 0;      // of a streamed body with a length
  bool chunked_ = false;
  bool paused_ = false;
  bool retried_ = false;
  uint64_t received_ = 0;
  uint64_t max_body_ = HttpClientRequest::kUnlimited;

  ClientConnection* connection_ = nullptr;
  std::unique_ptr<Connector> connector_;

  int64_t start_ns_ = 0;
  int64_t progress_ns_ = 0;
  int64_t deadline_ns_ = 0;
  int64_t timer_ns_ = 0;
  TimerId timer_ = TimerId::kNone;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_CLIENT_CALL_H_
