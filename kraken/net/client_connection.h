#ifndef KRAKEN_NET_CLIENT_CONNECTION_H_
#define KRAKEN_NET_CLIENT_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "kraken/net/event_loop.h"
#include "kraken/net/http_body_decoder.h"
#include "kraken/net/http_limits.h"
#include "kraken/net/http_parser.h"
#include "kraken/net/output_queue.h"
#include "kraken/net/transport.h"

namespace kraken::net {

// What a ClientConnection reports about the request it carries. Any of these calls may end the
// call, and with it close the connection.
class ClientStream {
 public:
  virtual ~ClientStream() = default;

  // The request's bytes, taken from here while they are sent.
  virtual OutputQueue* output() = 0;
  // Whether output() will get no more.
  virtual bool output_complete() const = 0;
  virtual const std::string& method() const = 0;
  // Bytes moved in either direction.
  virtual void OnProgress() = 0;
  virtual void OnOutputDrained() = 0;
  virtual void OnHead(const HttpResponseHead& head, const BodyFraming& framing) = 0;
  virtual void OnData(absl::string_view data) = 0;
  // The last call: the response is complete. The connection is released already.
  virtual void OnComplete() = 0;
  // The last call. `unanswered`: not a byte of a response had come.
  virtual void OnError(const absl::Status& status, bool unanswered) = 0;
};

// One connection of an HttpClient, carrying one request after the other. Belongs to its loop's
// thread. As in ServerConnection, all work is done by Pump().
class ClientConnection : public std::enable_shared_from_this<ClientConnection>, private FdHandler {
 public:
  // Called when the connection can carry another request, and when it is closed.
  using Event = absl::AnyInvocable<void(ClientConnection*)>;

  ClientConnection(EventLoop* loop, std::unique_ptr<Transport> transport, HttpLimits limits,
                   Event on_idle, Event on_closed);
  ~ClientConnection() override;

  void Start();
  // Begins to send stream->output(). `stream` lives until its last call or Detach().
  // REQUIRES: idle.
  void Attach(std::shared_ptr<ClientStream> stream);
  // Ends the request that is under way, without a call to its stream, and closes.
  void Detach();
  void Close();
  void SchedulePump();
  void SetPaused(bool paused);

  bool idle() const { return state_ == State::kIdle; }
  bool closed() const { return state_ == State::kClosed; }
  // Whether it has carried a request before the current one.
  bool reused() const { return requests_ > 1; }
  // An idle connection that the server has closed is of no use, though its edge may not be seen
  // yet.
  bool IsStale() const;

 private:
  enum class State { kIdle, kHead, kBody, kClosed };

  void OnFdReady(FdEvents events) override;
  void Pump();
  bool PumpOutput(uint64_t* budget, bool* yield);
  bool PumpInput();
  bool ReadSome();
  size_t Process(absl::string_view input);
  size_t TakeHead(absl::string_view input);
  size_t TakeBody(absl::string_view input);
  void OnInputEnd();
  void Complete();
  // By value: the reason may lie in what closing destroys.
  void Fail(absl::Status status);

  EventLoop* const loop_;
  std::unique_ptr<Transport> transport_;
  const HttpLimits limits_;
  Event on_idle_;
  Event on_closed_;
  std::unique_ptr<FdWatcher> watcher_;
  std::shared_ptr<ClientStream> stream_;

  State state_ = State::kIdle;
  bool pumping_ = false;
  bool pump_again_ = false;
  bool pump_scheduled_ = false;
  bool readable_ = false;
  bool writable_ = true;
  bool peer_closed_ = false;
  bool paused_ = false;
  bool answered_ = false;      // a byte of the response has come
  bool drained_told_ = false;  // since output was last seen
  bool keep_ = false;          // the response lets the connection live
  absl::Status write_error_;   // the server may have answered before it stopped reading
  uint64_t requests_ = 0;

  std::string input_;
  size_t input_start_ = 0;
  HttpResponseParser parser_;
  HttpBodyDecoder decoder_;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_CLIENT_CONNECTION_H_
