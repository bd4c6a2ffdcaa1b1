#include "kraken/agent/agent_server.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/tag.h"
#include "kraken/daemon/blob_requests.h"

namespace kraken::agent {
namespace {

using Exchange = std::shared_ptr<net::HttpExchange>;

void GetTag(const AgentServerParts& parts, Exchange exchange) {
  const std::string name(exchange->path_param("tag"));
  const size_t colon = name.rfind(':');
  absl::StatusOr<Namespace> ns = Namespace::Parse(name.substr(0, colon));
  absl::StatusOr<Tag> tag =
      Tag::Parse(colon == std::string::npos ? "" : absl::string_view(name).substr(colon + 1));
  if (!ns.ok() || !tag.ok()) {
    exchange->RespondError(400, absl::StrCat("\"", name, "\" is not repository:tag"));
    return;
  }
  parts.control->Post([build_index = parts.build_index, exchange, ns = *ns, tag = *tag] {
    build_index->GetTag(ns, tag, [exchange](absl::StatusOr<rpc::TagValue> value) {
      exchange->Post([value = std::move(value)](net::HttpExchange& e) {
        if (value.ok()) {
          e.Respond(200, {{"Content-Type", "text/plain"}}, value->digest.ToString());
        } else {
          daemon::RespondBlobError(e, value.status());
        }
      });
    });
  });
}

void DeleteBlob(const AgentServerParts& parts, Exchange exchange) {
  // A proxy on this host must not make everybody local.
  if (!exchange->peer().address.is_loopback() || !exchange->client_address().is_loopback()) {
    exchange->RespondError(403, "blobs are deleted from the agent's own host only");
    return;
  }
  const std::string name(exchange->path_param("digest"));
  absl::StatusOr<Digest> digest = Digest::Parse(name);
  if (!digest.ok()) digest = Digest::FromHex(name);
  if (!digest.ok()) {
    daemon::RespondBlobError(*exchange, digest.status());
    return;
  }
  parts.control->Post([downloads = parts.downloads, exchange, digest = *digest] {
    const absl::Status by_hand = absl::CancelledError("the blob was removed by hand");
    downloads->Remove(digest, by_hand, [exchange](absl::Status status) {
      exchange->Post([status](net::HttpExchange& e) {
        // As in Kraken, what is not there counts as removed.
        if (status.ok() || absl::IsNotFound(status)) {
          e.Respond(200, {}, "");
        } else {
          daemon::RespondBlobError(e, status);
        }
      });
    });
  });
}

}  // namespace

void AddAgentRoutes(net::Router& router, const AgentServerParts& parts) {
  router.Add("GET", "/tags/{tag}",
             [parts](Exchange exchange) { GetTag(parts, std::move(exchange)); });
  router.Add("DELETE", "/blobs/{digest}",
             [parts](Exchange exchange) { DeleteBlob(parts, std::move(exchange)); });
}

}  // namespace kraken::agent
