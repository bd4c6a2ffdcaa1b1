#include "kraken/base/sha256.h"

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "kraken/base/hex.h"

namespace kraken {
namespace {

// Bytes without a period that a block could hide.
std::string TestBytes(size_t size) {
  std::string bytes(size, '\0');
  uint32_t x = 12345;
  for (char& byte : bytes) {
    x = x * 1664525 + 1013904223;
    byte = static_cast<char>(x >> 24);
  }
  return bytes;
}

struct Vector {
  std::string message;
  absl::string_view hex;
};

// FIPS 180-2 appendix B, and NIST's example and "byte-oriented short message" test vectors.
TEST(Sha256Test, NistVectors) {
  const Vector vectors[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
       "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
       "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
      {std::string(1000000, 'a'),
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
      {"\xd3", "28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1"},
      {"\xbd", "68325720aabd7c82f30f554b313d0570c95accbb7dc4b5aae11204c08ffe732b"},
      {"\xc9\x8c\x8e\x55", "7abc22c0ae5af26ce93dbb94433a0e0b2e119d014f8e7f65bd56c61ccccd9504"},
      {std::string(55, '\0'), "02779466cdec163811d078815c633f21901413081449002f24aa3e80f0b88ef7"},
      {std::string(56, '\0'), "d4817aa5497628e7c77e6b606107042bbba3130888c5f47a375e6179be789fbb"},
      {std::string(57, '\0'), "65a16cb7861335d5ace3c60718b5052e44660726da4cd13bb745381b235a1785"},
      {std::string(64, '\0'), "f5a5fd42d16a20302798ef6ed309979b43003d2320d9f0e8ea9831a92759fb4b"},
      {std::string(1000, '\0'), "541b3e9daa09b20bf85fa273e5cbd3e80185aa4ec298e765db87742b70138a53"},
      {std::string(1000, 'A'), "c2e686823489ced2017f6059b8b239318b6364f6dcd835d0a519105a1eadd6e4"},
      {std::string(1005, 'U'), "f4d62ddec0f3dd90ea1380fa16a5ff8dc4c54b21740650f24afc4120903552b0"},
  };
  for (const Vector& vector : vectors) {
    EXPECT_EQ(Sha256Digest(vector.message).hex(), vector.hex) << vector.message.size();
  }
}

TEST(Sha256Test, EveryCutOfTheInputGivesTheSameDigest) {
  for (size_t size = 0; size <= 200; ++size) {
    const std::string bytes = TestBytes(size);
    const Digest expected = Sha256Digest(bytes);
    for (size_t cut = 0; cut <= size; ++cut) {
      Sha256 hash;
      hash.Update(absl::string_view(bytes).substr(0, cut));
      hash.Update(absl::string_view(bytes).substr(cut));
      EXPECT_EQ(hash.total_bytes(), size);
      ASSERT_EQ(hash.Finish(), expected) << size << " cut at " << cut;
    }
  }
}

TEST(Sha256Test, BytewiseIsTheSameAsAtOnce) {
  const std::string bytes = TestBytes(1000);
  Sha256 hash;
  for (const char& byte : bytes) hash.Update(absl::string_view(&byte, 1));
  EXPECT_EQ(hash.Finish(), Sha256Digest(bytes));
}

TEST(Sha256Test, ResumesFromTheStateAtEveryBlock) {
  const std::string bytes = TestBytes(10 * Sha256::kBlockBytes + 17);
  const Digest expected = Sha256Digest(bytes);
  for (size_t cut = 0; cut <= bytes.size(); cut += Sha256::kBlockBytes) {
    Sha256 first;
    first.Update(absl::string_view(bytes).substr(0, cut));
    Sha256 second(first.state(), cut);
    second.Update(absl::string_view(bytes).substr(cut));
    EXPECT_EQ(second.total_bytes(), bytes.size());
    EXPECT_EQ(second.Finish(), expected) << "cut at " << cut;
  }
}

// What makes a piece checkable alone: from the state before it to the state after it.
TEST(Sha256Test, PiecesChainInAnyOrder) {
  constexpr size_t kPieceBytes = 4 * Sha256::kBlockBytes;
  constexpr size_t kPieces = 5;
  const std::string bytes = TestBytes(kPieces * kPieceBytes);
  Sha256State states[kPieces + 1];
  Sha256 whole;
  states[0] = whole.state();
  for (size_t i = 0; i < kPieces; ++i) {
    whole.Update(absl::string_view(bytes).substr(i * kPieceBytes, kPieceBytes));
    states[i + 1] = whole.state();
  }
  for (const size_t i : {3, 0, 4, 2, 1}) {
    Sha256 piece(states[i], i * kPieceBytes);
    piece.Update(absl::string_view(bytes).substr(i * kPieceBytes, kPieceBytes));
    EXPECT_EQ(piece.state(), states[i + 1]) << i;
  }
  EXPECT_EQ(Sha256(states[kPieces], bytes.size()).Finish(), Sha256Digest(bytes));
}

TEST(Sha256Test, InitialStateIsTheOneOfTheStandard) {
  EXPECT_EQ(Sha256().state(), InitialSha256State());
  EXPECT_EQ(HexEncode(InitialSha256State().ToBytes()),
            "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19");
}

TEST(Sha256Test, StateRoundTripsThroughBytes) {
  Sha256 hash;
  hash.Update(TestBytes(Sha256::kBlockBytes));
  EXPECT_EQ(Sha256State::FromBytes(hash.state().ToBytes()), hash.state());
  EXPECT_NE(hash.state(), InitialSha256State());
}

TEST(Sha256Test, LengthBeyondThirtyTwoBitsIsPadded) {
  constexpr uint64_t kBytes = uint64_t{1} << 32;
  const std::string padding = "\x80" + std::string(58, '\0') + std::string("\x08\0\0\0\0", 5);
  Sha256 padded_by_hand(InitialSha256State(), kBytes);
  padded_by_hand.Update(padding);
  EXPECT_EQ(HexEncode(Sha256(InitialSha256State(), kBytes).Finish().bytes()),
            HexEncode(padded_by_hand.state().ToBytes()));
}

TEST(Sha256Test, CopyForksThePrefix) {
  Sha256 prefix;
  prefix.Update("abc");
  Sha256 fork = prefix;
  fork.Update("def");
  EXPECT_EQ(prefix.Finish(), Sha256Digest("abc"));
  EXPECT_EQ(fork.Finish(), Sha256Digest("abcdef"));
}

TEST(Sha256DeathTest, StateInsideABlockIsRefused) {
  Sha256 hash;
  hash.Update("abc");
  EXPECT_DEATH(hash.state(), "check failed");
  EXPECT_DEATH(Sha256(InitialSha256State(), 63), "check failed");
}

}  // namespace
}  // namespace kraken
