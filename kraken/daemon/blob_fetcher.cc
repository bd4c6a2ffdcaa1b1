#include "kraken/daemon/blob_fetcher.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "kraken/backend/backend.h"
#include "kraken/base/namespace.h"
#include "kraken/base/status_macros.h"
#include "kraken/storage/sequential_writer.h"

namespace kraken::daemon {
namespace {

constexpr size_t kMaxWaiting = 65536;
// Progress is reported after so many bytes.
constexpr int64_t kProgressBytes = 1 << 20;

}  // namespace

// One fetch, on one thread from begin to end.
class BlobFetcher::Job : public registry::BlobSink {
 public:
  Job(BlobFetcher* owner, FetchRequest request, const registry::Cancellation& cancellation,
      FetchEvents events)
      : owner_(owner),
        loop_(owner->loop_->handle()),
        request_(std::move(request)),
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
  absl::optional<ByteOffset> end() const override {
    if (gap_end_ == ByteOffset(size_.value())) return absl::nullopt;
    return gap_end_;
  }

  absl::Status Begin(absl::optional<ByteCount> size) override {
    if (size.has_value() && *size != size_) {
      return absl::DataLossError(absl::StrCat("blob ", request_.digest.ToString(), " has ",
                                              size->value(), " bytes, and was said to have ",
                                              size_.value()));
    }
    return absl::OkStatus();
  }

  absl::Status Write(absl::string_view data) override {
    KH_RETURN_IF_ERROR(cancellation_.status());
    auto bytes = absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(data.data()), data.size());
    while (!bytes.empty()) {
      if (AtGapEnd()) return EndGap();
      const auto part = bytes.first(std::min(bytes.size(), BytesToBoundary()));
      KH_RETURN_IF_ERROR(writer_->Append(part));
      if (tap_ != nullptr) tap_->Append(part);
      bytes.remove_prefix(part.size());
    }
    FlushStates();
    if (writer_->next_offset().value() - reported_ >= kProgressBytes) ReportProgress();
    return absl::OkStatus();
  }

 private:
  absl::Status Fetch() {
    KH_RETURN_IF_ERROR(cancellation_.status());
    KH_ASSIGN_OR_RETURN(const Namespace ns, Namespace::Parse(request_.ns));
    KH_ASSIGN_OR_RETURN(backend::Backend* const backend, owner_->backends_->Find(ns));
    KH_ASSIGN_OR_RETURN(size_, backend->StatBlob(ns, request_.digest, cancellation_));
    absl::StatusOr<std::shared_ptr<storage::PartialBlob>> partial = OpenPartial();
    if (absl::IsAlreadyExists(partial.status())) return absl::OkStatus();
    KH_RETURN_IF_ERROR(partial.status());
    return Receive(*backend, ns, *partial);
  }

  absl::StatusOr<std::shared_ptr<storage::PartialBlob>> OpenPartial() {
    const ByteCount piece_length =
        request_.piece_length.value_or(owner_->options_.piece_lengths.LengthFor(size_));
    return owner_->store_->OpenPartial(request_.digest, size_, {.piece_length = piece_length});
  }

  absl::Status Receive(backend::Backend& backend, const Namespace& ns,
                       const std::shared_ptr<storage::PartialBlob>& partial) {
    partial_ = partial;
    ReportBegin();
    writer_.emplace(
        partial,
        [this](PieceIndex, std::optional<Sha256State> state) {
          if (state.has_value()) states_.push_back(*state);
        },
        request_.trust_piece_list ? storage::SequentialWriter::Trust::kKnownStates
                                  : storage::SequentialWriter::Trust::kNobody);
    reported_ = writer_->next_offset().value();
    OpenTap();
    while (FindGap()) {
      gap_ended_ = false;
      const absl::Status received =
          backend.DownloadBlob(ns, request_.digest, writer_->next_offset(), *this, cancellation_);
      if (!gap_ended_ && !received.ok()) {
        // Nothing of what a backend said that contradicts itself is to be gone on from.
        return absl::IsDataLoss(received) ? writer_->Refuse(received) : received;
      }
      // The source has ended too early: Finish() says so.
      if (!AtGapEnd()) break;
    }
    ReportProgress();
    KH_RETURN_IF_ERROR(writer_->Finish().status());
    if (tap_ != nullptr) tap_->Finish();
    return absl::OkStatus();
  }

  // ---- What is missing ----

  // Goes on to the next bytes that are not there; false if there are none.
  bool FindGap() {
    const ByteOffset before = writer_->next_offset();
    writer_->PassOverVerified();
    const ByteOffset begin = writer_->next_offset();
    if (begin != before) {
      // Who must see all bytes can't.
      tap_ = nullptr;
      reported_ += (begin - before).value();
      FlushStates();
    }
    const storage::PieceLayout layout = *partial_->layout();
    gap_end_ = ByteOffset(size_.value());
    if (begin == gap_end_) return false;
    for (PieceIndex piece = layout.PieceAt(begin); piece <= layout.last_piece(); ++piece) {
      if (!partial_->Has(piece)) continue;
      gap_end_ = layout.OffsetOf(piece);
      break;
    }
    return true;
  }

  // Nothing is needed at next_offset(): here the gap ends, or somebody else has brought the piece
  // meanwhile. (What is too much at the blob's end is for the writer to refuse.)
  bool AtGapEnd() const {
    const ByteOffset at = writer_->next_offset();
    if (at == ByteOffset(size_.value())) return false;
    if (at >= gap_end_) return true;
    return at.value() % partial_->piece_length().value() == 0 &&
           partial_->Has(partial_->layout()->PieceAt(at));
  }

  size_t BytesToBoundary() const {
    const int64_t piece_length = partial_->piece_length().value();
    return static_cast<size_t>(piece_length - writer_->next_offset().value() % piece_length);
  }

  absl::Status EndGap() {
    gap_ended_ = true;
    return absl::AbortedError("the rest is here already");
  }

  // A fetch that goes on where another one ended does not see all bytes.
  void OpenTap() {
    if (owner_->options_.tap == nullptr || reported_ != 0) return;
    if (!partial_->layout().has_value()) return;
    tap_ = owner_->options_.tap(request_.digest, *partial_->layout());
  }

  // ---- What is told ----

  // Says what an earlier fetch left: the pieces of the verified prefix, whose states are known.
  void ReportBegin() {
    std::vector<Sha256State> states;
    const int64_t pieces =
        partial_->verified_prefix().bytes.value() / partial_->piece_length().value();
    for (int64_t i = 0; i < pieces; ++i) {
      std::optional<Sha256State> state = partial_->StateAfter(PieceIndex(static_cast<int32_t>(i)));
      if (!state.has_value()) break;
      states.push_back(*state);
    }
    loop_.Post([events = events_, partial = partial_, states = std::move(states)] {
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
  const FetchRequest request_;
  registry::Cancellation cancellation_;
  const std::shared_ptr<FetchEvents> events_;
  ByteCount size_{0};
  std::shared_ptr<storage::PartialBlob> partial_;
  std::optional<storage::SequentialWriter> writer_;
  // Where the bytes end that are asked for at the moment.
  ByteOffset gap_end_;
  // The download was ended as the rest is here; not by an error.
  bool gap_ended_ = false;
  std::unique_ptr<BlobTap> tap_;
  std::vector<Sha256State> states_;
  int64_t reported_ = 0;
};

BlobFetcher::BlobFetcher(net::EventLoop* loop, const backend::NamespaceRouter* backends,
                         storage::BlobStore* store, BlobFetcherOptions options)
    : loop_(loop),
      backends_(backends),
      store_(store),
      options_(std::move(options)),
      threads_(options_.max_fetches, kMaxWaiting, "fetch") {}

BlobFetcher::~BlobFetcher() { Shutdown(); }

void BlobFetcher::Fetch(FetchRequest request, const registry::Cancellation& cancellation,
                        FetchEvents events) {
  auto on_done = events.on_done;
  auto job = std::make_shared<Job>(this, std::move(request), cancellation, std::move(events));
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

}  // namespace kraken::daemon
