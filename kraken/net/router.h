#ifndef KRAKEN_NET_ROUTER_H_
#define KRAKEN_NET_ROUTER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/net/http_exchange.h"

namespace kraken::net {

struct RouteOptions {
  // Unset: the server's limit.
  absl::optional<uint64_t> max_body_bytes;
};

// Finds the handler for a request by method and path.
//
// A pattern is a path whose segments are literal text (compared with the decoded segment), `{name}`
// (one segment, not empty), or, at most once, `{name...}` (one or more segments, none empty). The
// path is split at '/' while still escaped and each segment is decoded once, so that an escaped
// slash never splits: `/namespace/{ns}/blobs/{digest}` matches
// `/namespace/library%2Fdebian/blobs/x` with ns = "library/debian". The segments of `{name...}` are
// joined with '/'. A pattern that ends in '/' matches only paths that do.
//
// Routes are tried in the order of their addition. If the path matches only with other methods, the
// answer is 405 with Allow; if no route has the path, 404; a broken escape or a segment that is "."
// or ".." after decoding: 400. HEAD is served by a GET route unless there is one for HEAD.
//
// Thread safety: Add() before the router is used; afterwards it is immutable.
class Router {
 public:
  Router();
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  // REQUIRES: a well-formed pattern (checked: a bad one ends the process at start-up).
  void Add(absl::string_view method, absl::string_view pattern, HttpHandler handler,
           RouteOptions options = {});
  // Takes what no route's path matches, instead of 404.
  void SetFallback(HttpHandler handler);

  void Dispatch(std::shared_ptr<HttpExchange> exchange) const;
  // Dispatch() as a handler. The router must outlive it.
  HttpHandler AsHandler() const;

 private:
  struct Route;
  std::vector<std::unique_ptr<Route>> routes_;
  HttpHandler fallback_;
};

}  // namespace kraken::net

#endif  // KRAKEN_NET_ROUTER_H_
