#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kraken/base/test_util.h"
#include "kraken/net/transport.h"
#include "kraken/peer_wire/frame.h"
#include "kraken/peer_wire/message.pb.h"
#include "kraken/peer_wire/payload_receiver.h"
#include "kraken/peer_wire/payload_sender.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/partial_blob.h"
#include "kraken/storage/storage_test_util.h"
#include "kraken/storage/store_fixture.h"

namespace kraken::peer_wire {
namespace {

using PieceOutcome = swarm::Scheduler::PieceOutcome;

constexpr int64_t kPiece = 1 << 20;

class PayloadTest : public storage::StoreFixture {
 protected:
  PayloadTest() : blob_(3 * kPiece + 100, kPiece) { Open(); }
  ~PayloadTest() override { content_ = nullptr; }

  // The torrent with its pieces to come.
  void BeginContent() {
    content_ = std::make_shared<TorrentContent>(blob_.digest, blob_.layout);
    content_->SetPartial(Begin(blob_), [](const storage::PartialBlobEvent&) {});
  }
  // The torrent complete.
  void CompleteContent() {
    Store(blob_);
    content_ = std::make_shared<TorrentContent>(blob_.digest, blob_.layout);
    content_->SetBlob(*store_->Find(blob_.digest));
  }

  absl::string_view Bytes(int piece) {
    const auto bytes = blob_.Piece(piece);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  // The reports of pieces among the events.
  std::vector<PieceReceived> Received() {
    std::vector<PieceReceived> result;
    for (const WireEvent& event : events_) {
      if (const auto* received = std::get_if<PieceReceived>(&event)) result.push_back(*received);
    }
    return result;
  }

  const storage::TestBlob blob_;
  std::shared_ptr<TorrentContent> content_;
  std::vector<WireEvent> events_;
};

// ---- Receiving ----

class PayloadReceiverTest : public PayloadTest {
 protected:
  static constexpr uint32_t kOurs = 5;
  static constexpr uint32_t kPeers = 8;

  PayloadReceiverTest() : receiver_(&events_) {
    BeginContent();
    EXPECT_OK(receiver_.OnPeerOpened(kPeers));
    receiver_.AddChannel(kOurs, content_);
    receiver_.SetPeerChannel(kOurs, kPeers);
  }

  absl::Status Chunk(int piece, int64_t offset, int64_t length) {
    return receiver_.OnChunk(kPeers, {PieceIndex(piece), offset, length}, MonotonicTime());
  }
  // A whole piece in chunks; payload in uneven parts.
  void Deliver(int piece, absl::string_view bytes) {
    for (size_t at = 0; at < bytes.size(); at += kMaxChunkBytes) {
      const absl::string_view chunk = bytes.substr(at, kMaxChunkBytes);
      ASSERT_OK(Chunk(piece, static_cast<int64_t>(at), static_cast<int64_t>(chunk.size())));
      for (size_t i = 0; i < chunk.size(); i += 60'001) {
        receiver_.OnPayload(chunk.substr(i, 60'001));
      }
    }
  }

  PayloadReceiver receiver_;
};

TEST_F(PayloadReceiverTest, PutsPiecesTogetherAndChecksThem) {
  EXPECT_EQ(receiver_.AddRequest(kOurs, PieceIndex(2)), ByteCount(kPiece));
  EXPECT_EQ(receiver_.AddRequest(kOurs, PieceIndex(3)), ByteCount(100));
  Deliver(2, Bytes(2));
  Deliver(3, Bytes(3));
  const auto received = Received();
  ASSERT_EQ(received.size(), 2u);
  EXPECT_EQ(received[0].channel, kOurs);
  EXPECT_EQ(received[0].outcome, PieceOutcome::kVerified);
  EXPECT_EQ(received[1].outcome, PieceOutcome::kVerified);
  EXPECT_OK(content_->OpenPiece(PieceIndex(2)));
  EXPECT_OK(content_->OpenPiece(PieceIndex(3)));
  EXPECT_THAT(content_->OpenPiece(PieceIndex(0)), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(PayloadReceiverTest, ChunksOfSeveralPiecesMayAlternate) {
  receiver_.AddRequest(kOurs, PieceIndex(0));
  receiver_.AddRequest(kOurs, PieceIndex(1));
  for (int64_t at = 0; at < kPiece; at += kMaxChunkBytes) {
    for (int piece : {1, 0}) {
      ASSERT_OK(Chunk(piece, at, kMaxChunkBytes));
      receiver_.OnPayload(Bytes(piece).substr(static_cast<size_t>(at), kMaxChunkBytes));
    }
  }
  ASSERT_EQ(Received().size(), 2u);
  for (const PieceReceived& each : Received()) EXPECT_EQ(each.outcome, PieceOutcome::kVerified);
}

TEST_F(PayloadReceiverTest, FindsACorruptPieceAndServesNothingOfIt) {
  receiver_.AddRequest(kOurs, PieceIndex(1));
  std::string bytes(Bytes(1));
  bytes[700'000] ^= 1;
  Deliver(1, bytes);
  ASSERT_EQ(Received().size(), 1u);
  EXPECT_EQ(Received()[0].outcome, PieceOutcome::kCorrupt);
  EXPECT_THAT(content_->OpenPiece(PieceIndex(1)), StatusIs(absl::StatusCode::kNotFound));
  // And it can be had again.
  receiver_.AddRequest(kOurs, PieceIndex(1));
  Deliver(1, Bytes(1));
  EXPECT_EQ(Received()[1].outcome, PieceOutcome::kVerified);
}

TEST_F(PayloadReceiverTest, SkipsWhatWasTakenBackAndAskedForAgain) {
  receiver_.AddRequest(kOurs, PieceIndex(3));
  receiver_.ExpectOnceMore(kOurs, PieceIndex(3));
  receiver_.AddRequest(kOurs, PieceIndex(3));
  Deliver(3, Bytes(3));
  Deliver(3, Bytes(3));
  EXPECT_EQ(Received().size(), 1u);
  EXPECT_THAT(Chunk(3, 0, 100), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(PayloadReceiverTest, APieceInOneChunkReportsItsProgress) {
  receiver_.AddRequest(kOurs, PieceIndex(0));
  ASSERT_OK(Chunk(0, 0, kPiece));
  receiver_.OnPayload(Bytes(0).substr(0, 1000));
  receiver_.ReportProgress(MonotonicTime());
  receiver_.ReportProgress(MonotonicTime() + PayloadReceiver::kProgressInterval);
  std::vector<ByteCount> reported;
  for (const WireEvent& event : events_) {
    const auto* progress = std::get_if<PieceProgress>(&event);
    if (progress != nullptr) reported.push_back(progress->bytes_so_far);
  }
  EXPECT_THAT(reported, testing::ElementsAre(ByteCount(0), ByteCount(1000)));
}

TEST_F(PayloadReceiverTest, RefusesWhatWasNotAskedFor) {
  EXPECT_THAT(Chunk(1, 0, 100), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(receiver_.AddRequest(kOurs, PieceIndex(4)), ByteCount(0));
  EXPECT_THAT(Chunk(4, 0, 100), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(receiver_.OnChunk(kPeers + 1, {PieceIndex(0), 0, 100}, MonotonicTime()),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(PayloadReceiverTest, RefusesChunksOutOfOrderOrTooLong) {
  receiver_.AddRequest(kOurs, PieceIndex(1));
  EXPECT_THAT(Chunk(1, 100, 100), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK(Chunk(1, 0, 100));
  receiver_.OnPayload(Bytes(1).substr(0, 100));
  EXPECT_THAT(Chunk(1, 0, 100), StatusIs(absl::StatusCode::kInvalidArgument));
  receiver_.AddRequest(kOurs, PieceIndex(3));
  EXPECT_THAT(Chunk(3, 0, 101), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(PayloadReceiverTest, ReportsAnAbortedPiece) {
  receiver_.AddRequest(kOurs, PieceIndex(1));
  receiver_.AddRequest(kOurs, PieceIndex(2));
  ASSERT_OK(Chunk(1, 0, 100));
  receiver_.OnPayload(Bytes(1).substr(0, 100));
  EXPECT_FALSE(receiver_.OnRefused(kPeers, PieceIndex(1)));
  ASSERT_EQ(Received().size(), 1u);
  EXPECT_EQ(Received()[0].outcome, PieceOutcome::kAborted);
  EXPECT_EQ(Received()[0].bytes, ByteCount(100));
  // One that had not begun is no more than refused; one that was never asked for is nothing.
  EXPECT_TRUE(receiver_.OnRefused(kPeers, PieceIndex(2)));
  EXPECT_FALSE(receiver_.OnRefused(kPeers, PieceIndex(2)));
}

TEST_F(PayloadReceiverTest, SkipsPayloadOfAClosedChannel) {
  receiver_.AddRequest(kOurs, PieceIndex(1));
  ASSERT_OK(Chunk(1, 0, 100));
  receiver_.OnPayload(Bytes(1).substr(0, 50));
  receiver_.RemoveChannel(kOurs);
  receiver_.OnPayload(Bytes(1).substr(50, 50));
  EXPECT_OK(Chunk(1, 100, 100));
  receiver_.OnPayload(Bytes(1).substr(100, 100));
  EXPECT_TRUE(Received().empty());
}

TEST_F(PayloadReceiverTest, ChannelNumbersMustGrow) {
  EXPECT_THAT(receiver_.OnPeerOpened(kPeers), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_OK(receiver_.OnPeerOpened(kPeers + 5));
}

TEST_F(PayloadReceiverTest, APieceThatIsHereAlreadyIsSkipped) {
  receiver_.AddRequest(kOurs, PieceIndex(1));
  storage::StoreFixture::Deliver(*content_->partial(), blob_, 1);
  Deliver(1, Bytes(1));
  ASSERT_EQ(Received().size(), 1u);
  EXPECT_EQ(Received()[0].outcome, PieceOutcome::kVerified);
}

// ---- Sending ----

// Keeps, in order, what was sent: messages, and payload by piece.
class SentLog : public FrameReader::Handler {
 public:
  absl::Status OnMessage(const proto::Message& message, uint64_t* payload_bytes) override {
    const auto parsed = ParseWireMessage(message);
    EXPECT_OK(parsed);
    if (!parsed.ok()) return parsed.status();
    if (const auto* chunk = std::get_if<PieceChunk>(&parsed->body)) {
      *payload_bytes = static_cast<uint64_t>(chunk->length);
      current = chunk->piece.value();
      order += static_cast<char>('0' + current);
    } else {
      order += std::holds_alternative<Abort>(parsed->body)    ? 'A'
               : std::holds_alternative<Reject>(parsed->body) ? 'R'
                                                              : 'M';
    }
    return absl::OkStatus();
  }
  absl::Status OnPayload(absl::string_view bytes) override {
    payload[current].append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }

  std::string order;
  std::string payload[4];

 private:
  int current = 0;
};

class PayloadSenderTest : public PayloadTest {
 protected:
  static constexpr uint32_t kChannel = 2;

  PayloadSenderTest() : sender_(&events_), reader_(&log_) {
    CompleteContent();
    sender_.AddChannel(kChannel, content_);
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    transport_ = net::MakePlainTransport(UniqueFd(fds[0]));
    peer_.Reset(fds[1]);
  }

  // Sends at most so much, and reads it at the other end. True while there was something.
  bool Step(int64_t budget = 1 << 30) {
    const auto result = sender_.SendSome(*transport_, budget);
    EXPECT_OK(result);
    char buffer[1 << 16];
    ssize_t n;
    bool some = false;
    while ((n = ::read(peer_.get(), buffer, sizeof(buffer))) > 0) {
      some = true;
      EXPECT_OK(reader_.Consume({buffer, static_cast<size_t>(n)}));
    }
    return some;
  }
  void SendAll() {
    while (Step()) {
    }
  }
  void QueuePing() { AppendWireMessage({.body = Ping{}}, &sender_.messages()); }
  int UploadsDone() {
    int count = 0;
    for (const WireEvent& event : events_) count += std::holds_alternative<UploadDone>(event);
    return count;
  }

  PayloadSender sender_;
  SentLog log_;
  FrameReader reader_;
  std::unique_ptr<net::Transport> transport_;
  UniqueFd peer_;
};

TEST_F(PayloadSenderTest, SendsWholePiecesInTurns) {
  sender_.StartUpload(kChannel, PieceIndex(0), false);
  sender_.StartUpload(kChannel, PieceIndex(1), false);
  SendAll();
  EXPECT_EQ(log_.order, "01010101");
  EXPECT_TRUE(log_.payload[0] == Bytes(0));
  EXPECT_TRUE(log_.payload[1] == Bytes(1));
  EXPECT_EQ(UploadsDone(), 2);
  EXPECT_FALSE(sender_.has_output());
}

TEST_F(PayloadSenderTest, MessagesPassBetweenChunks) {
  sender_.StartUpload(kChannel, PieceIndex(0), false);
  Step(/*budget=*/1);
  QueuePing();
  SendAll();
  EXPECT_EQ(log_.order, "0M000");
  EXPECT_TRUE(log_.payload[0] == Bytes(0));
}

TEST_F(PayloadSenderTest, AStoppedUploadIsAbortedAfterItsChunk) {
  sender_.StartUpload(kChannel, PieceIndex(0), false);
  Step(/*budget=*/1);
  sender_.StopUpload(kChannel, PieceIndex(0));
  EXPECT_EQ(UploadsDone(), 0);
  SendAll();
  EXPECT_EQ(log_.order, "0A");
  EXPECT_EQ(log_.payload[0].size(), static_cast<size_t>(kMaxChunkBytes));
  EXPECT_EQ(UploadsDone(), 1);
}

TEST_F(PayloadSenderTest, AnUploadStoppedBeforeItBeganIsAborted) {
  sender_.StartUpload(kChannel, PieceIndex(0), false);
  sender_.StopUpload(kChannel, PieceIndex(0));
  SendAll();
  EXPECT_EQ(log_.order, "A");
  EXPECT_EQ(UploadsDone(), 1);
}

TEST_F(PayloadSenderTest, AClosedChannelEndsItsChunkAndSaysNoMore) {
  sender_.StartUpload(kChannel, PieceIndex(0), false);
  sender_.StartUpload(kChannel, PieceIndex(1), false);
  Step(/*budget=*/1);
  sender_.RemoveChannel(kChannel);
  QueuePing();
  SendAll();
  EXPECT_EQ(log_.order, "0M");
  EXPECT_EQ(UploadsDone(), 0);
}

TEST_F(PayloadSenderTest, APieceThatIsNotHereIsRejected) {
  auto empty = std::make_shared<TorrentContent>(blob_.digest, blob_.layout);
  sender_.AddChannel(9, empty);
  sender_.StartUpload(9, PieceIndex(0), false);
  SendAll();
  EXPECT_EQ(log_.order, "R");
  EXPECT_EQ(UploadsDone(), 1);
}

TEST_F(PayloadSenderTest, UploadsThatWaitForTheDiskLetOthersPass) {
  absl::AnyInvocable<void()> done;
  int warmed = 0;
  // Throws the pages away, so that the piece is cold.
  const auto blob = *store_->Find(blob_.digest);
  ASSERT_EQ(::posix_fadvise(blob->fd(), 0, 0, POSIX_FADV_DONTNEED), 0);
  sender_.set_warmer([&](TorrentContent::Source, absl::AnyInvocable<void()> when_done) {
    ++warmed;
    done = std::move(when_done);
  });
  sender_.StartUpload(kChannel, PieceIndex(0), false);
  if (warmed == 0) GTEST_SKIP() << "this file system keeps its pages";
  Step();
  EXPECT_EQ(log_.order, "");
  done();
  SendAll();
  EXPECT_EQ(log_.order, "0000");
  EXPECT_TRUE(log_.payload[0] == Bytes(0));
}

TEST_F(PayloadSenderTest, TheFaultHookFlipsAByte) {
  sender_.StartUpload(kChannel, PieceIndex(3), true);
  SendAll();
  ASSERT_EQ(log_.payload[3].size(), Bytes(3).size());
  EXPECT_FALSE(log_.payload[3] == Bytes(3));
  log_.payload[3][0] ^= 1;
  EXPECT_TRUE(log_.payload[3] == Bytes(3));
}

// ---- Reading ----

TEST_F(PayloadTest, TheLastByteIsWithheldUntilTheDigestHolds) {
  BeginContent();
  const ByteOffset size(blob_.size().value());
  const ByteOffset last_piece = blob_.layout.OffsetOf(PieceIndex(3));
  Deliver(*content_->partial(), blob_, 3);
  EXPECT_EQ(content_->ReadableFrom(last_piece).end, size - ByteCount(1));
  for (int piece : {0, 2}) Deliver(*content_->partial(), blob_, piece);
  EXPECT_EQ(content_->ReadableFrom(ByteOffset(0)).end, blob_.layout.OffsetOf(PieceIndex(1)));
  EXPECT_EQ(content_->ReadableFrom(last_piece).end, size - ByteCount(1));
  Deliver(*content_->partial(), blob_, 1);
  EXPECT_EQ(content_->ReadableFrom(ByteOffset(0)).end, size);
}

TEST_F(PayloadTest, AnAbandonedPartialServesNothing) {
  BeginContent();
  Deliver(*content_->partial(), blob_, 0);
  EXPECT_OK(content_->OpenPiece(PieceIndex(0)));
  content_->partial()->Abandon(absl::DataLossError("revoked"));
  EXPECT_THAT(content_->OpenPiece(PieceIndex(0)), StatusIs(absl::StatusCode::kDataLoss));
  const auto readable = content_->ReadableFrom(ByteOffset(0));
  EXPECT_EQ(readable.end, ByteOffset(0));
  EXPECT_THAT(readable.status, StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_FALSE(content_->StartPiece(PieceIndex(1)).ok());
}

}  // namespace
}  // namespace kraken::peer_wire
