// Requests to a bridge's gRPC service. The first byte says as what the rest is read: images to
// preheat, an image to explain, jobs to list, jobs to watch.
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "harbor_bridge/routing/harbors.h"
#include "harbor_bridge/routing/routes.h"
#include "harbor_bridge/status/bridge_admin.h"
#include "harbor_bridge/status/bridge_messages.h"
#include "harbor_bridge/work/image_work.h"
#include "kraken/base/check.h"
#include "kraken/rpc/bridge.pb.h"
#include "re2/re2.h"

namespace harbor_bridge {
namespace {

namespace v1 = kraken::rpc::v1;

const Harbors& TestHarbors() {
  static const auto* const harbors = [] {
    std::vector<Harbor> list(2);
    list[0].name = "eu";
    list[0].plain = std::make_shared<const re2::RE2>(".*");
    list[1].name = "us";
    list[1].plain = std::make_shared<const re2::RE2>("^$");
    list[1].host = "us.example";
    return new Harbors(std::move(list));
  }();
  return *harbors;
}

// What is planned can be done after a restart.
void ReadPreheat(const std::string& bytes) {
  v1::PreheatRequest request;
  if (!request.ParseFromString(bytes)) return;
  const auto work = PlanPreheat(TestHarbors(), FromProto(request));
  if (!work.ok()) return;
  KH_CHECK(work->size() == static_cast<size_t>(request.images_size()));
  for (const ImageWork& image : *work) {
    const auto again = ImageWork::Decode(image.Encode());
    KH_CHECK(again.ok() && again->Key() == image.Key() && again->preheat);
  }
}

// What is explained is named so that it is found again.
void ReadExplain(const std::string& bytes) {
  v1::ExplainRouteRequest request;
  if (!request.ParseFromString(bytes)) return;
  auto subject = FindSubject(TestHarbors(), request.image());
  if (!subject.ok()) return;
  static const auto* const routes = new Routes({}, {});
  RouteDecision decision = routes->Decide(*subject);
  const v1::ExplainRouteReply reply =
      ToProto(RouteExplanation{.subject = *subject, .decision = std::move(decision)});
  const auto again = FindSubject(TestHarbors(), reply.image());
  KH_CHECK(again.ok() && again->FullName() == reply.image() && again->harbor == reply.harbor());
}

void ReadList(const std::string& bytes) {
  v1::ListJobsRequest request;
  if (!request.ParseFromString(bytes)) return;
  const auto state = FromProto(request.state());
  KH_CHECK(!state.ok() || state->has_value() == (request.state() != 0));
}

void ReadWatch(const std::string& bytes) {
  v1::WatchJobsRequest request;
  if (!request.ParseFromString(bytes)) return;
  const auto keys = KeysOf(request);
  if (!keys.ok()) return;
  KH_CHECK(!keys->empty() &&
           std::set<std::string>(keys->begin(), keys->end()).size() == keys->size());
}

}  // namespace
}  // namespace harbor_bridge

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'p':
      harbor_bridge::ReadPreheat(bytes);
      break;
    case 'e':
      harbor_bridge::ReadExplain(bytes);
      break;
    case 'l':
      harbor_bridge::ReadList(bytes);
      break;
    case 'w':
      harbor_bridge::ReadWatch(bytes);
      break;
    default:
      break;
  }
  return 0;
}
