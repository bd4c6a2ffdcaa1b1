#ifndef KRAKEN_AGENT_TESTING_SCRIPTED_BUILD_INDEX_H_
#define KRAKEN_AGENT_TESTING_SCRIPTED_BUILD_INDEX_H_

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "kraken/base/digest.h"
#include "kraken/net/loop_thread.h"
#include "kraken/rpc/build_index_service.h"
#include "kraken/rpc/rpc_test_util.h"

namespace kraken::agent {

// A build-index for tests that says what it was told to say of tags, over real gRPC, and takes no
// writes. Thread-safe.
class ScriptedBuildIndex {
 public:
  ScriptedBuildIndex();

  // `name`: "library/debian:latest".
  void SetTag(const std::string& name, const Digest& digest);
  // How often it was asked for any tag.
  int asked() const;
  void Stop() { process_.Stop(); }
  const std::string& address() const { return process_.address(); }

 private:
  void Answer(const rpc::v1::GetTagRequest& request, const rpc::BuildIndexService::Reply& reply);

  mutable absl::Mutex mu_;
  absl::flat_hash_map<std::string, Digest> tags_ ABSL_GUARDED_BY(mu_);
  int asked_ ABSL_GUARDED_BY(mu_) = 0;
  net::LoopThread loop_{"build-index"};
  rpc::BuildIndexService service_;
  rpc::TestProcess process_{loop_, {&service_}};
};

}  // namespace kraken::agent

#endif  // KRAKEN_AGENT_TESTING_SCRIPTED_BUILD_INDEX_H_
