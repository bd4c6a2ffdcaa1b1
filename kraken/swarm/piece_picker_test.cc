#include "kraken/swarm/piece_picker.h"

#include <map>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "kraken/base/random.h"

namespace kraken::swarm {
namespace {

PieceIndex P(int piece) { return PieceIndex(piece); }

PieceMap MapOf(int size, const std::vector<int>& pieces) {
  PieceMap map((PieceCount(size)));
  for (int piece : pieces) map.Add(P(piece));
  return map;
}

// A picker of a torrent of which nothing is here and everything can be checked.
class EmptyTorrent {
 public:
  explicit EmptyTorrent(int pieces, uint64_t seed = 1)
      : random_(seed),
        picker(PieceMap(PieceCount(pieces)), PieceMap::Full(PieceCount(pieces)), &random_) {}

 private:
  SeededBitGen random_;

 public:
  PiecePicker picker;
};

TEST(PiecePickerTest, PicksTheRarestThatThePeerHas) {
  EmptyTorrent torrent(6);
  PiecePicker& picker = torrent.picker;
  const PieceMap a = MapOf(6, {0, 1, 2, 3});
  const PieceMap b = MapOf(6, {0, 1, 2});
  const PieceMap c = MapOf(6, {0, 1, 5});
  for (const PieceMap* map : {&a, &b, &c}) picker.AddPeerPieces(*map);
  EXPECT_EQ(*picker.PickRarest(a), P(3));
  EXPECT_EQ(*picker.PickRarest(b), P(2));
  EXPECT_EQ(*picker.PickRarest(c), P(5));
  EXPECT_EQ(picker.Availability(P(0)), 3);
  picker.RemovePeerPieces(a);
  EXPECT_EQ(picker.Availability(P(0)), 2);
  EXPECT_EQ(picker.Availability(P(3)), 0);
  EXPECT_EQ(*picker.PickRarest(b), P(2));
}

TEST(PiecePickerTest, TiesFallByChance) {
  std::map<int, int> picked;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    EmptyTorrent torrent(200, seed);
    torrent.picker.AddSeed();
    ++picked[torrent.picker.PickRarest(PieceMap::Full(PieceCount(200)))->value()];
  }
  EXPECT_GT(picked.size(), 80u);
}

TEST(PiecePickerTest, PicksNothingThatIsHereOrUnderWayOrCantBeChecked) {
  SeededBitGen random(1);
  PiecePicker picker(MapOf(4, {0}), MapOf(4, {0, 1, 2}), &random);
  const PieceMap all = PieceMap::Full(PieceCount(4));
  picker.AddSeed();
  picker.AddRequest(P(1));
  EXPECT_EQ(*picker.PickRarest(all), P(2));
  picker.AddRequest(P(2));
  EXPECT_FALSE(picker.PickRarest(all).has_value());
  EXPECT_FALSE(picker.IsInteresting(all));
  picker.MarkVerifiable(P(3));
  EXPECT_EQ(*picker.PickRarest(all), P(3));
  picker.RemoveRequest(P(2));
  EXPECT_TRUE(picker.MarkHave(P(3)));
  EXPECT_FALSE(picker.MarkHave(P(3)));
  EXPECT_EQ(*picker.PickRarest(all), P(2));
}

TEST(PiecePickerTest, PicksInOrderWithinAWindow) {
  EmptyTorrent torrent(100);
  const PieceMap remote = MapOf(100, {5, 40, 41, 99});
  EXPECT_EQ(*torrent.picker.PickFirst(remote, P(6), P(50)), P(40));
  torrent.picker.AddRequest(P(40));
  EXPECT_EQ(*torrent.picker.PickFirst(remote, P(6), P(50)), P(41));
  EXPECT_FALSE(torrent.picker.PickFirst(remote, P(6), P(41)).has_value());
}

TEST(PiecePickerTest, EndgameTakesThePieceWithFewestCopiesUpToTheLimit) {
  EmptyTorrent torrent(3);
  PiecePicker& picker = torrent.picker;
  const PieceMap all = PieceMap::Full(PieceCount(3));
  picker.AddRequest(P(0));
  picker.AddRequest(P(0));
  picker.AddRequest(P(1));
  EXPECT_EQ(*picker.PickEndgame(all, 2), P(1));
  EXPECT_EQ(*picker.PickEndgame(all, 3), P(1));
  EXPECT_FALSE(picker.PickEndgame(MapOf(3, {0, 2}), 2).has_value());
  picker.AddRequest(P(1));
  EXPECT_FALSE(picker.PickEndgame(all, 2).has_value());
}

// Against a model that has no cleverness: many peers come, gain pieces and go; requests start and
// end; pieces arrive.
class Model {
 public:
  Model(int pieces, uint64_t seed)
      : pieces_(pieces),
        random_(seed),
        picker_(PieceMap(PieceCount(pieces)), PieceMap(PieceCount(pieces)), &random_),
        availability_(static_cast<size_t>(pieces)) {}

  void Step() {
    switch (random_.Uniform(8)) {
      case 0:
        return AddPeer();
      case 1:
        return RemovePeer();
      case 2:
      case 3:
        return PeerGains();
      case 4:
        return picker_.MarkVerifiable(Piece());
      case 5:
        return StartRequest();
      case 6:
        return EndRequest();
      case 7:
        if (random_.Bernoulli(0.2)) picker_.MarkHave(Piece());
    }
  }

  void Check() {
    picker_.CheckInvariants();
    for (int i = 0; i < pieces_; ++i) {
      ASSERT_EQ(picker_.Availability(P(i)), availability_[static_cast<size_t>(i)]);
    }
    for (const PieceMap& peer : peers_) CheckPick(peer);
  }

 private:
  PieceIndex Piece() {
    return P(static_cast<int>(random_.Uniform(static_cast<uint64_t>(pieces_))));
  }

  void AddPeer() {
    PieceMap map((PieceCount(pieces_)));
    const double share = random_.UniformDouble();
    for (int i = 0; i < pieces_; ++i) {
      if (random_.Bernoulli(share)) map.Add(P(i)), ++availability_[static_cast<size_t>(i)];
    }
    picker_.AddPeerPieces(map);
    peers_.push_back(std::move(map));
  }

  void RemovePeer() {
    if (peers_.empty()) return;
    std::swap(peers_[static_cast<size_t>(random_.Uniform(peers_.size()))], peers_.back());
    picker_.RemovePeerPieces(peers_.back());
    for (int i = 0; i < pieces_; ++i) {
      availability_[static_cast<size_t>(i)] -= peers_.back().Has(P(i));
    }
    peers_.pop_back();
  }

  void PeerGains() {
    if (peers_.empty()) return;
    const PieceIndex piece = Piece();
    if (!peers_.back().Add(piece)) return;
    picker_.AddPeerPiece(piece);
    ++availability_[static_cast<size_t>(piece.value())];
  }

  void StartRequest() {
    const PieceIndex piece = Piece();
    if (!picker_.verifiable().Has(piece) || picker_.have().Has(piece)) return;
    picker_.AddRequest(piece);
    requests_.push_back(piece);
  }

  void EndRequest() {
    if (requests_.empty()) return;
    picker_.RemoveRequest(requests_.back());
    requests_.pop_back();
  }

  void CheckPick(const PieceMap& peer) {
    int rarest = -1;
    for (int i = 0; i < pieces_; ++i) {
      if (!peer.Has(P(i)) || !picker_.free().Has(P(i))) continue;
      const int availability = availability_[static_cast<size_t>(i)];
      if (rarest < 0 || availability < rarest) rarest = availability;
    }
    const auto pick = picker_.PickRarest(peer);
    ASSERT_EQ(pick.has_value(), rarest >= 0);
    ASSERT_EQ(picker_.IsInteresting(peer), rarest >= 0);
    if (!pick.has_value()) return;
    ASSERT_TRUE(peer.Has(*pick) && picker_.free().Has(*pick));
    ASSERT_EQ(availability_[static_cast<size_t>(pick->value())], rarest);
  }

  int pieces_;
  SeededBitGen random_;
  PiecePicker picker_;
  std::vector<int> availability_;
  std::vector<PieceMap> peers_;
  std::vector<PieceIndex> requests_;
};

TEST(PiecePickerTest, AgreesWithAModelWithoutCleverness) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    Model model(seed % 3 == 0 ? 40 : 300, seed);
    for (int step = 0; step < 1'500; ++step) {
      model.Step();
      if (step % 25 == 0) model.Check();
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace kraken::swarm
