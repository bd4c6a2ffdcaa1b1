// The protobuf overlay: arenas, JSON, text format, gzip and generated code with well-known types.

#include <string>

#include "google/protobuf/arena.h"
#include "google/protobuf/io/gzip_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/util/json_util.h"
#include "google/protobuf/util/message_differencer.h"
#include "gtest/gtest.h"
#include "third_party/grpc/smoke_message.pb.h"

namespace kraken_harbor::third_party::grpc {
namespace {

using ::google::protobuf::Arena;
using ::google::protobuf::util::MessageDifferencer;

Blob* MakeBlob(Arena* arena) {
  Blob* blob = Arena::CreateMessage<Blob>(arena);
  blob->set_digest("sha256:00");
  blob->set_size_bytes(7);
  blob->mutable_pushed_at()->set_seconds(1);
  (*blob->mutable_annotations())["origin"] = "eu";
  return blob;
}

TEST(ProtobufSmokeTest, ArenaOwnsMessages) {
  Arena arena;
  const Blob* blob = MakeBlob(&arena);
  EXPECT_EQ(blob->GetArena(), &arena);
  EXPECT_EQ(blob->pushed_at().GetArena(), &arena);
}

TEST(ProtobufSmokeTest, JsonRoundTrips) {
  Arena arena;
  const Blob* blob = MakeBlob(&arena);
  std::string json;
  ASSERT_TRUE(::google::protobuf::util::MessageToJsonString(*blob, &json).ok());
  EXPECT_EQ(json, R"({"digest":"sha256:00","sizeBytes":"7","pushedAt":"1970-01-01T00:00:01Z",)"
                  R"("annotations":{"origin":"eu"}})");
  Blob parsed;
  ASSERT_TRUE(::google::protobuf::util::JsonStringToMessage(json, &parsed).ok());
  EXPECT_TRUE(MessageDifferencer::Equals(*blob, parsed));
}

TEST(ProtobufSmokeTest, TextRoundTrips) {
  Arena arena;
  const Blob* blob = MakeBlob(&arena);
  std::string text;
  ASSERT_TRUE(::google::protobuf::TextFormat::PrintToString(*blob, &text));
  Blob parsed;
  ASSERT_TRUE(::google::protobuf::TextFormat::ParseFromString(text, &parsed));
  EXPECT_TRUE(MessageDifferencer::Equals(*blob, parsed));
}

TEST(ProtobufSmokeTest, GzipRoundTrips) {
  Arena arena;
  const Blob* blob = MakeBlob(&arena);
  std::string zipped;
  {
    ::google::protobuf::io::StringOutputStream output(&zipped);
    ::google::protobuf::io::GzipOutputStream gzip(&output);
    ASSERT_TRUE(blob->SerializeToZeroCopyStream(&gzip));
  }
  ::google::protobuf::io::ArrayInputStream input(zipped.data(), static_cast<int>(zipped.size()));
  ::google::protobuf::io::GzipInputStream gunzip(&input);
  Blob parsed;
  ASSERT_TRUE(parsed.ParseFromZeroCopyStream(&gunzip));
  EXPECT_TRUE(MessageDifferencer::Equals(*blob, parsed));
}

}  // namespace
}  // namespace kraken_harbor::third_party::grpc
