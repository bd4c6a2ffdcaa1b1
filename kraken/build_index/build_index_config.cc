#include "kraken/build_index/build_index_config.h"

#include "kraken/config/reader.h"

namespace kraken::build_index {

void ReadConfig(config::ObjectReader& r, TagServerConfig* c) {
  r.Optional("revalidate_after", &c->revalidate_after, {.min = absl::ZeroDuration()});
  r.Optional("stale_ttl", &c->stale_ttl, {.min = absl::ZeroDuration()});
  r.Optional("upstream_timeout", &c->upstream_timeout, {.min = absl::Milliseconds(1)});
  r.IgnoredKrakenKey("listener", "the flag -port decides");
  r.IgnoredKrakenKey("duplicate_replicate_stagger", "tags are not replicated between clusters yet");
  r.IgnoredKrakenKey("duplicate_put_stagger", "tags are not written to neighbours");
  r.IgnoredKrakenKey("cache", "tags are revalidated instead");
}

void ReadConfig(config::ObjectReader& r, LocalDbConfig* c) { r.Optional("source", &c->source); }

void ReadConfig(config::ObjectReader& r, BuildIndexConfig* c) {
  daemon::ReadCommonConfig(r, &c->common);
  r.Optional("tagserver", &c->tagserver);
  r.Optional("localdb", &c->localdb);
  r.Required("backends", &c->backends);
  r.IgnoredKrakenKey("store", "tags live in localdb");
  r.IgnoredKrakenKey("cluster", "tags are not written to neighbours");
  r.IgnoredKrakenKey("origin", "harbor-bridge has the origins cache blobs");
  r.IgnoredKrakenKey("remotes", "tags are not replicated between clusters yet");
  r.IgnoredKrakenKey("tag_types", "manifests say what they depend on");
  r.IgnoredKrakenKey("tag_store", "tags are read from Harbor, not written to it");
  r.IgnoredKrakenKey("tag_replication", "tags are not replicated between clusters yet");
  r.IgnoredKrakenKey("writeback", "tags are read from Harbor, not written to it");
  r.IgnoredKrakenKey("backend_manager", "it has no settings left");
}

}  // namespace kraken::build_index
