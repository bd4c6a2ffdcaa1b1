#include "kraken/origin/blob_fetcher.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "kraken/backend/backend.h"
#include "kraken/base/namespace.h"
#include "kraken/base/status_macros.h"
#include "kraken/storage/sequential_writer.h"

namespace kraken::origin {
namespace {

constexpr size_t kMaxWaiting = 65536;
// Progress is reported after so many bytes.
constexpr int64_t kProgressBytes = 1 << 20;

}  // namespace

// One fetch, on one thread from begin to end.
class BlobFetcher::Job : public registry::BlobSink {
 public:
  Job(BlobFetcher* owner, const Digest& digest, std::string ns,
      const registry::Cancellation& cancellation, FetchEvents events)
      : owner_(owner),
        loop_(owner->loop_->handle()),
        digest_(digest),
        ns_(std::move(ns)),
        cancellation_(cancellation),
        events_(std::make_shared<FetchEvents>(std::move(events))) {}

  void Run() {
    // A backend that is silent hears of the shutdown too.
    const registry::Cancellation::Callback on_shutdown(owner_->shutdown_,
                                                       [this] { cancellation_.Cancel(); });
    const absl::Status status = Fetch();
    FlushStates();
    loop_.Post([events = events_, status] { events->on_done(status); });
  }

  // registry::BlobSink, called by the backend.
  absl::Status Begin(absl::optional<ByteCount> size) override {
    if (size.has_value() && *size != size_) {
      return absl::DataLossError(absl::StrCat("blob ", digest_.ToString(), " has ", size->value(),
                                              " bytes, and was said to have ", size_.value()));
    }
    return absl::OkStatus();
  }

  absl::Status Write(absl::string_view data) override {
    KH_RETURN_IF_ERROR(cancellation_.status());
    const auto bytes =
        absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(data.data()), data.size());
    KH_RETURN_IF_ERROR(writer_->Append(bytes));
    if (summer_.has_value()) summer_->Append(bytes);
    FlushStates();
    if (writer_->next_offset().value() - reported_ >= kProgressBytes) ReportProgress();
    return absl::OkStatus();
  }

 private:
  absl::Status Fetch() {
    KH_RETURN_IF_ERROR(cancellation_.status());
    KH_ASSIGN_OR_RETURN(const Namespace ns, Namespace::Parse(ns_));
    KH_ASSIGN_OR_RETURN(backend::Backend* const backend, owner_->backends_->Find(ns));
    KH_ASSIGN_OR_RETURN(size_, backend->StatBlob(ns, digest_, cancellation_));
    absl::StatusOr<std::shared_ptr<storage::PartialBlob>> partial = owner_->store_->OpenPartial(
        digest_, size_, {.piece_length = owner_->piece_lengths_.LengthFor(size_)});
    if (absl::IsAlreadyExists(partial.status())) return absl::OkStatus();
    KH_RETURN_IF_ERROR(partial.status());
    const absl::Status received = Receive(*backend, ns, *partial);
    // Nothing of what a backend said that contradicts itself is to be gone on from.
    if (absl::IsDataLoss(received)) (*partial)->Abandon(received);
    return received;
  }

  absl::Status Receive(backend::Backend& backend, const Namespace& ns,
                       const std::shared_ptr<storage::PartialBlob>& partial) {
    ReportBegin(partial);
    writer_.emplace(partial, [this](PieceIndex, std::optional<Sha256State> state) {
      if (state.has_value()) states_.push_back(*state);
    });
    reported_ = writer_->next_offset().value();
    BeginSums(*partial);
    if (writer_->next_offset().value() < size_.value()) {
      KH_RETURN_IF_ERROR(
          backend.DownloadBlob(ns, digest_, writer_->next_offset(), *this, cancellation_));
    }
    ReportProgress();
    KH_RETURN_IF_ERROR(writer_->Finish().status());
    RememberSums();
    return absl::OkStatus();
  }

  // A fetch that goes on where another one ended does not see all bytes: its blob is read once more
  // if somebody wants the sums.
  void BeginSums(const storage::PartialBlob& partial) {
    if (owner_->sums_ == nullptr || reported_ != 0 || !partial.layout().has_value()) return;
    absl::StatusOr<swarm::KrakenSummer> summer =
        owner_->sums_->SummerOf(digest_, *partial.layout());
    if (summer.ok()) summer_.emplace(*std::move(summer));
  }

  void RememberSums() {
    if (!summer_.has_value()) return;
    absl::StatusOr<swarm::KrakenMetainfo> metainfo = summer_->Finish();
    if (metainfo.ok()) owner_->sums_->Remember(*std::move(metainfo));
  }

  // Says what an earlier fetch left: the pieces of the verified prefix, whose states are known.
  void ReportBegin(const std::shared_ptr<storage::PartialBlob>& partial) {
    std::vector<Sha256State> states;
    const int64_t pieces =
        partial->verified_prefix().bytes.value() / partial->piece_length().value();
    for (int64_t i = 0; i < pieces; ++i) {
      std::optional<Sha256State> state = partial->StateAfter(PieceIndex(static_cast<int32_t>(i)));
      if (!state.has_value()) break;
      states.push_back(*state);
    }
    loop_.Post([events = events_, partial, states = std::move(states)] {
      events->on_begin(partial, states);
    });
  }

  void FlushStates() {
    if (states_.empty()) return;
    loop_.Post(
        [events = events_, states = std::exchange(states_, {})] { events->on_states(states); });
  }

  void ReportProgress() {
    const int64_t offset = writer_->next_offset().value();
    const auto fetched = static_cast<uint64_t>(std::max<int64_t>(0, offset - reported_));
    reported_ = offset;
    loop_.Post([events = events_, fetched, done = static_cast<uint64_t>(offset)] {
      events->on_progress(fetched, done);
    });
  }

  BlobFetcher* const owner_;
  const net::LoopHandle loop_;
  const Digest digest_;
  const std::string ns_;
  registry::Cancellation cancellation_;
  const std::shared_ptr<FetchEvents> events_;
  ByteCount size_{0};
  std::optional<storage::SequentialWriter> writer_;
  std::optional<swarm::KrakenSummer> summer_;
  std::vector<Sha256State> states_;
  int64_t reported_ = 0;
};

BlobFetcher::BlobFetcher(net::EventLoop* loop, const backend::NamespaceRouter* backends,
                         storage::BlobStore* store, storage::PieceLengthTable piece_lengths,
                         int max_fetches, KrakenSums* sums)
    : loop_(loop),
      backends_(backends),
      store_(store),
      piece_lengths_(std::move(piece_lengths)),
      sums_(sums),
      threads_(max_fetches, kMaxWaiting, "fetch") {}

BlobFetcher::~BlobFetcher() { Shutdown(); }

void BlobFetcher::Fetch(const Digest& digest, const std::string& ns,
                        const registry::Cancellation& cancellation, FetchEvents events) {
  auto on_done = events.on_done;
  auto job = std::make_shared<Job>(this, digest, ns, cancellation, std::move(events));
  const absl::Status submitted = threads_.Submit([job] { job->Run(); });
  if (!submitted.ok()) {
    loop_->Post([on_done = std::move(on_done), submitted] { on_done(submitted); });
  }
}

void BlobFetcher::Stat(const Digest& digest, const std::string& ns,
                       std::function<void(absl::StatusOr<ByteCount>)> done) {
  const absl::Status submitted = threads_.Submit([this, digest, ns, done] {
    const auto stat = [&]() -> absl::StatusOr<ByteCount> {
      KH_ASSIGN_OR_RETURN(const Namespace parsed, Namespace::Parse(ns));
      KH_ASSIGN_OR_RETURN(backend::Backend* const backend, backends_->Find(parsed));
      return backend->StatBlob(parsed, digest, shutdown_);
    };
    loop_->Post([done, size = stat()] { done(size); });
  });
  if (!submitted.ok()) loop_->Post([done, submitted] { done(submitted); });
}

void BlobFetcher::Shutdown() {
  shutdown_.Cancel();
  threads_.Shutdown();
}

}  // namespace kraken::origin
