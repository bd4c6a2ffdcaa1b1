// Real servers and clients on loopback: the streams' life cycles, and how failures look.
#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"
#include "kraken/net/loop_thread.h"
#include "kraken/rpc/announce_client.h"
#include "kraken/rpc/announce_service.h"
#include "kraken/rpc/build_index_client.h"
#include "kraken/rpc/build_index_service.h"
#include "kraken/rpc/channel_directory.h"
#include "kraken/rpc/convert.h"
#include "kraken/rpc/origin_client.h"
#include "kraken/rpc/origin_service.h"
#include "kraken/rpc/rpc_server.h"
#include "kraken/rpc/rpc_test_util.h"

namespace kraken::rpc {
namespace {

using ::testing::HasSubstr;

class RpcTest : public ::testing::Test {
 protected:
  // A loop thread's objects are made and destroyed in its loop.
  template <typename Fn>
  void InLoop(Fn fn) {
    client_loop_.RunAndWait(std::move(fn));
  }
  void SetUp() override {
    InLoop([this] {
      directory_ =
          std::make_unique<ChannelDirectory>(&client_loop_.loop(), ChannelDirectoryOptions());
    });
  }
  void TearDown() override {
    InLoop([this] { directory_.reset(); });
  }

  net::LoopThread server_loop_{"server"};
  net::LoopThread client_loop_{"client"};
  std::unique_ptr<ChannelDirectory> directory_;
};

// ---- Announce ----

struct RecordingTracker : AnnounceHandler {
  void OnAnnounce(const std::shared_ptr<AnnounceOutlet>& stream,
                  v1::AnnounceRequest request) override {
    if (request.has_self()) stream->Write(v1::AnnounceReply());
    for (const v1::AnnounceRecord& record : request.records()) {
      v1::AnnounceReply reply;
      reply.add_torrents()->set_digest(record.digest());
      stream->Write(reply);
    }
    last = stream;
    requests.Put(std::move(request));
  }
  void OnStreamClosed(const std::shared_ptr<AnnounceOutlet>&) override { closed.Put(1); }

  Mailbox<v1::AnnounceRequest> requests;
  Mailbox<int> closed;
  std::shared_ptr<AnnounceOutlet> last;  // the server's loop only
};

class AnnounceTest : public RpcTest {
 protected:
  void Connect(const std::string& address) {
    InLoop([&] {
      AnnounceClient::Events events;
      events.on_connected = [this] { connected_.Put(1); };
      events.on_disconnected = [this](const absl::Status& status) { disconnected_.Put(status); };
      events.on_news = [this](v1::TorrentNews news) { news_.Put(std::move(news)); };
      v1::Peer self;
      self.set_ip("10.1.2.3");
      client_ = std::make_unique<AnnounceClient>(&client_loop_.loop(), directory_.get(), address,
                                                 self, events);
    });
  }
  void Send(const std::string& digest) {
    InLoop([&] {
      v1::AnnounceRecord record;
      record.set_digest(digest);
      client_->Send(record);
    });
  }
  void TearDown() override {
    InLoop([this] { client_.reset(); });
    RpcTest::TearDown();
  }

  RecordingTracker tracker_;
  Mailbox<int> connected_;
  Mailbox<absl::Status> disconnected_;
  Mailbox<v1::TorrentNews> news_;
  std::unique_ptr<AnnounceClient> client_;
};

TEST_F(AnnounceTest, IntroducesItselfThenTalksBothWays) {
  AnnounceService service(server_loop_.loop().handle(), &tracker_);
  TestProcess process(server_loop_, {&service});
  Connect(process.address());
  connected_.Wait(0);
  EXPECT_EQ(tracker_.requests.Wait(0).self().ip(), "10.1.2.3");
  Send("one");
  Send("two");
  EXPECT_EQ(news_.Wait(0).digest(), "one");
  EXPECT_EQ(news_.Wait(1).digest(), "two");

  // The tracker speaks unasked.
  server_loop_.RunAndWait([this] {
    v1::AnnounceReply push;
    push.add_torrents()->set_digest("pushed");
    tracker_.last->Write(push);
  });
  EXPECT_EQ(news_.Wait(2).digest(), "pushed");
  EXPECT_EQ(disconnected_.size(), 0u);

  InLoop([this] { client_.reset(); });
  tracker_.closed.Wait(0);
}

TEST_F(AnnounceTest, ComesBackAfterTheTrackerHasRestarted) {
  AnnounceService service(server_loop_.loop().handle(), &tracker_);
  TestProcess process(server_loop_, {&service});
  const int port = process.grpc_port();
  Connect(process.address());
  connected_.Wait(0);
  process.Stop();
  EXPECT_FALSE(disconnected_.Wait(0).ok());

  process.Serve({&service}, port);
  connected_.Wait(1);
  Send("after");
  EXPECT_EQ(news_.Wait(0).digest(), "after");
}

TEST_F(AnnounceTest, SaysWhyItCannotConnect) {
  Connect("127.0.0.1:1");
  EXPECT_THAT(disconnected_.Wait(0),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("127.0.0.1:1")));
}

// Whoever takes nothing is not waited for: neither the queue nor the write under way.
TEST_F(AnnounceTest, AClientThatReadsNothingIsCutOff) {
  AnnounceService service(server_loop_.loop().handle(), &tracker_);
  TestProcess process(server_loop_, {&service});
  auto stub = v1::Tracker::NewStub(grpc::CreateChannel(
      absl::StrCat("127.0.0.1:", process.grpc_port()), grpc::InsecureChannelCredentials()));
  grpc::ClientContext context;
  auto stream = stub->Announce(&context);
  v1::AnnounceRequest hello;
  hello.mutable_self()->set_ip("10.1.2.3");
  ASSERT_TRUE(stream->Write(hello));
  tracker_.requests.Wait(0);
  server_loop_.RunAndWait([this] {
    v1::AnnounceReply push;
    push.add_torrents()->set_digest(std::string(1024, 'x'));
    while (tracker_.last->Write(push)) {
    }
  });
  tracker_.closed.Wait(0);
  context.TryCancel();
  v1::AnnounceReply ignored;
  while (stream->Read(&ignored)) {
  }
  EXPECT_FALSE(stream->Finish().ok());
}

// ---- Build-index ----

class BuildIndexTest : public RpcTest {
 protected:
  ~BuildIndexTest() override {
    InLoop([&] { client_.reset(); });
  }

  void Use(config::HostListConfig hosts) {
    InLoop([&] {
      auto client =
          BuildIndexClient::Create(&client_loop_.loop(), directory_.get(),
                                   {.hosts = std::move(hosts),
                                    .health = {.fails = 1, .fail_timeout = absl::Hours(1)},
                                    .catch_up_interval = absl::Milliseconds(10)});
      ASSERT_OK(client);
      client_ = *std::move(client);
    });
  }
  absl::StatusOr<TagValue> GetTag(const std::string& tag) {
    Mailbox<absl::StatusOr<TagValue>> result;
    InLoop([&] {
      client_->GetTag(*Namespace::Parse("library/debian"), *Tag::Parse(tag),
                      [&](absl::StatusOr<TagValue> value) { result.Put(std::move(value)); });
    });
    return result.Wait(0);
  }
  absl::Status PutTag(const std::string& tag, char digest, uint64_t revision) {
    Mailbox<absl::Status> result;
    v1::PutTagRequest request;
    request.set_namespace_("library/debian");
    request.set_tag(tag);
    request.set_digest(std::string(32, digest));
    request.set_revision(revision);
    InLoop([&] {
      client_->PutTag(request, [&](absl::Status status) { result.Put(std::move(status)); });
    });
    return result.Wait(0);
  }
  absl::StatusOr<v1::DropTagsReply> DropTag(const std::string& tag, uint64_t revision = 0) {
    Mailbox<absl::StatusOr<v1::DropTagsReply>> result;
    v1::DropTagsRequest request;
    request.set_namespace_("library/debian");
    request.set_tag(tag);
    request.set_revision(revision);
    InLoop([&] {
      client_->DropTags(
          request, [&](absl::StatusOr<v1::DropTagsReply> reply) { result.Put(std::move(reply)); });
    });
    return result.Wait(0);
  }

  BuildIndexService service_{
      server_loop_.loop().handle(),
      {.get_tag =
           [](const v1::GetTagRequest& request, BuildIndexService::Reply reply) {
             if (request.tag() != "latest") {
               reply(absl::NotFoundError(absl::StrCat("no tag ", request.tag())));
               return;
             }
             v1::GetTagReply found;
             found.set_digest(std::string(32, 'd'));
             found.set_revision(3);
             reply(found);
           },
       .put_tag =
           [](const v1::PutTagRequest&, BuildIndexService::Reply reply) {
             reply(absl::UnimplementedError("not in this test"));
           },
       .drop_tags =
           [](const v1::DropTagsRequest& request, BuildIndexService::DropReply reply) {
             if (request.tag() == "refused") {
               reply(absl::InvalidArgumentError("no"));
               return;
             }
             v1::DropTagsReply dropped;
             dropped.add_dropped()->set_tag(request.tag());
             reply(dropped);
           }}};
  std::unique_ptr<BuildIndexClient> client_;
};

TEST_F(BuildIndexTest, FindsTagsAndPassesErrorsOn) {
  TestProcess process(server_loop_, {&service_});
  Use({.static_hosts = {process.address()}});
  ASSERT_OK_AND_ASSIGN(const TagValue value, GetTag("latest"));
  EXPECT_EQ(ToBytes(value.digest), std::string(32, 'd'));
  EXPECT_EQ(value.revision, 3u);
  EXPECT_THAT(GetTag("other"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("other")));
}

TEST_F(BuildIndexTest, TriesTheNextHostWhenOneIsDown) {
  TestProcess process(server_loop_, {&service_});
  Use({.static_hosts = {"127.0.0.1:1", process.address()}});
  EXPECT_OK(GetTag("latest"));
  Use({.static_hosts = {"127.0.0.1:1", "127.0.0.1:2"}});
  EXPECT_THAT(GetTag("latest"),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("127.0.0.1:2"))));
}

TEST_F(BuildIndexTest, DroppedTagsAreToldToAllWhoAnswer) {
  TestProcess one(server_loop_, {&service_});
  TestProcess other(server_loop_, {&service_});
  Use({.static_hosts = {one.address(), "127.0.0.1:1", other.address()}});
  ASSERT_OK_AND_ASSIGN(const v1::DropTagsReply reply, DropTag("latest"));
  ASSERT_EQ(reply.dropped_size(), 2);
  EXPECT_EQ(reply.dropped(1).tag(), "latest");
  EXPECT_THAT(DropTag("refused"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no")));
  Use({.static_hosts = {"127.0.0.1:1", "127.0.0.1:2"}});
  EXPECT_THAT(DropTag("latest"),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("127.0.0.1:2"))));
}

// Keeps tags as a build-index does: what is newer holds.
class StoringBuildIndex {
 public:
  explicit StoringBuildIndex(net::LoopThread& loop) : loop_(loop), process_(loop, {&service_}) {}

  TestProcess& process() { return process_; }
  void ComeBack() { process_.Serve({&service_}); }
  // The letter that its digest is made of; "" if there is no such tag.
  std::string Stored(const std::string& tag) {
    std::string digest;
    loop_.RunAndWait([&] { digest = tags_[tag].digest(); });
    return digest.substr(0, 1);
  }
  void WaitFor(const std::string& tag, const std::string& digest) {
    while (Stored(tag) != digest) std::this_thread::yield();
  }
  int writes() {
    int writes = 0;
    loop_.RunAndWait([&] { writes = writes_; });
    return writes;
  }

 private:
  v1::GetTagReply Store(const std::string& tag, const std::string& digest, uint64_t revision) {
    ++writes_;
    v1::GetTagReply& stored = tags_[tag];
    if (revision > stored.revision()) {
      stored.set_digest(digest);
      stored.set_revision(revision);
    }
    return stored;
  }

  net::LoopThread& loop_;
  std::map<std::string, v1::GetTagReply> tags_;
  int writes_ = 0;
  BuildIndexService service_{
      loop_.loop().handle(),
      {.put_tag =
           [this](const v1::PutTagRequest& request, const BuildIndexService::Reply& reply) {
             reply(Store(request.tag(), request.digest(), request.revision()));
           },
       .drop_tags =
           [this](const v1::DropTagsRequest& request, const BuildIndexService::DropReply& reply) {
             Store(request.tag(), "", request.revision());
             reply(v1::DropTagsReply());
           }}};
  TestProcess process_;
};

TEST_F(BuildIndexTest, ATagIsStoredByAllWhoAreUp) {
  StoringBuildIndex one(server_loop_);
  StoringBuildIndex other(server_loop_);
  Use({.static_hosts = {one.process().address(), other.process().address()}});
  ASSERT_OK(PutTag("latest", 'a', 1));
  EXPECT_EQ(one.Stored("latest"), "a");
  EXPECT_EQ(other.Stored("latest"), "a");
  Use({.static_hosts = {"127.0.0.1:1", "127.0.0.1:2"}});
  EXPECT_THAT(PutTag("latest", 'a', 1),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("127.0.0.1:1"), HasSubstr("127.0.0.1:2"))));
}

TEST_F(BuildIndexTest, WhoWasDownIsToldWhenItIsBack) {
  StoringBuildIndex one(server_loop_);
  StoringBuildIndex other(server_loop_);
  Use({.static_hosts = {one.process().address(), other.process().address()}});
  ASSERT_OK(PutTag("gone", 'a', 1));
  ASSERT_OK(PutTag("kept", 'a', 1));
  other.process().Stop();
  ASSERT_OK(PutTag("kept", 'b', 2));
  ASSERT_OK(PutTag("kept", 'c', 4));
  // An older one does not take a newer one's place.
  ASSERT_OK(PutTag("kept", 'b', 3));
  ASSERT_OK(DropTag("gone", 2));
  for (int i = 0; i < 50; ++i) ASSERT_OK(PutTag(absl::StrCat("many", i), 'm', 1));
  EXPECT_EQ(other.Stored("kept"), "a");
  other.ComeBack();
  other.WaitFor("kept", "c");
  other.WaitFor("gone", "");
  for (int i = 0; i < 50; ++i) other.WaitFor(absl::StrCat("many", i), "m");
  // Of each tag it was told the newest alone.
  EXPECT_EQ(other.writes(), 2 + 1 + 1 + 50);
  EXPECT_EQ(one.Stored("kept"), "c");
  EXPECT_EQ(one.Stored("gone"), "");
  ASSERT_OK(PutTag("kept", 'd', 5));
  other.WaitFor("kept", "d");
}

TEST_F(BuildIndexTest, WhoFailedLatelyIsStillAskedWhenNobodyElseAnswers) {
  auto process =
      std::make_unique<TestProcess>(server_loop_, std::vector<grpc::Service*>{&service_});
  Use({.static_hosts = {process->address(), "127.0.0.1:1"}});
  EXPECT_OK(GetTag("latest"));
  const std::string address = process->address();
  process.reset();
  // Now both have failed, and each is named by each query.
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(GetTag("latest"), StatusIs(absl::StatusCode::kUnavailable,
                                           AllOf(HasSubstr("127.0.0.1:1"), HasSubstr(address))));
  }
}

TEST_F(BuildIndexTest, LooksANameUp) {
  TestProcess process(server_loop_, {&service_});
  const std::string port = process.address().substr(process.address().rfind(':'));
  Use({.dns = "localhost" + port});
  while (true) {
    const absl::StatusOr<TagValue> value = GetTag("latest");
    if (value.ok()) break;
    // Until it has been looked up.
    ASSERT_THAT(value, StatusIs(absl::StatusCode::kUnavailable, HasSubstr("localhost")));
  }
}

// ---- Origin ----

struct ScriptedOrigin : OriginHandler {
  void OnWatchMetainfo(v1::WatchMetainfoRequest request,
                       std::shared_ptr<MetainfoOutlet> outlet) override {
    if (request.namespace_() == "missing") {
      outlet->Finish(absl::NotFoundError("no such blob"));
      return;
    }
    v1::MetainfoNews news;
    news.mutable_metainfo()->set_size_bytes(1);
    outlet->Write(news);
    if (request.namespace_() == "short") {
      news.mutable_metainfo()->set_complete(true);
      outlet->Write(news);
      outlet->Finish(absl::OkStatus());
    }
  }
  void OnPrefetch(v1::PrefetchRequest, std::shared_ptr<ProgressOutlet> outlet) override {
    for (int i = 1; i <= 3; ++i) {
      v1::PrefetchProgress progress;
      progress.set_bytes_done(i);
      outlet->Write(progress);
    }
    outlet->Finish(absl::OkStatus());
  }
  void OnStat(v1::StatRequest, std::function<void(absl::StatusOr<v1::StatReply>)> reply) override {
    v1::StatReply stat;
    stat.set_size_bytes(7);
    reply(stat);
  }
  void OnMetainfoStreamClosed(const std::shared_ptr<MetainfoOutlet>&) override { closed.Put(1); }
  void OnProgressStreamClosed(const std::shared_ptr<ProgressOutlet>&) override { closed.Put(2); }

  Mailbox<int> closed;
};

class OriginTest : public RpcTest {
 protected:
  void SetUp() override {
    RpcTest::SetUp();
    InLoop([this] {
      client_ = std::make_unique<OriginClient>(&client_loop_.loop(), directory_.get());
    });
  }
  std::shared_ptr<CallHandle> Watch(const std::string& ns) {
    std::shared_ptr<CallHandle> handle;
    InLoop([&] {
      v1::WatchMetainfoRequest request;
      request.set_namespace_(ns);
      handle = client_->WatchMetainfo(
          process_.address(), request,
          {.on_message = [this](v1::MetainfoNews news) { news_.Put(std::move(news)); },
           .on_closed = [this](absl::Status status) { closed_.Put(std::move(status)); }});
    });
    return handle;
  }

  ScriptedOrigin origin_;
  OriginService service_{server_loop_.loop().handle(), &origin_};
  TestProcess process_{server_loop_, {&service_}};
  std::unique_ptr<OriginClient> client_;
  Mailbox<v1::MetainfoNews> news_;
  Mailbox<absl::Status> closed_;
};

TEST_F(OriginTest, StreamsNewsUntilTheEnd) {
  Watch("short");
  EXPECT_FALSE(news_.Wait(0).metainfo().complete());
  EXPECT_TRUE(news_.Wait(1).metainfo().complete());
  EXPECT_OK(closed_.Wait(0));
  EXPECT_EQ(origin_.closed.Wait(0), 1);
}

TEST_F(OriginTest, ReportsWhyThereIsNothing) {
  Watch("missing");
  EXPECT_THAT(closed_.Wait(0), StatusIs(absl::StatusCode::kNotFound, HasSubstr("no such blob")));
  EXPECT_EQ(news_.size(), 0u);
}

TEST_F(OriginTest, AWatcherThatGivesUpIsForgottenByTheOrigin) {
  std::shared_ptr<CallHandle> handle = Watch("endless");
  news_.Wait(0);
  handle->Cancel();
  EXPECT_THAT(closed_.Wait(0), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(origin_.closed.Wait(0), 1);
}

TEST_F(OriginTest, PrefetchReportsProgressInOrder) {
  Mailbox<uint64_t> progress;
  InLoop([&] {
    client_->Prefetch(
        process_.address(), v1::PrefetchRequest(),
        {.on_message = [&](const v1::PrefetchProgress& p) { progress.Put(p.bytes_done()); },
         .on_closed = [this](absl::Status s) { closed_.Put(std::move(s)); }});
  });
  EXPECT_OK(closed_.Wait(0));
  EXPECT_EQ(progress.size(), 3u);
  EXPECT_EQ(progress.Wait(0), 1u);
  EXPECT_EQ(progress.Wait(2), 3u);
}

TEST_F(OriginTest, StatAnswersOnce) {
  Mailbox<absl::StatusOr<v1::StatReply>> replies;
  InLoop([&] {
    client_->Stat(process_.address(), v1::StatRequest(), absl::Seconds(10),
                  [&](absl::StatusOr<v1::StatReply> reply) { replies.Put(std::move(reply)); });
  });
  auto reply = replies.Wait(0);
  ASSERT_OK(reply);
  EXPECT_EQ(reply->size_bytes(), 7u);
}

TEST(RpcServerTest, SaysWhichPortIsTaken) {
  auto first = RpcServer::Start({.address = "127.0.0.1:0", .tls = {}}, {});
  ASSERT_OK(first);
  const std::string address = absl::StrCat("127.0.0.1:", (*first)->port());
  EXPECT_THAT(RpcServer::Start({.address = address, .tls = {}}, {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(address)));
}

}  // namespace
}  // namespace kraken::rpc
