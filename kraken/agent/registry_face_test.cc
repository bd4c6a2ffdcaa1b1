// A registry on real sockets, as a container runtime meets it.
#include "kraken/agent/registry_face.h"

#include <re2/re2.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gtest/gtest.h"
#include "kraken/agent/test_agent.h"
#include "kraken/agent/testing/scripted_build_index.h"
#include "kraken/agent/testing/scripted_tracker.h"
#include "kraken/base/sha256.h"
#include "kraken/base/test_util.h"
#include "kraken/net/raw_connection.h"
#include "kraken/peer_wire/test_swarm.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/status.h"
#include "kraken/storage/partial_blob.h"
#include "kraken/storage/sequential_writer.h"
#include "kraken/storage/storage_test_util.h"

namespace kraken::agent {
namespace {

using net::RawConnection;
using peer_wire::TestNode;
using peer_wire::WaitFor;
using storage::TestBlob;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr int64_t kPiece = 64 << 10;
constexpr absl::string_view kRepository = "/v2/library/debian";

struct Answer {
  std::string head;
  std::string body;
};

std::string RequestFor(absl::string_view method, absl::string_view target,
                       absl::string_view headers = "") {
  return absl::StrCat(method, " ", target, " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", headers,
                      "\r\n");
}

std::string Status(int code) { return absl::StrCat("HTTP/1.1 ", code, " "); }
std::string Header(absl::string_view name, absl::string_view value) {
  return absl::StrCat("\r\n", name, ": ", value, "\r\n");
}
std::string Length(size_t bytes) { return Header("Content-Length", absl::StrCat(bytes)); }

// {"errors":[{"code":"…"
std::string ErrorCode(absl::string_view code) { return absl::StrCat("\"code\":\"", code, "\""); }

Digest DigestOf(const std::string& bytes) {
  Sha256 hash;
  hash.Update(storage::ToBytes(bytes));
  return hash.Finish();
}

// What clients push is not what a JSON library would print.
std::string ManifestText(const std::string& annotation = "") {
  const std::string digest = DigestOf("a layer").ToString();
  return absl::StrCat(
      "{\n   \"schemaVersion\": 2,\n"
      "   \"mediaType\":\t\"application/vnd.docker.distribution.manifest.v2+json\",\n"
      "   \"annotations\": {\"a\": \"",
      annotation,
      "\"},\n"
      "   \"config\": {\"mediaType\": \"application/vnd.docker.container.image.v1+json\", "
      "\"size\": 7, \"digest\": \"",
      digest, "\"},\n   \"layers\": [ ]\n}\n\n");
}
constexpr absl::string_view kManifestType = "application/vnd.docker.distribution.manifest.v2+json";

// The same as a blob of pieces.
TestBlob InPieces(const std::string& bytes) {
  TestBlob blob(static_cast<int64_t>(bytes.size()), kPiece);
  blob.bytes.assign(bytes.begin(), bytes.end());
  blob.states.clear();
  Sha256 hash;
  for (int i = 0; i < blob.layout.piece_count().value(); ++i) {
    hash.Update(blob.Piece(i));
    if (PieceIndex(i) != blob.layout.last_piece()) blob.states.push_back(hash.state());
  }
  blob.digest = hash.Finish();
  return blob;
}

// A blob that arrives at its origin as the test says.
class ArrivingBlob {
 public:
  ArrivingBlob(TestNode& origin, const TestBlob& blob) : blob_(blob) {
    auto partial = origin.store().OpenPartial(blob.digest, blob.size(),
                                              {.piece_length = blob.layout.piece_length()});
    EXPECT_OK(partial);
    writer_ = std::make_unique<storage::SequentialWriter>(*partial);
    origin.Run([&] { EXPECT_OK(origin.node().SeedArriving(*partial)); });
  }

  void Arrive(int pieces) {
    for (int i = 0; i < pieces; ++i) EXPECT_OK(writer_->Append(blob_.Piece(next_++)));
    if (next_ < blob_.layout.piece_count().value()) return;
    EXPECT_OK(writer_->Finish());
  }

 private:
  const TestBlob& blob_;
  std::unique_ptr<storage::SequentialWriter> writer_;
  int next_ = 0;
};

class RegistryFaceTest : public ::testing::Test {
 protected:
  void StartAgent(DownloadConfig config = {}) {
    agent_ = std::make_unique<TestAgent>(TestAgentOptions{
        .tracker = tracker_.address(), .build_index = build_index_.address(), .downloads = config});
  }
  Answer Ask(absl::string_view method, absl::string_view target, absl::string_view headers = "") {
    RawConnection connection(agent_->registry_address());
    connection.Send(RequestFor(method, target, headers));
    Answer answer;
    answer.head = connection.ReadUntil("\r\n\r\n");
    answer.body = connection.ReadToEnd();
    EXPECT_FALSE(connection.was_reset());
    return answer;
  }
  Answer Get(absl::string_view target, absl::string_view headers = "") {
    return Ask("GET", target, headers);
  }
  static std::string BlobPath(const Digest& digest) {
    return absl::StrCat(kRepository, "/blobs/", digest.ToString());
  }
  static std::string ManifestPath(absl::string_view reference) {
    return absl::StrCat(kRepository, "/manifests/", reference);
  }
  Digest OfferInline(const std::string& bytes) {
    const Digest digest = DigestOf(bytes);
    tracker_.Offer(digest, InlineMetainfo(bytes));
    return digest;
  }
  void SetTag(const std::string& tag, const Digest& digest) {
    build_index_.SetTag(absl::StrCat("library/debian:", tag), digest);
  }
  size_t Readers() {
    size_t readers = 0;
    agent_->Run([&] { readers = agent_->node().stats().readers; });
    return readers;
  }
  void ExpectServed(const TestBlob& blob);

  ScriptedBuildIndex build_index_;
  ScriptedTracker tracker_;
  peer_wire::TestTracker swarm_;
  TestNode origin_{&swarm_, {.origin = true}};
  std::unique_ptr<TestAgent> agent_;
};

// ---- Manifests ----

TEST_F(RegistryFaceTest, ServesAManifestByDigestByteForByte) {
  StartAgent();
  const std::string manifest = ManifestText();
  const Digest digest = OfferInline(manifest);
  const auto head_is_right =
      AllOf(StartsWith(Status(200)), HasSubstr(Header("Content-Type", kManifestType)),
            HasSubstr(Header("Docker-Content-Digest", digest.ToString())),
            HasSubstr(Header("Docker-Distribution-Api-Version", "registry/2.0")),
            HasSubstr(Length(manifest.size())));
  const Answer head = Ask("HEAD", ManifestPath(digest.ToString()));
  EXPECT_THAT(head.head, head_is_right);
  EXPECT_EQ(head.body, "");
  const Answer answer = Get(ManifestPath(digest.ToString()));
  EXPECT_THAT(answer.head, head_is_right);
  EXPECT_EQ(answer.body, manifest);

  const std::string if_none_match = absl::StrCat("If-None-Match: \"", digest.ToString(), "\"\r\n");
  const Answer unchanged = Get(ManifestPath(digest.ToString()), if_none_match);
  EXPECT_THAT(unchanged.head, StartsWith(Status(304)));
  EXPECT_EQ(unchanged.body, "");
}

TEST_F(RegistryFaceTest, AManifestThatWasDeletedIsNotServedFromMemory) {
  StartAgent();
  const std::string manifest = ManifestText();
  const Digest digest = OfferInline(manifest);
  ASSERT_EQ(Get(ManifestPath(digest.ToString())).body, manifest);
  ASSERT_EQ(Get(ManifestPath(digest.ToString())).body, manifest);
  ASSERT_OK(agent_->store().Delete(digest, /*force=*/false));
  tracker_.Fail(digest, absl::NotFoundError("Harbor has deleted it"));
  EXPECT_THAT(Get(ManifestPath(digest.ToString())).head, StartsWith(Status(404)));
}

TEST_F(RegistryFaceTest, ServesAManifestByTag) {
  StartAgent();
  const std::string manifest = ManifestText();
  const Digest digest = OfferInline(manifest);
  SetTag("latest", digest);
  const auto head_is_right =
      AllOf(StartsWith(Status(200)), HasSubstr(Header("Content-Type", kManifestType)),
            HasSubstr(Header("Docker-Content-Digest", digest.ToString())),
            HasSubstr(Length(manifest.size())));
  EXPECT_THAT(Ask("HEAD", ManifestPath("latest")).head, head_is_right);
  const Answer answer = Get(ManifestPath("latest"));
  EXPECT_THAT(answer.head, head_is_right);
  EXPECT_EQ(answer.body, manifest);
  EXPECT_EQ(tracker_.asked_namespace(digest), "library/debian");
}

TEST_F(RegistryFaceTest, SendsAManifestOnlyOnceAllOfItIsHere) {
  StartAgent();
  const std::string manifest = ManifestText(std::string(3 * kPiece, 'x'));
  const TestBlob blob = InPieces(manifest);
  ArrivingBlob arriving(origin_, blob);
  tracker_.Offer(blob, {origin_.self()});
  RawConnection client(agent_->registry_address());
  client.Send(RequestFor("GET", ManifestPath(blob.digest.ToString())));
  ASSERT_TRUE(WaitFor([&] { return Readers() > 0; }));
  arriving.Arrive(2);
  // The agent has these two, and waits.
  ASSERT_TRUE(WaitFor([&] {
    uint64_t pieces = 0;
    agent_->Run([&] { pieces = agent_->node().stats().engine.pieces_received; });
    return pieces == 2;
  }));
  EXPECT_EQ(Readers(), 1u);
  arriving.Arrive(2);
  const std::string answer = client.ReadToEnd();
  EXPECT_THAT(answer, StartsWith(Status(200)));
  EXPECT_TRUE(absl::EndsWith(answer, absl::StrCat("\r\n\r\n", manifest)));
}

TEST_F(RegistryFaceTest, AManifestThatStopsComingIsAnsweredWith504) {
  StartAgent({.progress_timeout = absl::Milliseconds(200)});
  const TestBlob blob = InPieces(ManifestText(std::string(3 * kPiece, 'x')));
  ArrivingBlob arriving(origin_, blob);
  arriving.Arrive(2);
  tracker_.Offer(blob, {origin_.self()});
  const Answer answer = Get(ManifestPath(blob.digest.ToString()));
  EXPECT_THAT(answer.head, StartsWith(Status(504)));
  EXPECT_THAT(answer.body,
              AllOf(HasSubstr("errors"), HasSubstr(blob.digest.ToString()), HasSubstr("200ms")));
  EXPECT_TRUE(WaitFor([&] { return Readers() == 0; }));
}

TEST_F(RegistryFaceTest, ARevokedManifestIsAnError) {
  StartAgent();
  const TestBlob blob = InPieces(ManifestText(std::string(3 * kPiece, 'x')));
  tracker_.Offer(blob, {});
  RawConnection client(agent_->registry_address());
  client.Send(RequestFor("GET", ManifestPath(blob.digest.ToString())));
  ASSERT_TRUE(WaitFor([&] { return Readers() > 0; }));
  rpc::v1::TorrentNews news;
  news.set_digest(rpc::ToBytes(blob.digest));
  *news.mutable_revoked() = rpc::ToFailure(absl::DataLossError("the backend sent other bytes"));
  tracker_.Push(news);
  const std::string answer = client.ReadToEnd();
  EXPECT_THAT(answer, StartsWith(Status(502)));
  EXPECT_THAT(answer, HasSubstr("the backend sent other bytes"));
}

TEST_F(RegistryFaceTest, WhatIsNoManifestIsNotServedAsOne) {
  StartAgent();
  const Digest text = OfferInline("no JSON at all");
  const Answer answer = Get(ManifestPath(text.ToString()));
  EXPECT_THAT(answer.head, StartsWith(Status(404)));
  EXPECT_THAT(answer.body, HasSubstr(ErrorCode("MANIFEST_UNKNOWN")));

  // Nor is it fetched, if it is too large for one.
  TestBlob layer(65 * kPiece, kPiece);
  tracker_.Offer(layer, {});
  const Answer large = Get(ManifestPath(layer.digest.ToString()));
  EXPECT_THAT(large.head, StartsWith(Status(404)));
  EXPECT_THAT(large.body, HasSubstr(ErrorCode("MANIFEST_UNKNOWN")));
}

TEST_F(RegistryFaceTest, AnUnknownTagIsA404) {
  StartAgent();
  const Answer answer = Get(ManifestPath("no-such-tag"));
  EXPECT_THAT(answer.head, AllOf(StartsWith(Status(404)),
                                 HasSubstr(Header("Content-Type", "application/json"))));
  EXPECT_THAT(answer.body,
              AllOf(StartsWith("{\"errors\":[{"), HasSubstr(ErrorCode("MANIFEST_UNKNOWN")),
                    HasSubstr("no-such-tag")));
  EXPECT_EQ(Ask("HEAD", ManifestPath("no-such-tag")).body, "");
}

TEST_F(RegistryFaceTest, ABuildIndexThatIsDownIsA503ThatNamesIt) {
  StartAgent();
  build_index_.Stop();
  const Answer answer = Get(ManifestPath("latest"));
  EXPECT_THAT(answer.head, StartsWith(Status(503)));
  EXPECT_THAT(answer.body, AllOf(StartsWith("{\"errors\":[{"), HasSubstr(build_index_.address())));
}

TEST_F(RegistryFaceTest, NoNewsInTimeIsA504ThatSaysOfWhat) {
  StartAgent({.metainfo_timeout = absl::Milliseconds(500)});
  ASSERT_TRUE(tracker_.WaitForStreams(1));
  const Digest digest = DigestOf("nobody has heard of it");
  for (const std::string& target : {ManifestPath(digest.ToString()), BlobPath(digest)}) {
    const Answer answer = Get(target);
    EXPECT_THAT(answer.head, StartsWith(Status(504)));
    EXPECT_THAT(answer.body, AllOf(HasSubstr(digest.ToString()), HasSubstr("no news")));
  }
}

// ---- Blobs ----

void RegistryFaceTest::ExpectServed(const TestBlob& blob) {
  const std::string bytes = storage::ToString(blob.bytes);
  const std::string path = BlobPath(blob.digest);
  const auto head_is_right =
      AllOf(StartsWith(Status(200)), HasSubstr(Header("Content-Type", "application/octet-stream")),
            HasSubstr(Header("Docker-Content-Digest", blob.digest.ToString())),
            HasSubstr(Header("Accept-Ranges", "bytes")), HasSubstr(Length(bytes.size())));
  const Answer head = Ask("HEAD", path);
  EXPECT_THAT(head.head, head_is_right);
  EXPECT_EQ(head.body, "");

  struct {
    std::string range;
    size_t first;
    size_t length;
  } const kRanges[] = {
      {"0-0", 0, 1},
      {absl::StrCat(kPiece - 5, "-", kPiece + 4), static_cast<size_t>(kPiece - 5), 10},
      {absl::StrCat(2 * kPiece, "-"), static_cast<size_t>(2 * kPiece),
       bytes.size() - static_cast<size_t>(2 * kPiece)},
      {"-10", bytes.size() - 10, 10},
      {absl::StrCat("-", bytes.size() + 1), 0, bytes.size()},
      {absl::StrCat("5-", bytes.size() + 100), 5, bytes.size() - 5},
  };
  for (const auto& range : kRanges) {
    SCOPED_TRACE(range.range);
    const std::string header = absl::StrCat("Range: bytes=", range.range, "\r\n");
    const Answer answer = Get(path, header);
    EXPECT_THAT(answer.head,
                AllOf(StartsWith(Status(206)), HasSubstr(Length(range.length)),
                      HasSubstr(Header("Content-Range", absl::StrCat("bytes ", range.first, "-",
                                                                     range.first + range.length - 1,
                                                                     "/", bytes.size())))));
    EXPECT_TRUE(answer.body == bytes.substr(range.first, range.length));
  }
  const Answer beyond = Get(path, absl::StrCat("Range: bytes=", bytes.size(), "-\r\n"));
  EXPECT_THAT(beyond.head,
              AllOf(StartsWith(Status(416)),
                    HasSubstr(Header("Content-Range", absl::StrCat("bytes */", bytes.size())))));

  const Answer whole = Get(path);
  EXPECT_THAT(whole.head, head_is_right);
  EXPECT_TRUE(whole.body == bytes);
}

TEST_F(RegistryFaceTest, ServesBlobsAndRangesFromTheStore) {
  StartAgent();
  const TestBlob blob(5 * kPiece + 7, kPiece);
  origin_.Store(blob);
  tracker_.Offer(blob, {origin_.self()});
  EXPECT_TRUE(Get(BlobPath(blob.digest)).body == storage::ToString(blob.bytes));
  ASSERT_TRUE(WaitFor([&] { return agent_->store().Contains(blob.digest); }));
  ExpectServed(blob);
}

TEST_F(RegistryFaceTest, ServesRangesOfABlobThatArrives) {
  StartAgent();
  const TestBlob blob(5 * kPiece + 7, kPiece);
  ArrivingBlob arriving(origin_, blob);
  tracker_.Offer(blob, {origin_.self()});
  const std::string bytes = storage::ToString(blob.bytes);
  arriving.Arrive(3);
  const std::string header = absl::StrCat("Range: bytes=", kPiece - 5, "-", 2 * kPiece, "\r\n");
  const Answer answer = Get(BlobPath(blob.digest), header);
  EXPECT_THAT(answer.head, AllOf(StartsWith(Status(206)), HasSubstr(Length(kPiece + 6))));
  EXPECT_TRUE(answer.body == bytes.substr(kPiece - 5, kPiece + 6));

  const Answer beyond =
      Get(BlobPath(blob.digest), absl::StrCat("Range: bytes=", bytes.size(), "-\r\n"));
  EXPECT_THAT(beyond.head, StartsWith(Status(416)));
  // The size is known before the bytes are here.
  EXPECT_THAT(Ask("HEAD", BlobPath(blob.digest)).head,
              AllOf(StartsWith(Status(200)), HasSubstr(Length(bytes.size()))));

  arriving.Arrive(3);
  ExpectServed(blob);
}

TEST_F(RegistryFaceTest, StreamsABlobWhileItArrives) {
  StartAgent();
  const TestBlob blob(6 * kPiece, kPiece);
  const std::string bytes = storage::ToString(blob.bytes);
  ArrivingBlob arriving(origin_, blob);
  tracker_.Offer(blob, {origin_.self()});
  RawConnection client(agent_->registry_address());
  client.Send(RequestFor("GET", BlobPath(blob.digest)));
  for (int i = 0; i < 3; ++i) {
    arriving.Arrive(2);
    // The response begins with its first byte.
    if (i == 0) {
      EXPECT_THAT(client.ReadUntil("\r\n\r\n"),
                  AllOf(StartsWith(Status(200)), HasSubstr(Length(bytes.size()))));
    }
    EXPECT_TRUE(client.ReadBytes(2 * kPiece) == bytes.substr(2 * kPiece * i, 2 * kPiece));
  }
  EXPECT_EQ(client.ReadToEnd(), "");
  EXPECT_FALSE(client.was_reset());
}

TEST_F(RegistryFaceTest, SeveralClientsShareABlobThatArrives) {
  StartAgent();
  const TestBlob blob(4 * kPiece, kPiece);
  const std::string bytes = storage::ToString(blob.bytes);
  ArrivingBlob arriving(origin_, blob);
  arriving.Arrive(1);
  tracker_.Offer(blob, {origin_.self()});
  std::vector<std::unique_ptr<RawConnection>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(std::make_unique<RawConnection>(agent_->registry_address()));
    clients.back()->Send(RequestFor("GET", BlobPath(blob.digest)));
    EXPECT_THAT(clients.back()->ReadUntil("\r\n\r\n"), StartsWith(Status(200)));
    EXPECT_TRUE(clients.back()->ReadBytes(kPiece) == bytes.substr(0, kPiece));
  }
  EXPECT_EQ(tracker_.asked(blob.digest), 1);
  arriving.Arrive(3);
  for (auto& client : clients) EXPECT_TRUE(client->ReadToEnd() == bytes.substr(kPiece));
}

TEST_F(RegistryFaceTest, AClientThatGoesAwayInMidStreamDoesNoHarm) {
  StartAgent();
  const TestBlob blob(6 * kPiece, kPiece);
  const std::string bytes = storage::ToString(blob.bytes);
  ArrivingBlob arriving(origin_, blob);
  arriving.Arrive(3);
  tracker_.Offer(blob, {origin_.self()});
  RawConnection stays(agent_->registry_address());
  stays.Send(RequestFor("GET", BlobPath(blob.digest)));
  stays.ReadUntil("\r\n\r\n");
  {
    RawConnection goes(agent_->registry_address());
    goes.Send(RequestFor("GET", BlobPath(blob.digest)));
    goes.ReadUntil("\r\n\r\n");
    goes.ReadBytes(100);
    ASSERT_TRUE(WaitFor([&] { return Readers() == 2; }));
    goes.Reset();
  }
  EXPECT_TRUE(WaitFor([&] { return Readers() == 1; }));
  arriving.Arrive(3);
  EXPECT_TRUE(stays.ReadToEnd() == bytes);
  EXPECT_TRUE(Get(BlobPath(blob.digest)).body == bytes);
}

TEST_F(RegistryFaceTest, AClientThatGoesAwayBeforeThereIsNewsDoesNoHarm) {
  StartAgent();
  const TestBlob blob(3 * kPiece, kPiece);
  origin_.Store(blob);
  {
    RawConnection goes(agent_->registry_address());
    goes.Send(RequestFor("GET", BlobPath(blob.digest)));
    ASSERT_TRUE(tracker_.WaitUntilAsked(blob.digest));
    goes.Reset();
  }
  tracker_.Offer(blob, {origin_.self()});
  EXPECT_TRUE(Get(BlobPath(blob.digest)).body == storage::ToString(blob.bytes));
  EXPECT_TRUE(WaitFor([&] { return Readers() == 0; }));
}

// In time for a runtime to go on to another registry.
TEST_F(RegistryFaceTest, ABlobOfWhichNoByteComesIsAnsweredWith504) {
  StartAgent({.first_byte_timeout = absl::Milliseconds(200)});
  const TestBlob blob(6 * kPiece, kPiece);
  tracker_.Offer(blob, {});
  EXPECT_THAT(Get(BlobPath(blob.digest)).head, StartsWith(Status(504)));
  const Answer head = Ask("HEAD", BlobPath(blob.digest));
  EXPECT_THAT(head.head, StartsWith(Status(200)));
  EXPECT_TRUE(WaitFor([&] { return Readers() == 0; }));
}

// The client must never take it for the whole.
TEST_F(RegistryFaceTest, ABlobThatStopsComingIsCutOffWithAReset) {
  StartAgent({.progress_timeout = absl::Milliseconds(100)});
  const TestBlob blob(6 * kPiece, kPiece);
  ArrivingBlob arriving(origin_, blob);
  arriving.Arrive(3);
  tracker_.Offer(blob, {origin_.self()});
  RawConnection client(agent_->registry_address());
  client.Send(RequestFor("GET", BlobPath(blob.digest)));
  EXPECT_THAT(client.ReadUntil("\r\n\r\n"), StartsWith(Status(200)));
  const std::string got = client.ReadToEnd();
  EXPECT_TRUE(client.was_reset());
  EXPECT_EQ(got, storage::ToString(blob.bytes).substr(0, got.size()));
  EXPECT_LE(got.size(), static_cast<size_t>(3 * kPiece));
  EXPECT_TRUE(WaitFor([&] { return Readers() == 0; }));
}

TEST_F(RegistryFaceTest, ARevokedBlobIsCutOffWithAReset) {
  StartAgent();
  const TestBlob blob(6 * kPiece, kPiece);
  ArrivingBlob arriving(origin_, blob);
  arriving.Arrive(3);
  tracker_.Offer(blob, {origin_.self()});
  RawConnection client(agent_->registry_address());
  client.Send(RequestFor("GET", BlobPath(blob.digest)));
  client.ReadUntil("\r\n\r\n");
  client.ReadBytes(kPiece);
  rpc::v1::TorrentNews news;
  news.set_digest(rpc::ToBytes(blob.digest));
  *news.mutable_revoked() = rpc::ToFailure(absl::DataLossError("the backend sent other bytes"));
  tracker_.Push(news);
  client.ReadToEnd();
  EXPECT_TRUE(client.was_reset());
  EXPECT_TRUE(WaitFor([&] { return Readers() == 0; }));
}

TEST_F(RegistryFaceTest, AnUnknownBlobIsA404) {
  StartAgent();
  const Digest digest = DigestOf("unknown");
  tracker_.Fail(digest, absl::NotFoundError("no backend has it"));
  const Answer answer = Get(BlobPath(digest));
  EXPECT_THAT(answer.head, AllOf(StartsWith(Status(404)),
                                 HasSubstr(Header("Content-Type", "application/json"))));
  EXPECT_THAT(answer.body, AllOf(StartsWith("{\"errors\":[{"), HasSubstr(ErrorCode("BLOB_UNKNOWN")),
                                 HasSubstr("no backend has it")));
  EXPECT_THAT(Get(ManifestPath(digest.ToString())).body, HasSubstr(ErrorCode("MANIFEST_UNKNOWN")));
}

TEST_F(RegistryFaceTest, ServesAnEmptyBlob) {
  StartAgent();
  const Digest digest = OfferInline("");
  for (int i = 0; i < 2; ++i) {
    const Answer answer = Get(BlobPath(digest));
    EXPECT_THAT(answer.head, AllOf(StartsWith(Status(200)), HasSubstr(Length(0))));
    EXPECT_EQ(answer.body, "");
  }
}

TEST_F(RegistryFaceTest, BytesThatAreNotTheDigestsAreNeverServed) {
  StartAgent();
  const Digest digest = DigestOf("what was asked for");
  tracker_.Offer(digest, InlineMetainfo("something else"));
  const Answer answer = Get(BlobPath(digest));
  EXPECT_THAT(answer.head, StartsWith(Status(502)));
  EXPECT_THAT(answer.body, Not(HasSubstr("something else")));
}

// ---- Other requests ----

TEST_F(RegistryFaceTest, PushesAreRefusedWith405) {
  StartAgent();
  const std::string digest = DigestOf("x").ToString();
  const std::pair<std::string, std::string> kPushes[] = {
      {"POST", absl::StrCat(kRepository, "/blobs/uploads/")},
      {"PATCH", absl::StrCat(kRepository, "/blobs/uploads/some-id")},
      {"PUT", ManifestPath("latest")},
      {"DELETE", ManifestPath(digest)},
      {"DELETE", absl::StrCat(kRepository, "/blobs/", digest)},
  };
  for (const auto& [method, target] : kPushes) {
    SCOPED_TRACE(absl::StrCat(method, " ", target));
    const Answer answer = Ask(method, target, "Content-Length: 0\r\n");
    EXPECT_THAT(answer.head, AllOf(StartsWith(Status(405)), HasSubstr("\r\nAllow: ")));
    EXPECT_THAT(answer.body, HasSubstr(ErrorCode("UNSUPPORTED")));
  }
}

TEST_F(RegistryFaceTest, MalformedPathsAreRefused) {
  StartAgent();
  const std::string digest = DigestOf("x").ToString();
  struct {
    std::string target;
    int status;
    std::string code;
  } const kCases[] = {
      {"/", 404, "UNSUPPORTED"},
      {"/v1/library/debian/manifests/latest", 404, "UNSUPPORTED"},
      {"/v2/library/debian", 404, "UNSUPPORTED"},
      {"/v2/library/debian/manifest/latest", 404, "UNSUPPORTED"},
      {"/v2/Library/debian/manifests/latest", 400, "NAME_INVALID"},
      {"/v2/library//debian/manifests/latest", 400, "NAME_INVALID"},
      {"/v2/../debian/manifests/latest", 400, "NAME_INVALID"},
      {"/v2/%2e%2e/debian/manifests/latest", 400, "NAME_INVALID"},
      {"/v2/library%2/manifests/latest", 400, "NAME_INVALID"},
      {"/v2/library/debian/manifests/-latest", 400, "TAG_INVALID"},
      {"/v2/library/debian/manifests/a%2fb", 400, "TAG_INVALID"},
      {"/v2/library/debian/manifests/sha256:abc", 400, "DIGEST_INVALID"},
      {"/v2/library/debian/blobs/latest", 400, "DIGEST_INVALID"},
      {absl::StrCat("/v2/library/debian/blobs/", digest, "0"), 400, "DIGEST_INVALID"},
      {absl::StrCat("/v2/library/debian/blobs/", digest, "/x"), 404, "UNSUPPORTED"},
      // Endpoints that a registry has and an agent has not.
      {"/v2/_catalog", 404, "UNSUPPORTED"},
      {"/v2/library/debian/tags/list", 404, "UNSUPPORTED"},
      {absl::StrCat("/v2/library/debian/referrers/", digest), 404, "UNSUPPORTED"},
      // Another registry's content.
      {"/v2/library/debian/manifests/latest?ns=docker.io", 404, "NAME_UNKNOWN"},
  };
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.target);
    const Answer answer = Get(c.target);
    EXPECT_THAT(answer.head, StartsWith(Status(c.status)));
    EXPECT_THAT(answer.body, HasSubstr(ErrorCode(c.code)));
  }
}

TEST_F(RegistryFaceTest, AsAMirrorItServesTheRegistriesOfItsRules) {
  const auto rule = [](const char* ns, const char* host) {
    return MirrorRule{.ns = std::make_shared<const re2::RE2>(ns), .host = host};
  };
  agent_ = std::make_unique<TestAgent>(
      TestAgentOptions{.tracker = tracker_.address(),
                       .build_index = build_index_.address(),
                       .mirrors = {rule("harbor\\.example\\.com(:443)?", ""),
                                   rule("harbor-eu\\.example\\.com", "harbor-eu.example.com")}});
  const Digest plain = OfferInline(ManifestText());
  const Digest european = OfferInline(ManifestText("of another Harbor"));
  SetTag("latest", plain);
  build_index_.SetTag("harbor-eu.example.com/library/debian:latest", european);
  const auto digest_of = [this](absl::string_view query) {
    const Answer answer = Get(absl::StrCat(ManifestPath("latest"), query));
    EXPECT_THAT(answer.head, StartsWith(Status(200))) << query;
    return DigestOf(answer.body);
  };
  EXPECT_EQ(digest_of(""), plain);
  EXPECT_EQ(digest_of("?ns=harbor.example.com"), plain);
  EXPECT_EQ(digest_of("?ns=harbor.example.com%3A443"), plain);
  EXPECT_EQ(digest_of("?ns=harbor-eu.example.com"), european);
  EXPECT_THAT(tracker_.asked_namespace(european), "harbor-eu.example.com/library/debian");

  const Digest blob = OfferInline("a blob of another Harbor");
  const Answer answer = Get(absl::StrCat(BlobPath(blob), "?ns=harbor-eu.example.com"));
  EXPECT_THAT(answer.head, StartsWith(Status(200)));
  EXPECT_EQ(tracker_.asked_namespace(blob), "harbor-eu.example.com/library/debian");

  EXPECT_THAT(Get("/v2/?ns=harbor.example.com").head, StartsWith(Status(200)));
  for (const absl::string_view target :
       {"/v2/?ns=docker.io", "/v2/library/debian/tags/list?ns=a"}) {
    const Answer refusal = Get(target);
    EXPECT_THAT(refusal.head, StartsWith(Status(404))) << target;
    EXPECT_THAT(refusal.body, HasSubstr(ErrorCode("NAME_UNKNOWN"))) << target;
  }
}

TEST_F(RegistryFaceTest, SaysWhichApiItSpeaks) {
  StartAgent();
  const Answer answer = Get("/v2/");
  EXPECT_THAT(answer.head,
              AllOf(StartsWith(Status(200)),
                    HasSubstr(Header("Docker-Distribution-API-Version", "registry/2.0"))));
  EXPECT_EQ(answer.body, "{}");
}

}  // namespace
}  // namespace kraken::agent
