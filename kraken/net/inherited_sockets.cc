#include "kraken/net/inherited_sockets.h"

#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "kraken/base/status_util.h"

namespace kraken::net {
namespace {

// What the variable says, which is gone then.
std::string TakeVariable(const char* name) {
  const char* value = ::getenv(name);
  std::string text = value == nullptr ? "" : value;
  ::unsetenv(name);
  return text;
}

bool IsUnnamed(absl::string_view name) {
  return name.empty() || name == "unknown" || absl::EndsWith(name, ".socket");
}

}  // namespace

absl::StatusOr<InheritedSockets> InheritedSockets::FromEnvironment() {
  const std::string pid = TakeVariable("LISTEN_PID");
  const std::string count_text = TakeVariable("LISTEN_FDS");
  const std::string names_text = TakeVariable("LISTEN_FDNAMES");
  InheritedSockets result;
  // Somebody else's, a parent's that did not clean up.
  if (count_text.empty() || pid != absl::StrCat(::getpid())) return result;
  int count = 0;
  if (!absl::SimpleAtoi(count_text, &count) || count < 0 || count > kMaxSockets) {
    return absl::FailedPreconditionError(
        absl::StrCat("LISTEN_FDS is \"", count_text, "\", not a number up to ", kMaxSockets));
  }
  std::vector<std::string> names = absl::StrSplit(names_text, ':');
  if (names_text.empty()) names.assign(static_cast<size_t>(count), "");
  if (names.size() != static_cast<size_t>(count)) {
    return absl::FailedPreconditionError(absl::StrCat("LISTEN_FDNAMES is \"", names_text,
                                                      "\", which is not a name for each of ", count,
                                                      " sockets"));
  }
  for (int i = 0; i < count; ++i) {
    absl::StatusOr<ListenSocket> socket = ListenSocket::Adopt(UniqueFd(kFirstDescriptor + i));
    if (!socket.ok()) {
      return Annotate(socket.status(), absl::StrCat("socket \"", names[i], "\" of LISTEN_FDS"));
    }
    result.sockets_.push_back({.name = std::move(names[i]), .socket = *std::move(socket)});
  }
  return result;
}

std::vector<ListenSocket> InheritedSockets::Take(absl::string_view name, bool or_unnamed) {
  asked_for_.emplace_back(name);
  std::vector<ListenSocket> taken;
  std::vector<Named> left;
  for (Named& each : sockets_) {
    if (each.name == name || (or_unnamed && IsUnnamed(each.name))) {
      taken.push_back(std::move(each.socket));
    } else {
      left.push_back(std::move(each));
    }
  }
  sockets_ = std::move(left);
  return taken;
}

absl::Status InheritedSockets::CheckAllTaken() const {
  if (sockets_.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("a socket was passed under the name \"", sockets_.front().name,
                   "\", but this process knows ", absl::StrJoin(asked_for_, " and "),
                   ": say which with FileDescriptorName= in its socket unit"));
}

}  // namespace kraken::net
