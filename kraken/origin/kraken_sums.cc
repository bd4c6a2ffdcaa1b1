#include "kraken/origin/kraken_sums.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "kraken/base/status_macros.h"
#include "kraken/peer_wire/kraken_handshake.h"

namespace kraken::origin {
namespace {

constexpr int64_t kReadBytes = 256 << 10;

class SummingTap final : public daemon::BlobTap {
 public:
  SummingTap(KrakenSums* sums, swarm::KrakenSummer summer)
      : sums_(sums), summer_(std::move(summer)) {}

  void Append(absl::Span<const uint8_t> bytes) override { summer_.Append(bytes); }
  void Finish() override {
    absl::StatusOr<swarm::KrakenMetainfo> metainfo = summer_.Finish();
    if (metainfo.ok()) sums_->Remember(*std::move(metainfo));
  }

 private:
  KrakenSums* const sums_;
  swarm::KrakenSummer summer_;
};

}  // namespace

KrakenSums::KrakenSums(net::EventLoop* loop, storage::BlobStore* store,
                       storage::PieceLengthTable piece_lengths, size_t max_remembered_pieces)
    : loop_(loop),
      store_(store),
      piece_lengths_(std::move(piece_lengths)),
      max_remembered_pieces_(max_remembered_pieces),
      alive_(std::make_shared<KrakenSums*>(this)),
      thread_(/*threads=*/1, kMaxWaiting, "kraken sums") {}

KrakenSums::~KrakenSums() {
  Shutdown();
  *alive_ = nullptr;
}

void KrakenSums::Shutdown() {
  stopping_ = true;
  thread_.Shutdown();
}

// The pieces that version 1 sees are those that it gets from us; only of a blob that is one piece
// it does not matter how long the piece may be, and the length is the configured one, which others
// hash too.
storage::PieceLayout KrakenSums::LayoutFor(const storage::PieceLayout& stored) const {
  if (stored.piece_count() != PieceCount(1)) return stored;
  const auto configured =
      storage::PieceLayout::Create(stored.size(), piece_lengths_.LengthFor(stored.size()));
  const bool fits = configured.ok() && configured->piece_count() == PieceCount(1);
  return fits ? *configured : stored;
}

std::unique_ptr<daemon::BlobTap> KrakenSums::MakeTap(const Digest& digest,
                                                     const storage::PieceLayout& stored) {
  absl::StatusOr<swarm::KrakenSummer> summer = SummerOf(digest, stored);
  if (!summer.ok()) return nullptr;
  return std::make_unique<SummingTap>(this, *std::move(summer));
}

absl::StatusOr<swarm::KrakenSummer> KrakenSums::SummerOf(const Digest& digest,
                                                         const storage::PieceLayout& stored) const {
  const storage::PieceLayout layout = LayoutFor(stored);
  if (layout.piece_count() > peer_wire::kMaxKrakenPieces) {
    return absl::FailedPreconditionError(
        absl::StrCat("blob ", digest.ToString(), " has ", layout.piece_count().value(),
                     " pieces; version 1 can speak of ", peer_wire::kMaxKrakenPieces.value(),
                     ": let metainfogen.piece_lengths have longer ones for blobs of this size"));
  }
  return swarm::KrakenSummer(digest, layout);
}

std::shared_ptr<const swarm::KrakenMetainfo> KrakenSums::Remember(swarm::KrakenMetainfo metainfo) {
  const size_t pieces = metainfo.piece_sums().size();
  const Digest digest = metainfo.digest();
  auto shared = std::make_shared<const swarm::KrakenMetainfo>(std::move(metainfo));
  const absl::MutexLock lock(&mu_);
  if (!remembered_.emplace(digest, shared).second) return shared;
  order_.push_back(digest);
  remembered_pieces_ += pieces;
  while (remembered_pieces_ > max_remembered_pieces_ && order_.size() > 1) {
    const auto oldest = remembered_.find(order_.front());
    remembered_pieces_ -= oldest->second->piece_sums().size();
    remembered_.erase(oldest);
    order_.pop_front();
  }
  return shared;
}

KrakenSums::MetainfoPtr KrakenSums::Recall(const Digest& digest) {
  const absl::MutexLock lock(&mu_);
  const auto it = remembered_.find(digest);
  return it == remembered_.end() ? nullptr : it->second;
}

void KrakenSums::Get(const Digest& digest, Done done) {
  std::vector<Done>& waiting = waiting_[digest];
  waiting.push_back(std::move(done));
  if (waiting.size() > 1) return;
  if (MetainfoPtr known = Recall(digest)) {
    return loop_->Defer([alive = alive_, digest, known = std::move(known)] {
      if (*alive != nullptr) (*alive)->Answer(digest, known);
    });
  }
  const absl::Status submitted = thread_.Submit([this, alive = alive_, digest] {
    loop_->Post([alive, digest, result = Read(digest)] {
      if (*alive != nullptr) (*alive)->Answer(digest, result);
    });
  });
  if (submitted.ok()) return;
  loop_->Defer([alive = alive_, digest, submitted] {
    if (*alive != nullptr) (*alive)->Answer(digest, submitted);
  });
}

void KrakenSums::Answer(const Digest& digest, const Result& result) {
  const auto it = waiting_.find(digest);
  if (it == waiting_.end()) return;
  const std::vector<Done> waiting = std::move(it->second);
  waiting_.erase(it);
  for (const Done& done : waiting) done(result);
}

KrakenSums::Result KrakenSums::Read(const Digest& digest) {
  // It may have come from a backend, or been read, while this waited.
  if (MetainfoPtr known = Recall(digest)) return known;
  KH_ASSIGN_OR_RETURN(const std::shared_ptr<const storage::Blob> blob, store_->Find(digest));
  KH_ASSIGN_OR_RETURN(const std::shared_ptr<const storage::PieceList> list, blob->piece_list());
  KH_ASSIGN_OR_RETURN(swarm::KrakenSummer summer, SummerOf(digest, list->layout()));
  std::vector<uint8_t> buffer(static_cast<size_t>(kReadBytes));
  for (int64_t at = 0; at < blob->size().value();) {
    if (stopping_) return absl::UnavailableError("the origin is shutting down");
    const int64_t part = std::min(kReadBytes, blob->size().value() - at);
    const auto bytes = absl::MakeSpan(buffer).first(static_cast<size_t>(part));
    KH_RETURN_IF_ERROR(blob->ReadAt(ByteOffset(at), bytes));
    summer.Append(bytes);
    at += part;
  }
  ++blobs_read_;
  KH_ASSIGN_OR_RETURN(swarm::KrakenMetainfo metainfo, summer.Finish());
  return Remember(std::move(metainfo));
}

}  // namespace kraken::origin
