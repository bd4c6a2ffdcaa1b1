#include "kraken/origin/origin_config.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "kraken/base/byte_size.h"
#include "kraken/config/reader.h"

namespace kraken::origin {
namespace {

// Section `metainfogen`: a blob of at least so many bytes has pieces of so many.
struct MetaInfoGenConfig {
  std::map<std::string, std::string> piece_lengths;
};
void ReadConfig(config::ObjectReader& r, MetaInfoGenConfig* c) {
  r.Optional("piece_lengths", &c->piece_lengths);
}

struct MonitorConfig {
  absl::Duration interval = absl::Seconds(2);
};
void ReadConfig(config::ObjectReader& r, MonitorConfig* c) {
  r.Optional("interval", &c->interval, {.min = absl::Milliseconds(1)});
}

void ReadPieceLengths(config::ObjectReader& r, storage::PieceLengthTable* table) {
  MetaInfoGenConfig metainfogen;
  if (!r.Optional("metainfogen", &metainfogen)) return;
  std::map<int64_t, int64_t> lengths;
  for (const auto& [from, length] : metainfogen.piece_lengths) {
    const absl::StatusOr<int64_t> from_bytes = ParseByteSize(from);
    const absl::StatusOr<int64_t> length_bytes = ParseByteSize(length);
    if (!from_bytes.ok() || !length_bytes.ok()) {
      r.Error("metainfogen", absl::StrCat("piece_lengths maps sizes to sizes, not \"", from,
                                          "\" to \"", length, "\""));
      return;
    }
    lengths[*from_bytes] = *length_bytes;
  }
  absl::StatusOr<storage::PieceLengthTable> created = storage::PieceLengthTable::Create(lengths);
  if (!created.ok()) {
    r.Error("metainfogen", created.status().message());
    return;
  }
  *table = *std::move(created);
}

}  // namespace

void ReadConfig(config::ObjectReader& r, CaStoreConfig* c) {
  daemon::ReadBlobStoreConfig(r, c);
  r.IgnoredKrakenKey("upload_dir", "partial blobs live under cache_dir");
  r.IgnoredKrakenKey("upload_cleanup", "space is reserved before a download starts");
  r.IgnoredKrakenKey("cache_cleanup", "the least recently used blobs go when space is needed");
  r.IgnoredKrakenKey("read_part_size", "blobs are sent by the kernel");
  r.IgnoredKrakenKey("write_part_size", "blobs are written as they arrive");
  r.IgnoredKrakenKey("skip_hash_verification", "hashes are always verified");
  r.IgnoredKrakenKey("memory_cache", "the kernel caches files");
}

void ReadConfig(config::ObjectReader& r, BlobRefreshConfig* c) {
  r.Optional("max_fetches", &c->max_fetches, {.min = 1, .max = 1024});
  r.IgnoredKrakenKey("size_limit", "blobs are limited by the space there is");
}

void ReadConfig(config::ObjectReader& r, OriginConfig* c) {
  daemon::ReadCommonConfig(r, &c->common);
  r.Optional("compat", &c->compat);
  r.Optional("castore", &c->castore);
  r.Required("cluster", &c->cluster);
  r.Optional("hashring", &c->hashring);
  r.Optional("healthcheck", &c->healthcheck);
  MonitorConfig monitor;
  r.Optional("monitor", &monitor);
  c->healthcheck_interval = monitor.interval;
  r.Optional("blobrefresh", &c->blobrefresh);
  ReadPieceLengths(r, &c->piece_lengths);
  if (c->compat.kraken && !r.Has("metainfogen")) {
    r.Error(
        "metainfogen",
        "with compat.kraken, piece_lengths must be here, and the same as Kraken's origins have: "
        "they decide what a blob is called among its peers");
  }
  r.Required("backends", &c->backends);
  r.Optional("scheduler", &c->scheduler);
  r.IgnoredKrakenKey("peer_id_factory", "a peer is named by its address");
  r.IgnoredKrakenKey("network_event", "metrics tell");
  r.IgnoredKrakenKey("blobserver", "it has no settings left");
  r.IgnoredKrakenKey("auth", "credentials stand with each backend");
  r.IgnoredKrakenKey("backend_manager", "it has no settings left");
  r.IgnoredKrakenKey("localdb", "blobs are not written back to backends yet");
  r.IgnoredKrakenKey("writeback", "blobs are not written back to backends yet");
}

}  // namespace kraken::origin
