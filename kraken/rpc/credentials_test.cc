// Servers and channels over real handshakes, whose certificate files change.
#include "kraken/rpc/credentials.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/files/read_whole_file.h"
#include "kraken/base/files/reloadable.h"
#include "kraken/base/test_util.h"
#include "kraken/net/test_certificates.h"
#include "kraken/rpc/rpc_server.h"
#include "kraken/rpc/rpc_test_util.h"

namespace kraken::rpc {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class CredentialsTest : public ::testing::Test {
 protected:
  static void Copy(const std::string& from, const std::string& to) {
    ASSERT_OK_AND_ASSIGN(const std::string content, ReadWholeFile(from, 1 << 20));
    WriteTestFile(to, content);
  }

  // The files of a process: `authority` is whom it believes, `issuer` who certified it.
  TlsFiles Install(const std::string& process, const net::TestCa& authority, net::TestCa& issuer) {
    const net::TlsIdentity made =
        issuer.Issue(absl::StrCat(process, "-new"), {.ip_sans = {"127.0.0.1"}});
    TlsFiles files = {.authority_files = {absl::StrCat(dir_, "/", process, "-ca.pem")},
                      .certificate_file = absl::StrCat(dir_, "/", process, ".pem"),
                      .key_file = absl::StrCat(dir_, "/", process, ".key"),
                      .server_name = ""};
    Copy(authority.ca_file(), files.authority_files[0]);
    Copy(made.certificate_file, files.certificate_file);
    Copy(made.key_file, files.key_file);
    return files;
  }

  void Serve(const TlsFiles& files) {
    ASSERT_OK_AND_ASSIGN(const auto certificates, Certificates::Load(files));
    ASSERT_OK_AND_ASSIGN(server_,
                         RpcServer::Start({.address = "127.0.0.1:0", .tls = certificates}, {}));
  }

  // Whether a new connection comes about.
  bool Connects(ChannelCredentials& credentials) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto channel = grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", server_->port()),
                                                   credentials.current(), arguments);
    const absl::Time deadline = absl::Now() + kTestPatience;
    for (auto state = channel->GetState(true); state != GRPC_CHANNEL_READY;
         state = channel->GetState(true)) {
      if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) return false;
      if (!channel->WaitForStateChange(state, absl::ToChronoTime(deadline))) {
        ADD_FAILURE() << "neither connected nor refused";
        return false;
      }
    }
    return true;
  }

  const std::string dir_ = MakeTestDir();
  net::TestCa old_{dir_, "old"};
  net::TestCa new_{dir_, "new"};
  std::unique_ptr<RpcServer> server_;
};

TEST_F(CredentialsTest, BothEndsFollowTheirFiles) {
  Serve(Install("server", old_, old_));
  ASSERT_OK_AND_ASSIGN(const auto certificates, Certificates::Load(Install("client", old_, old_)));
  ChannelCredentials client(certificates);
  EXPECT_TRUE(Connects(client));
  EXPECT_EQ(client.current(), client.current()) << "so that connections are shared";

  // The server moves to another authority, and demands it of its clients.
  Install("server", new_, new_);
  EXPECT_TRUE(Connects(client)) << "nobody has told the server";
  ReloadReport report = ReloadRegistry::OfProcess().ReloadChanged();
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_EQ(report.changed_files.size(), 3u);
  EXPECT_FALSE(Connects(client));

  // The client believes in it, and has no certificate of it yet.
  Install("client", new_, old_);
  EXPECT_THAT(ReloadRegistry::OfProcess().ReloadChanged().errors, IsEmpty());
  EXPECT_FALSE(Connects(client));
  Install("client", new_, new_);
  EXPECT_THAT(ReloadRegistry::OfProcess().ReloadChanged().errors, IsEmpty());
  EXPECT_TRUE(Connects(client));
}

TEST_F(CredentialsTest, WhatDoesNotBelongTogetherIsNotUsed) {
  const TlsFiles files = Install("server", old_, old_);
  Serve(files);
  ASSERT_OK_AND_ASSIGN(const auto certificates, Certificates::Load(Install("client", old_, old_)));
  ChannelCredentials client(certificates);
  // Half of a renewal.
  const net::TlsIdentity next = old_.Issue("next", {.ip_sans = {"127.0.0.1"}});
  Copy(next.certificate_file, files.certificate_file);
  ReloadReport report = ReloadRegistry::OfProcess().ReloadChanged();
  EXPECT_THAT(report.errors, ElementsAre(AllOf(HasSubstr(files.key_file),
                                               HasSubstr("does not belong to certificate"))));
  EXPECT_TRUE(Connects(client));
  // The other half.
  Copy(next.key_file, files.key_file);
  report = ReloadRegistry::OfProcess().ReloadChanged();
  EXPECT_THAT(report.errors, IsEmpty());
  EXPECT_THAT(report.changed_files, Contains(files.key_file));
  EXPECT_TRUE(Connects(client));
}

TEST_F(CredentialsTest, ErrorsNameTheFile) {
  TlsFiles files = Install("server", old_, old_);
  WriteTestFile(files.certificate_file, "nonsense");
  EXPECT_THAT(Certificates::Load(files),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr(files.certificate_file)));
  files.authority_files[0] = dir_ + "/none.pem";
  EXPECT_THAT(Certificates::Load(files),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none.pem")));
  files.authority_files.clear();
  EXPECT_THAT(Certificates::Load(files),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("tls.cas")));
}

}  // namespace
}  // namespace kraken::rpc
