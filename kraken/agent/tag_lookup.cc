#include "kraken/agent/tag_lookup.h"

#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kraken::agent {
namespace {

// Half a megabyte, when names are as long as they may be.
constexpr size_t kMaxAnswers = 1000;

}  // namespace

TagLookup::TagLookup(net::EventLoop* control, rpc::BuildIndexClient* build_index,
                     absl::Duration max_age)
    : control_(control), build_index_(build_index), max_age_(max_age), answers_(kMaxAnswers) {}

void TagLookup::Resolve(const Namespace& ns, const Tag& tag, Done done) {
  std::string name = absl::StrCat(ns.ToString(), ":", tag.ToString());
  const MonotonicTime now = net::EventLoop::MonotonicNow();
  const absl::optional<Answer> known = answers_.Find(name);
  if (known.has_value() && now - known->asked < max_age_) {
    done(known->digest);
    return;
  }
  control_->Post([this, ns, tag, name = std::move(name), done = std::move(done)]() mutable {
    const MonotonicTime asked = net::EventLoop::MonotonicNow();
    build_index_->GetTag(ns, tag,
                         [this, name = std::move(name), asked,
                          done = std::move(done)](const absl::StatusOr<rpc::TagValue>& value) {
                           if (!value.ok()) {
                             done(value.status());
                             return;
                           }
                           answers_.Put(name, {value->digest, asked});
                           done(value->digest);
                         });
  });
}

}  // namespace kraken::agent
