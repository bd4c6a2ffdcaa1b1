// For tests: a tracker that notes which orders it is given, and says of agents what the test tells
// it to.
#ifndef HARBOR_BRIDGE_WORK_NOTING_TRACKER_H_
#define HARBOR_BRIDGE_WORK_NOTING_TRACKER_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "kraken/net/loop_thread.h"
#include "kraken/rpc/announce_service.h"
#include "kraken/rpc/rpc_test_util.h"
#include "kraken/rpc/status.h"
#include "kraken/rpc/tracker.pb.h"

namespace harbor_bridge {

// The agent is named "agent" and its number, and has the address 10.0.0.<number>.
inline kraken::rpc::v1::OrderNews ReportOf(int agent, kraken::rpc::v1::OrderState state,
                                           uint32_t blobs = 0, absl::string_view failure = "") {
  kraken::rpc::v1::OrderNews news;
  kraken::rpc::v1::AgentReport& report = *news.add_agents();
  report.set_peer_id(absl::StrCat("agent", agent));
  report.set_ip(absl::StrCat("10.0.0.", agent));
  report.mutable_status()->set_state(state);
  report.mutable_status()->set_blobs_done(blobs);
  report.mutable_status()->set_bytes_done(blobs * 100);
  if (!failure.empty()) {
    *report.mutable_status()->mutable_failure() =
        kraken::rpc::ToFailure(absl::ResourceExhaustedError(failure));
  }
  return news;
}

class NotingTracker : private kraken::rpc::AnnounceHandler {
 public:
  using Outlet = std::shared_ptr<kraken::rpc::OrderOutlet>;
  using Answer = std::function<void(const kraken::rpc::v1::OrderRequest&, const Outlet&)>;

  const std::string& address() const { return process_.address(); }
  void Stop() { process_.Stop(); }

  // Until another answer is set: one agent, which is done.
  void set_answer(Answer answer) {
    absl::MutexLock lock(&mu_);
    answer_ = std::move(answer);
  }
  kraken::rpc::Mailbox<kraken::rpc::v1::OrderRequest>& orders() { return orders_; }
  // Callers that hung up, or whose order has ended.
  kraken::rpc::Mailbox<int>& closed() { return closed_; }

 private:
  void OnAnnounce(const std::shared_ptr<kraken::rpc::AnnounceOutlet>& stream,
                  kraken::rpc::v1::AnnounceRequest) override {
    stream->Finish(absl::UnimplementedError("not in this test"));
  }
  void OnStreamClosed(const std::shared_ptr<kraken::rpc::AnnounceOutlet>&) override {}
  void OnOrder(kraken::rpc::v1::OrderRequest request, Outlet outlet) override {
    Answer answer;
    {
      absl::MutexLock lock(&mu_);
      answer = answer_;
    }
    orders_.Put(request);
    answer(request, outlet);
  }
  void OnOrderClosed(const Outlet&) override { closed_.Put(1); }

  absl::Mutex mu_;
  Answer answer_ ABSL_GUARDED_BY(mu_) = [](const kraken::rpc::v1::OrderRequest&,
                                           const Outlet& outlet) {
    outlet->Write(ReportOf(1, kraken::rpc::v1::ORDER_STATE_DONE));
    outlet->Finish(absl::OkStatus());
  };
  kraken::rpc::Mailbox<kraken::rpc::v1::OrderRequest> orders_;
  kraken::rpc::Mailbox<int> closed_;
  kraken::net::LoopThread loop_{"tracker"};
  kraken::rpc::AnnounceService service_{loop_.loop().handle(), this};
  kraken::rpc::TestProcess process_{loop_, {&service_}};
};

}  // namespace harbor_bridge

#endif  // HARBOR_BRIDGE_WORK_NOTING_TRACKER_H_
