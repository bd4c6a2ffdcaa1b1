// What processes of Kraken's version 1 are told of a blob, by trackers and over HTTP.
#include <utility>

#include "kraken/origin/origin_hub.h"
#include "kraken/telemetry/log.h"

namespace kraken::origin {

// Of a complete blob that somebody watches: sums it, if they are not known, and tells.
void OriginHub::TellKraken(const Digest& digest) {
  const OriginBlob* blob = Find(digest);
  if (parts_.sums == nullptr || blob == nullptr) return;
  parts_.sums->Get(digest, [alive = alive_, digest, id = blob->id](const KrakenSums::Result& sums) {
    OriginBlob* blob = *alive == nullptr ? nullptr : (*alive)->Find(digest);
    if (blob == nullptr || blob->id != id) return;
    if (sums.ok()) return (*alive)->OnKraken(*blob, **sums);
    telemetry::LogWarn("no peer of Kraken's version 1 gets the blob",
                       {{"digest", digest.ToString()}, {"reason", sums.status()}});
  });
}

void OriginHub::OnKraken(OriginBlob& blob, const swarm::KrakenMetainfo& metainfo) {
  *blob.known.mutable_kraken() = rpc::ToProto(metainfo);
  rpc::v1::MetainfoNews news;
  news.mutable_metainfo()->set_size_bytes(blob.known.size_bytes());
  news.mutable_metainfo()->set_complete(true);
  *news.mutable_metainfo()->mutable_kraken() = blob.known.kraken();
  TellAll(blob, std::move(news));
  UseInfoHash(blob.digest);
}

// So that who means other sums is refused. Once the blob is seeded and its sums are known.
void OriginHub::UseInfoHash(const Digest& digest) {
  const OriginBlob* blob = Find(digest);
  if (blob == nullptr || !blob->known.has_kraken() || blob->known.ranges_size() == 0) return;
  const auto metainfo = rpc::FromProto(blob->known.kraken(), digest, blob->known.size_bytes());
  if (!metainfo.ok()) return;
  const auto piece_length = static_cast<int64_t>(blob->known.ranges(0).piece_length_bytes());
  parts_.node->SetInfoHash({digest, ByteCount(piece_length)}, metainfo->info_hash());
}

void OriginHub::GetKraken(const Digest& digest, const std::string& ns, KrakenSums::Done done) {
  if (parts_.store->Contains(digest)) return parts_.sums->Get(digest, std::move(done));
  if (Find(digest) != nullptr) return done(nullptr);
  // Kraken's processes ask until they hear anything but "not yet".
  parts_.fetcher->Stat(
      digest, ns,
      [alive = alive_, digest, ns, done = std::move(done)](const absl::StatusOr<ByteCount>& size) {
        if (*alive == nullptr) return;
        if (!size.ok()) return done(size.status());
        (*alive)->Warm(digest, ns);
        done(nullptr);
      });
}

}  // namespace kraken::origin
