#include "kraken/peer_wire/frame.h"

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "kraken/base/test_util.h"
#include "kraken/peer_wire/message.pb.h"

namespace kraken::peer_wire {
namespace {

// Keeps what it is given; a PIECE_PAYLOAD is followed by its length, as Kraken has it.
class Recorder : public FrameReader::Handler {
 public:
  absl::Status OnMessage(const proto::Message& message, uint64_t* payload_bytes) override {
    messages.push_back(message);
    if (message.type() == proto::Message::PIECE_PAYLOAD) {
      *payload_bytes = static_cast<uint64_t>(message.piece_payload().length());
    }
    return absl::OkStatus();
  }
  absl::Status OnPayload(absl::string_view bytes) override {
    EXPECT_FALSE(bytes.empty());
    payload.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }

  std::vector<proto::Message> messages;
  std::string payload;
};

// A request of piece 3 of 4 MiB, as Kraken's encoder writes it: type = 1 (field 2), the body in
// field 4 with index = 3 (field 2) and length = 4194304 (field 4).
std::string KrakenRequest() {
  return absl::HexStringToBytes(
      "0000000b"
      "1001"
      "2207"
      "1003"
      "2080808002");
}

// A payload frame of 5 bytes of piece 1, and the bytes.
std::string KrakenPayload() {
  return absl::HexStringToBytes(
             "00000008"
             "1002"
             "2a04"
             "1001"
             "2005") +
         "hello";
}

TEST(FrameTest, ReadsKrakensOwnFrames) {
  Recorder recorder;
  FrameReader reader(&recorder);
  ASSERT_OK(reader.Consume(KrakenRequest() + KrakenPayload() + KrakenRequest()));
  ASSERT_EQ(recorder.messages.size(), 3u);
  EXPECT_EQ(recorder.messages[0].type(), proto::Message::PIECE_REQUEST);
  EXPECT_EQ(recorder.messages[0].piece_request().index(), 3);
  EXPECT_EQ(recorder.messages[0].piece_request().length(), 4 << 20);
  EXPECT_EQ(recorder.messages[1].piece_payload().length(), 5);
  EXPECT_EQ(recorder.payload, "hello");
  EXPECT_TRUE(reader.at_frame_start());
}

TEST(FrameTest, WritesKrakensOwnFrames) {
  proto::Message message;
  message.set_type(proto::Message::PIECE_REQUEST);
  message.mutable_piece_request()->set_index(3);
  message.mutable_piece_request()->set_length(4 << 20);
  std::string bytes;
  AppendFrame(message, &bytes);
  EXPECT_EQ(absl::BytesToHexString(bytes), absl::BytesToHexString(KrakenRequest()));
}

TEST(FrameTest, TakesBytesInPiecesOfAnySize) {
  const std::string stream = KrakenRequest() + KrakenPayload() + KrakenPayload() + KrakenRequest();
  for (size_t step = 1; step <= stream.size(); ++step) {
    Recorder recorder;
    FrameReader reader(&recorder);
    for (size_t at = 0; at < stream.size(); at += step) {
      ASSERT_OK(reader.Consume(absl::string_view(stream).substr(at, step)));
    }
    EXPECT_EQ(recorder.messages.size(), 4u) << step;
    EXPECT_EQ(recorder.payload, "hellohello") << step;
    EXPECT_TRUE(reader.at_frame_start()) << step;
  }
}

TEST(FrameTest, RefusesATooLongMessageBeforeItComes) {
  Recorder recorder;
  FrameReader reader(&recorder);
  EXPECT_THAT(reader.Consume(absl::HexStringToBytes("00008001")),
              StatusIs(absl::StatusCode::kInvalidArgument));
  FrameReader byte_by_byte(&recorder);
  EXPECT_OK(byte_by_byte.Consume(absl::HexStringToBytes("0000")));
  EXPECT_THAT(byte_by_byte.Consume(absl::HexStringToBytes("8001")),
              StatusIs(absl::StatusCode::kInvalidArgument));
  FrameReader with_more_room(&recorder);
  with_more_room.set_max_message_bytes(0x8001);
  EXPECT_OK(with_more_room.Consume(absl::HexStringToBytes("00008001")));
}

TEST(FrameTest, RefusesWhatIsNoMessage) {
  Recorder recorder;
  FrameReader empty(&recorder);
  EXPECT_THAT(empty.Consume(absl::HexStringToBytes("00000000")),
              StatusIs(absl::StatusCode::kInvalidArgument));
  FrameReader garbage(&recorder);
  EXPECT_THAT(garbage.Consume(absl::HexStringToBytes("00000003ffffff")),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_TRUE(recorder.messages.empty());
}

}  // namespace
}  // namespace kraken::peer_wire
