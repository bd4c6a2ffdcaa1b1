#include "kraken/agent/testing/scripted_build_index.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "kraken/rpc/convert.h"

namespace kraken::agent {

ScriptedBuildIndex::ScriptedBuildIndex()
    : service_(loop_.loop().handle(),
               {.get_tag =
                    [this](const rpc::v1::GetTagRequest& request,
                           const rpc::BuildIndexService::Reply& reply) { Answer(request, reply); },
                .put_tag =
                    [](const rpc::v1::PutTagRequest&, const rpc::BuildIndexService::Reply& reply) {
                      reply(absl::UnimplementedError("a scripted build-index takes no writes"));
                    }}) {}

void ScriptedBuildIndex::SetTag(const std::string& name, const Digest& digest) {
  absl::MutexLock lock(&mu_);
  tags_.insert_or_assign(name, digest);
}

int ScriptedBuildIndex::asked() const {
  absl::MutexLock lock(&mu_);
  return asked_;
}

void ScriptedBuildIndex::Answer(const rpc::v1::GetTagRequest& request,
                                const rpc::BuildIndexService::Reply& reply) {
  const std::string name = absl::StrCat(request.namespace_(), ":", request.tag());
  rpc::v1::GetTagReply found;
  {
    absl::MutexLock lock(&mu_);
    ++asked_;
    const auto it = tags_.find(name);
    if (it != tags_.end()) found.set_digest(rpc::ToBytes(it->second));
  }
  if (found.digest().empty()) {
    reply(absl::NotFoundError(absl::StrCat("no tag ", name)));
  } else {
    reply(found);
  }
}

}  // namespace kraken::agent
