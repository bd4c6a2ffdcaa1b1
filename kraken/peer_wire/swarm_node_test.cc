#include "kraken/peer_wire/swarm_node.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "kraken/base/test_util.h"
#include "kraken/base/unique_fd.h"
#include "kraken/net/listen_socket.h"
#include "kraken/peer_wire/test_swarm.h"
#include "kraken/storage/blob_store.h"
#include "kraken/storage/partial_blob.h"
#include "kraken/storage/piece_writer.h"
#include "kraken/storage/sequential_writer.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::peer_wire {
namespace {

using storage::TestBlob;

constexpr int64_t kPiece = 64 << 10;

void SeedStored(TestNode& node, const TestBlob& blob) {
  auto done = std::make_shared<TestNode::Fetch>();
  node.Run([&] {
    node.node().SeedComplete(blob.digest, [done](absl::Status status) { done->End(status); });
  });
  EXPECT_OK(done->Wait());
}

void Seed(TestNode& node, const TestBlob& blob) {
  node.Store(blob);
  SeedStored(node, blob);
}

// A list without states, to which they come later.
swarm::Metainfo EmptyMetainfoOf(const TestBlob& blob) {
  return *swarm::Metainfo::Create(blob.digest, blob.size(), blob.layout.piece_length());
}

swarm::SignedPieceRange RangeOf(const TestBlob& blob, int first, int count) {
  swarm::SignedPieceRange range;
  range.digest = blob.digest;
  range.size = blob.size();
  range.piece_length = blob.layout.piece_length();
  range.first = PieceIndex(first);
  range.states.assign(blob.states.begin() + first, blob.states.begin() + first + count);
  return range;
}

absl::Status AddStates(TestNode& node, swarm::SignedPieceRange range) {
  auto done = std::make_shared<TestNode::Fetch>();
  node.Run([&] {
    node.node().AddStates(std::move(range), [done](absl::Status status) { done->End(status); });
  });
  return done->Wait();
}

swarm::TorrentKey KeyOf(const TestBlob& blob) { return {blob.digest, blob.layout.piece_length()}; }

TEST(SwarmNodeTest, FetchesOverIpv6) {
  if (!net::ListenSocket::Listen("[::1]:0").ok()) GTEST_SKIP() << "this host has no IPv6";
  TestTracker tracker;
  const TestBlob blob(20 * kPiece + 123, kPiece);
  TestNode seeder(&tracker, {.origin = true, .ip = "::1"});
  TestNode leecher(&tracker, {.ip = "::1"});
  Seed(seeder, blob);
  EXPECT_OK(leecher.Leech(blob)->Wait());
  leecher.ExpectStored(blob);
}

TEST(SwarmNodeTest, FetchesFromASeeder) {
  TestTracker tracker;
  const TestBlob blob(20 * kPiece + 123, kPiece);
  TestNode seeder(&tracker, {.origin = true});
  TestNode leecher(&tracker);
  Seed(seeder, blob);
  EXPECT_OK(leecher.Leech(blob)->Wait());
  leecher.ExpectStored(blob);
  const SwarmNodeStats stats = leecher.Stats();
  EXPECT_EQ(stats.bytes_from_origins, blob.bytes.size());
  EXPECT_EQ(stats.bytes_from_agents, 0u);
  EXPECT_EQ(stats.pieces_corrupt, 0u);
  EXPECT_EQ(stats.blobs_completed, 1u);
  EXPECT_EQ(seeder.Stats().bytes_sent, blob.bytes.size());
}

TEST(SwarmNodeTest, BandwidthLimitsHoldOnTheWire) {
  TestTracker tracker;
  const TestBlob blob(64 * kPiece, kPiece);
  constexpr int64_t kLimit = 8 << 20;
  // Half a second's worth, of which a tenth of a second's goes at once.
  constexpr absl::Duration kLeast = absl::Milliseconds(390);
  for (const bool limit_upload : {true, false}) {
    swarm::SwarmConfig limited;
    (limit_upload ? limited.upload_limit : limited.download_limit) = kLimit;
    TestNode seeder(&tracker, {.swarm = limit_upload ? limited : swarm::SwarmConfig()});
    TestNode leecher(&tracker, {.swarm = limit_upload ? swarm::SwarmConfig() : limited});
    Seed(seeder, blob);
    const absl::Time begin = absl::Now();
    EXPECT_OK(leecher.Leech(blob)->Wait());
    EXPECT_GE(absl::Now() - begin, kLeast) << limit_upload;
    leecher.ExpectStored(blob);
    tracker.Forget(&seeder);
    tracker.Forget(&leecher);
  }
}

TEST(SwarmNodeTest, FetchingWhatIsHereEndsAtOnce) {
  TestTracker tracker;
  const TestBlob blob(3 * kPiece, kPiece);
  TestNode node(&tracker);
  node.Store(blob);
  EXPECT_OK(node.Leech(blob)->Wait());
  SeedStored(node, blob);
  EXPECT_OK(node.Leech(blob)->Wait());
}

TEST(SwarmNodeTest, FetchesAgainWhatWasDeleted) {
  TestTracker tracker;
  const TestBlob blob(3 * kPiece, kPiece);
  TestNode seeder(&tracker, {.origin = true});
  TestNode leecher(&tracker);
  Seed(seeder, blob);
  EXPECT_OK(leecher.Leech(blob)->Wait());
  ASSERT_OK(leecher.store().Delete(blob.digest, /*force=*/false));
  EXPECT_OK(leecher.Leech(blob)->Wait());
  leecher.ExpectStored(blob);
}

TEST(SwarmNodeTest, FiveNodesServeEachOther) {
  TestTracker tracker;
  const TestBlob blob(100 * kPiece + 1, kPiece, 1);
  const TestBlob other(40 * kPiece, kPiece, 2);
  TestNode seeder(&tracker, {.origin = true, .swarm = swarm::OriginSwarmConfig()});
  Seed(seeder, blob);
  Seed(seeder, other);
  std::vector<std::unique_ptr<TestNode>> leechers;
  std::vector<std::shared_ptr<TestNode::Fetch>> fetches;
  for (int i = 0; i < 4; ++i) leechers.push_back(std::make_unique<TestNode>(&tracker));
  for (const auto& leecher : leechers) {
    fetches.push_back(leecher->Leech(blob));
    fetches.push_back(leecher->Leech(other));
  }
  for (const auto& fetch : fetches) EXPECT_OK(fetch->Wait());
  uint64_t from_peers = 0;
  for (const auto& leecher : leechers) {
    leecher->ExpectStored(blob);
    leecher->ExpectStored(other);
    from_peers += leecher->Stats().bytes_from_agents;
    EXPECT_EQ(leecher->Stats().pieces_corrupt, 0u);
  }
  EXPECT_GT(from_peers, blob.bytes.size());
  // One connection for each pair, whatever they share.
  EXPECT_LE(seeder.Stats().connections, 4u);
}

TEST(SwarmNodeTest, OneConnectionCarriesAllTorrentsOfAPair) {
  TestTracker tracker;
  TestNode seeder(&tracker, {.origin = true});
  TestNode leecher(&tracker);
  std::vector<std::unique_ptr<TestBlob>> blobs;
  std::vector<std::shared_ptr<TestNode::Fetch>> fetches;
  for (int i = 0; i < 5; ++i) {
    blobs.push_back(std::make_unique<TestBlob>(10 * kPiece, kPiece, 10 + i));
    Seed(seeder, *blobs.back());
  }
  for (const auto& blob : blobs) fetches.push_back(leecher.Leech(*blob));
  for (const auto& fetch : fetches) EXPECT_OK(fetch->Wait());
  EXPECT_EQ(leecher.Stats().connections_dialed, 1u);
  EXPECT_EQ(seeder.Stats().connections_accepted, 1u);
}

TEST(SwarmNodeTest, OpensATorrentWhenAPeerAsksForIt) {
  TestTracker tracker;
  const TestBlob blob(5 * kPiece, kPiece);
  TestNode seeder(&tracker);
  TestNode leecher(&tracker);
  seeder.Store(blob);
  const auto fetch = leecher.Leech(blob);
  // The tracker knows nobody yet.
  ASSERT_TRUE(WaitFor([&] {
    leecher.Run([&] { leecher.node().OnTrackerPeers(KeyOf(blob), {seeder.self()}); });
    return fetch->HasEnded();
  }));
  EXPECT_OK(fetch->Wait());
  leecher.ExpectStored(blob);
}

TEST(SwarmNodeTest, TellsTheOwnerOfATorrentThatIsNotHere) {
  TestTracker tracker;
  const TestBlob blob(5 * kPiece, kPiece);
  auto missing = std::make_shared<std::atomic<int>>(0);
  TestNode origin(
      &tracker,
      {.origin = true, .on_missing = [missing, key = KeyOf(blob)](const swarm::TorrentKey& wanted) {
         EXPECT_TRUE(wanted == key);
         ++*missing;
       }});
  TestNode leecher(&tracker);
  const auto fetch = leecher.Leech(blob);
  ASSERT_TRUE(WaitFor([&] {
    leecher.Run([&] { leecher.node().OnTrackerPeers(KeyOf(blob), {origin.self()}); });
    return *missing > 0;
  }));
  EXPECT_FALSE(fetch->HasEnded());
}

// Two that dial each other at the same moment, each with what the other lacks.
TEST(SwarmNodeTest, CrossingDialsEndInOneConnection) {
  for (uint64_t round = 0; round < 5; ++round) {
    TestTracker tracker;
    const TestBlob blob(16 * kPiece, kPiece, 100 + round);
    TestNode a(&tracker);
    TestNode b(&tracker);
    std::vector<std::shared_ptr<storage::PartialBlob>> partials;
    for (TestNode* node : {&a, &b}) {
      ASSERT_OK_AND_ASSIGN(
          auto partial,
          node->store().OpenPartial(blob.digest, blob.size(), {.piece_length = ByteCount(kPiece)}));
      ASSERT_OK(partial->SetStates(PieceIndex(0), blob.states));
      for (int piece = node == &a ? 0 : 1; piece < 16; piece += 2) {
        ASSERT_OK_AND_ASSIGN(const auto writer, partial->StartPiece(PieceIndex(piece)));
        ASSERT_OK(writer->Write(blob.Piece(piece)));
        ASSERT_OK(writer->Finish());
      }
      partials.push_back(std::move(partial));
    }
    const auto fetch_a = a.Leech(blob);
    const auto fetch_b = b.Leech(blob);
    EXPECT_OK(fetch_a->Wait());
    EXPECT_OK(fetch_b->Wait());
    a.ExpectStored(blob);
    b.ExpectStored(blob);
    EXPECT_EQ(a.Stats().bytes_from_agents, blob.bytes.size() / 2);
    EXPECT_TRUE(WaitFor([&] { return a.Stats().connections <= 1 && b.Stats().connections <= 1; }));
  }
}

TEST(SwarmNodeTest, ResumesAfterARestart) {
  TestTracker tracker;
  const TestBlob blob(20 * kPiece, kPiece);
  TestNode origin(&tracker, {.origin = true});
  // The origin has half of it, so far.
  ASSERT_OK_AND_ASSIGN(
      auto partial,
      origin.store().OpenPartial(blob.digest, blob.size(), {.piece_length = ByteCount(kPiece)}));
  storage::SequentialWriter writer(partial);
  ASSERT_OK(writer.Append(absl::MakeConstSpan(blob.bytes).first(10 * kPiece)));
  origin.Run([&] { EXPECT_OK(origin.node().SeedArriving(partial)); });

  std::string root;
  {
    TestNode leecher(&tracker);
    root = leecher.store_root();
    const auto fetch = leecher.Leech(blob);
    ASSERT_TRUE(WaitFor([&] { return leecher.Stats().engine.pieces_received == 10; }));
    EXPECT_FALSE(fetch->HasEnded());
  }
  ASSERT_OK(writer.Append(absl::MakeConstSpan(blob.bytes).subspan(10 * kPiece)));
  ASSERT_OK(writer.Finish());
  TestNode leecher(&tracker, {.store_root = root});
  EXPECT_OK(leecher.Leech(blob)->Wait());
  leecher.ExpectStored(blob);
  EXPECT_EQ(leecher.Stats().bytes_from_origins, 10u * kPiece);
}

TEST(SwarmNodeTest, StreamsABlobWhileItArrivesAtItsOrigin) {
  TestTracker tracker;
  const TestBlob blob(20 * kPiece, kPiece);
  TestNode origin(&tracker, {.origin = true});
  TestNode leecher(&tracker);
  ASSERT_OK_AND_ASSIGN(
      auto partial,
      origin.store().OpenPartial(blob.digest, blob.size(), {.piece_length = ByteCount(kPiece)}));
  origin.Run([&] { EXPECT_OK(origin.node().SeedArriving(partial)); });
  const auto fetch = leecher.Leech(EmptyMetainfoOf(blob));
  std::string head;
  storage::SequentialWriter writer(partial);
  for (int piece = 0; piece < 20; ++piece) {
    ASSERT_OK(writer.Append(blob.Piece(piece)));
    if (piece < 19) {
      ASSERT_OK(AddStates(leecher, RangeOf(blob, piece, 1)));
    }
    if (piece % 5 != 4 || piece == 19) continue;
    // A client has what the origin has, and no more is here.
    std::string part;
    ASSERT_OK(ReadToEnd(leecher, blob.digest, ByteOffset(static_cast<int64_t>(head.size())),
                        ByteCount((piece + 1) * kPiece - static_cast<int64_t>(head.size())),
                        &part));
    head += part;
    EXPECT_FALSE(fetch->HasEnded());
  }
  ASSERT_OK(writer.Finish());
  EXPECT_OK(fetch->Wait());
  std::string rest;
  ASSERT_OK(ReadToEnd(leecher, blob.digest, ByteOffset(static_cast<int64_t>(head.size())),
                      ByteCount(-1), &rest));
  EXPECT_EQ(head + rest, storage::ToString(blob.bytes));
  leecher.ExpectStored(blob);
}

TEST(SwarmNodeTest, AReaderWaitsForWhatComes) {
  TestTracker tracker;
  const TestBlob blob(50 * kPiece + 17, kPiece);
  TestNode seeder(&tracker, {.origin = true});
  TestNode leecher(&tracker);
  Seed(seeder, blob);
  const auto fetch = leecher.Leech(blob);
  // Opened before there is a single byte.
  std::string all;
  EXPECT_OK(ReadToEnd(leecher, blob.digest, ByteOffset(0), ByteCount(-1), &all));
  EXPECT_EQ(all, storage::ToString(blob.bytes));
  EXPECT_OK(fetch->Wait());
  std::string range;
  EXPECT_OK(ReadToEnd(leecher, blob.digest, ByteOffset(100), ByteCount(kPiece), &range));
  EXPECT_EQ(range, all.substr(100, kPiece));
  EXPECT_THAT(ReadToEnd(leecher, blob.digest, ByteOffset(100), blob.size(), &range),
              StatusIs(absl::StatusCode::kOutOfRange));
  const TestBlob unknown(kPiece, kPiece, 77);
  EXPECT_THAT(ReadToEnd(leecher, unknown.digest, ByteOffset(0), ByteCount(-1), &range),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST(SwarmNodeTest, OnePieceThatIsCorruptedOnTheWayIsFoundAndFetchedAgain) {
  TestTracker tracker;
  const TestBlob blob(10 * kPiece, kPiece);
  TestNode seeder(&tracker, {.origin = true, .faults = {.corrupt_upload = 3}});
  TestNode leecher(&tracker);
  Seed(seeder, blob);
  EXPECT_OK(leecher.Leech(blob)->Wait());
  leecher.ExpectStored(blob);
  EXPECT_EQ(leecher.Stats().pieces_corrupt, 1u);
}

// Its disk has rotted: each piece that it sends is wrong.
TEST(SwarmNodeTest, APeerThatGoesOnSendingCorruptPiecesIsBanned) {
  TestTracker tracker;
  const TestBlob blob(10 * kPiece, kPiece);
  TestNode bad(&tracker);
  TestNode leecher(&tracker);
  Seed(bad, blob);
  const std::string hex = blob.digest.hex();
  const std::string path = absl::StrCat(bad.store_root(), "/blobs/", hex.substr(0, 2), "/",
                                        hex.substr(2, 2), "/", hex, "/data");
  UniqueFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_TRUE(file.valid()) << path;
  for (int64_t piece = 0; piece < 10; ++piece) {
    const char wrong = static_cast<char>(blob.bytes[piece * kPiece + 1000] ^ 1);
    ASSERT_EQ(::pwrite(file.get(), &wrong, 1, piece * kPiece + 1000), 1);
  }
  const auto fetch = leecher.Leech(blob);
  ASSERT_TRUE(WaitFor([&] { return leecher.Stats().engine.peers_banned == 1; }));
  EXPECT_FALSE(fetch->HasEnded());
  EXPECT_GE(leecher.Stats().pieces_corrupt, 2u);
  TestNode good(&tracker);
  Seed(good, blob);
  EXPECT_OK(fetch->Wait());
  leecher.ExpectStored(blob);
}

TEST(SwarmNodeTest, AReaderFailsWhenTheListIsRevoked) {
  TestTracker tracker;
  const TestBlob blob(10 * kPiece, kPiece);
  TestNode origin(&tracker, {.origin = true});
  TestNode leecher(&tracker);
  ASSERT_OK_AND_ASSIGN(
      auto partial,
      origin.store().OpenPartial(blob.digest, blob.size(), {.piece_length = ByteCount(kPiece)}));
  origin.Run([&] { EXPECT_OK(origin.node().SeedArriving(partial)); });
  storage::SequentialWriter writer(partial);
  ASSERT_OK(writer.Append(absl::MakeConstSpan(blob.bytes).first(5 * kPiece)));
  const auto fetch = leecher.Leech(blob);
  std::string head;
  ASSERT_OK(ReadToEnd(leecher, blob.digest, ByteOffset(0), ByteCount(5 * kPiece), &head));

  leecher.loop().Post(
      [&] { leecher.node().Revoke(KeyOf(blob), absl::DataLossError("the digest does not hold")); });
  EXPECT_THAT(fetch->Wait(), StatusIs(absl::StatusCode::kDataLoss));
  std::string more;
  EXPECT_FALSE(ReadToEnd(leecher, blob.digest, ByteOffset(0), ByteCount(-1), &more).ok());
  EXPECT_TRUE(WaitFor([&] {
    const auto partials = leecher.store().ListPartials();
    return partials.ok() && partials->empty();
  }));

  // At the origin itself it is the partial's end that ends its readers.
  std::string at_origin;
  auto reading = std::make_shared<TestNode::Fetch>();
  std::thread reader([&] {
    reading->End(ReadToEnd(origin, blob.digest, ByteOffset(0), ByteCount(-1), &at_origin));
  });
  ASSERT_TRUE(WaitFor([&] { return origin.Stats().readers == 1; }));
  partial->Abandon(absl::DataLossError("the backend's bytes are corrupt"));
  EXPECT_THAT(reading->Wait(), StatusIs(absl::StatusCode::kDataLoss));
  reader.join();
  EXPECT_LT(at_origin.size(), blob.bytes.size());
  EXPECT_TRUE(WaitFor([&] { return origin.Stats().torrents == 0; }));
}

TEST(SwarmNodeTest, AListThatContradictsThePartialMakesItBeginAnew) {
  TestTracker tracker;
  const TestBlob blob(10 * kPiece, kPiece);
  TestNode seeder(&tracker, {.origin = true});
  TestNode leecher(&tracker);
  Seed(seeder, blob);
  {
    const TestBlob wrong(10 * kPiece, kPiece, 99);
    ASSERT_OK_AND_ASSIGN(
        auto partial,
        leecher.store().OpenPartial(blob.digest, blob.size(), {.piece_length = ByteCount(kPiece)}));
    ASSERT_OK(partial->SetStates(PieceIndex(0), wrong.states));
    ASSERT_OK_AND_ASSIGN(const auto writer, partial->StartPiece(PieceIndex(0)));
    ASSERT_OK(writer->Write(wrong.Piece(0)));
    ASSERT_OK(writer->Finish());
  }
  EXPECT_OK(leecher.Leech(blob)->Wait());
  leecher.ExpectStored(blob);
}

TEST(SwarmNodeTest, ABlobThatDoesNotFitOnTheDiskFails) {
  TestTracker tracker;
  const TestBlob blob(10 * kPiece, kPiece);
  TestNode leecher(&tracker, {.quota = ByteCount(4 * kPiece)});
  EXPECT_THAT(leecher.Leech(blob)->Wait(), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_EQ(leecher.Stats().torrents, 0u);
}

TEST(SwarmNodeTest, ShutdownFailsWhatIsUnderWay) {
  TestTracker tracker;
  const TestBlob blob(10 * kPiece, kPiece);
  std::shared_ptr<TestNode::Fetch> fetch;
  {
    TestNode leecher(&tracker);
    fetch = leecher.Leech(blob);
    EXPECT_FALSE(fetch->HasEnded());
  }
  EXPECT_THAT(fetch->Wait(), StatusIs(absl::StatusCode::kCancelled));
}

TEST(SwarmNodeTest, APeerThatDiesCostsNothingButTime) {
  TestTracker tracker;
  const TestBlob blob(200 * kPiece, kPiece);
  auto first = std::make_unique<TestNode>(&tracker, TestNodeOptions{.origin = true});
  TestNode second(&tracker, {.origin = true});
  TestNode leecher(&tracker);
  Seed(*first, blob);
  const auto fetch = leecher.Leech(blob);
  ASSERT_TRUE(WaitFor([&] { return leecher.Stats().engine.pieces_received > 3; }));
  first = nullptr;
  Seed(second, blob);
  EXPECT_OK(fetch->Wait());
  leecher.ExpectStored(blob);
}

}  // namespace
}  // namespace kraken::peer_wire
