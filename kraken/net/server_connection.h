#ifndef KRAKEN_NET_SERVER_CONNECTION_H_
#define KRAKEN_NET_SERVER_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_body_decoder.h"
#include "kraken/net/http_exchange.h"
#include "kraken/net/http_parser.h"
#include "kraken/net/http_server.h"
#include "kraken/net/output_queue.h"
#include "kraken/net/server_shared.h"
#include "kraken/net/transport.h"

namespace kraken::net {

// One connection of an HttpServer: reads requests, runs the handler, sends responses, one exchange
// after the other. Belongs to its loop's thread.
//
// All work is done by Pump(), which moves input and output until neither gets on. Whatever an
// exchange is told to do changes state and has Pump() run (again), so that no callback ever runs
// inside a call of its own receiver.
//
// Invariants: at most one exchange at a time; its callbacks run only while it is attached
// (HttpExchange::connection_ == this); input is read only when somebody wants it, so at most one
// read's bytes wait in input_.
class ServerConnection : public std::enable_shared_from_this<ServerConnection>, private FdHandler {
 public:
  ServerConnection(EventLoop* loop, std::shared_ptr<ServerShared> shared,
                   std::unique_ptr<Transport> transport, std::shared_ptr<HttpPeer> peer);
  ~ServerConnection() override;

  void Start();
  // Closes when the exchange under way, if any, has ended.
  void DrainAndClose();
  // Closes at once.
  void Abort(const absl::Status& reason);

  EventLoop* loop() const { return loop_; }

  // --- What an exchange asks for; see HttpExchange ---
  void OnExchangeAbandoned(uint64_t id, HttpRequestContext context);
  void BodyWanted(HttpExchange* exchange);
  void PauseBody() { body_paused_ = true; }
  void ResumeBody();
  void Respond(HttpExchange* exchange, int status, const HeaderMap& headers,
               absl::string_view body);
  void RespondError(HttpExchange* exchange, int status, absl::string_view message,
                    const HeaderMap& extra);
  void StartResponse(HttpExchange* exchange, int status, const HeaderMap& headers,
                     absl::optional<uint64_t> content_length);
  bool Write(HttpExchange* exchange, absl::string_view data);
  bool SendFile(HttpExchange* exchange, int fd, uint64_t offset, uint64_t length,
                std::shared_ptr<const void> keep_alive);
  void Finish(HttpExchange* exchange);
  void Reset(HttpExchange* exchange, absl::string_view reason);
  uint64_t pending_bytes() const { return output_.pending_bytes(); }
  void SchedulePump();

 private:
  enum class State {
    kHandshake,
    kIdle,      // nothing of the next request has been seen
    kHead,      // part of a head has
    kExchange,  // a request's head has been handed over and its response is not complete
    kSkipBody,  // the response is complete, the request's body is not
    kFlush,     // the last bytes are being sent, then the end
    kLinger,    // our direction has ended; what still comes is dropped, so that it causes no reset
    kClosed,
  };
  // How a response's body is written.
  enum class Body { kNotStarted, kNone, kLength, kChunked, kUntilClose };

  void OnFdReady(FdEvents events) override;

  // server_connection.cc: the machine.
  void Pump();
  bool PumpHandshake();
  bool PumpOutput(uint64_t* budget, bool* yield);
  bool PumpInput();
  bool WantsInput() const;
  bool ReadSome();
  size_t Process(absl::string_view input);
  size_t TakeHead(absl::string_view input);
  size_t SkipBody(absl::string_view input);
  void OnInputEnd();
  void OnTransportError();
  void OnOutputDrained();
  void CheckPeerGone();
  void UpdateDeadline();
  void OnTimer();
  void OnDeadline();
  void StartClosing(bool linger);
  void Close();

  // server_exchange.cc: one exchange.
  void BeginExchange();
  bool CheckRequest(HttpExchange* exchange, HttpParseError* error);
  size_t TakeBody(absl::string_view input);
  bool DeliverBody(HttpExchange* exchange, absl::string_view data, bool end);
  void RefuseBody();
  // The handler is told (unless `status` is OK) and can do nothing any more.
  void Detach(const absl::Status& status);
  // Tells HttpServerOptions::on_exchange_end. `request` may be null.
  void Report(const HttpRequestContext* request, HttpExchangeSummary summary) const;
  // The exchange can't go on: the client gets `http_status` if nothing was said yet, else a reset.
  void FailExchange(int http_status, absl::string_view message, const absl::Status& status);
  void CompleteExchange();
  // Refuses what is not (yet) an exchange.
  void FailRequest(const HttpParseError& error, const HttpRequestContext* request = nullptr);
  void QueueError(int status, absl::string_view message);
  void AppendHead(int status, const HeaderMap& headers, absl::optional<uint64_t> content_length,
                  bool with_length);
  HttpResponse MakeErrorResponse(int status, absl::string_view message) const;
  bool TakeResponseBytes(HttpExchange* exchange, uint64_t bytes);
  bool BelowWatermark() const;

  EventLoop* const loop_;
  const std::shared_ptr<ServerShared> shared_;
  std::unique_ptr<Transport> transport_;
  const std::shared_ptr<HttpPeer> peer_;
  std::unique_ptr<FdWatcher> watcher_;

  State state_ = State::kHandshake;
  bool pumping_ = false;
  bool pump_again_ = false;
  bool pump_scheduled_ = false;
  bool readable_ = true;
  bool writable_ = true;
  bool peer_closed_ = false;  // an end will be read
  bool close_after_ = false;  // no further request on this connection

  // Input that was read and not yet consumed begins at input_start_.
  std::string input_;
  size_t input_start_ = 0;
  HttpRequestParser parser_;
  HttpBodyDecoder decoder_;
  OutputQueue output_;

  // Of the current exchange.
  bool attached_ = false;
  std::weak_ptr<HttpExchange> exchange_;
  std::shared_ptr<HttpExchange> finished_;        // keeps a finished one until its bytes have left
  absl::optional<HttpRequestContext> abandoned_;  // of one that its handler dropped
  int response_status_ = 0;                       // 0: none yet
  std::string request_id_;                        // what the response names; empty: nothing
  uint64_t exchange_id_ = 0;
  int64_t exchange_start_ns_ = 0;
  bool body_paused_ = false;
  bool body_ended_ = false;       // the handler has been told
  bool body_refused_ = false;     // its declared length is above the limit
  bool continue_wanted_ = false;  // the client waits for "100 Continue"
  bool head_only_ = false;        // HEAD
  bool http10_ = false;
  bool keep_alive_named_ = false;  // an HTTP/1.0 client asked to be kept
  Body response_body_ = Body::kNotStarted;
  uint64_t response_left_ = 0;    // of kLength
  uint64_t response_queued_ = 0;  // bytes of body
  bool response_finished_ = false;
  uint64_t skipped_ = 0;  // bytes of kSkipBody and kLinger

  // Deadlines, on CLOCK_MONOTONIC. The timer may ring early: it then waits again.
  int64_t phase_start_ns_ = 0;  // of kHandshake, kIdle, kHead, kLinger
  int64_t last_read_ns_ = 0;
  int64_t last_write_ns_ = 0;
  int64_t deadline_ns_ = 0;
  int64_t timer_ns_ = 0;
  TimerId timer_ = TimerId::kNone;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_SERVER_CONNECTION_H_
