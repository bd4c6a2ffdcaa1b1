#include "kraken/base/sha1.h"

#include "gtest/gtest.h"
#include "kraken/base/hex.h"

namespace kraken {
namespace {

TEST(Sha1Test, StandardVectors) {
  EXPECT_EQ(HexEncode(Sha1("")), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(HexEncode(Sha1("abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
}

// Kraken's production vector: the bencoded info of a blob of one piece.
TEST(Sha1Test, KrakensInfoHash) {
  EXPECT_EQ(HexEncode(Sha1("d6:Lengthi236e4:Name64:"
                           "289314c356bc2a19802c3e31505506db30ea81a0bcaea4ec3e079524c8ac3cf5"
                           "11:PieceLengthi4194304e9:PieceSumsli2131691452eee")),
            "85b978c4377625b3963df406d0dd3a1da5a7d9c3");
}

}  // namespace
}  // namespace kraken
