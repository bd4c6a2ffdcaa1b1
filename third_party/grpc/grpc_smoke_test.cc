// The gRPC overlay: TLS on BoringSSL, the callback API, health checking and reflection, all in one
// process.

#include <atomic>
#include <memory>
#include <string>
#include <utility>

#include "absl/synchronization/notification.h"
#include "google/protobuf/arena.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"
#include "gtest/gtest.h"
#include "openssl/bio.h"
#include "openssl/bytestring.h"
#include "openssl/ec.h"
#include "openssl/ec_key.h"
#include "openssl/evp.h"
#include "openssl/nid.h"
#include "openssl/pem.h"
#include "openssl/x509.h"
#include "openssl/x509v3.h"
#include "src/proto/grpc/health/v1/health.grpc.pb.h"
#include "src/proto/grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "third_party/grpc/smoke.grpc.pb.h"
#include "third_party/grpc/smoke_message.pb.h"

namespace kraken_harbor::third_party::grpc {
namespace {

constexpr int kEchoedBlobs = 100;
constexpr int64_t kCertificateLifetimeSeconds = 3600;
constexpr int64_t kX509Version3 = 2;

struct Identity {
  std::string key_pem;
  std::string certificate_pem;
};

std::string Contents(BIO* bio) {
  const uint8_t* data = nullptr;
  size_t size = 0;
  EXPECT_TRUE(BIO_mem_contents(bio, &data, &size));
  return std::string(reinterpret_cast<const char*>(data), size);
}

// A fresh P-256 key with a certificate of its own for "localhost".
Identity MakeSelfSignedIdentity() {
  bssl::UniquePtr<EC_KEY> ec_key(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  EXPECT_TRUE(EC_KEY_generate_key(ec_key.get()));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  EXPECT_TRUE(EVP_PKEY_set1_EC_KEY(key.get(), ec_key.get()));

  bssl::UniquePtr<X509> certificate(X509_new());
  EXPECT_TRUE(X509_set_version(certificate.get(), kX509Version3));
  EXPECT_TRUE(ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1));
  EXPECT_TRUE(X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0));
  EXPECT_TRUE(X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kCertificateLifetimeSeconds));
  X509_NAME* name = X509_get_subject_name(certificate.get());
  EXPECT_TRUE(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                         reinterpret_cast<const uint8_t*>("localhost"), -1, -1, 0));
  EXPECT_TRUE(X509_set_issuer_name(certificate.get(), name));
  EXPECT_TRUE(X509_set_pubkey(certificate.get(), key.get()));
  bssl::UniquePtr<X509_EXTENSION> names(
      X509V3_EXT_nconf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:localhost"));
  EXPECT_TRUE(names != nullptr);
  EXPECT_TRUE(X509_add_ext(certificate.get(), names.get(), -1));
  EXPECT_TRUE(X509_sign(certificate.get(), key.get(), EVP_sha256()));

  Identity identity;
  bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  EXPECT_TRUE(
      PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr));
  identity.key_pem = Contents(bio.get());
  bio.reset(BIO_new(BIO_s_mem()));
  EXPECT_TRUE(PEM_write_bio_X509(bio.get(), certificate.get()));
  identity.certificate_pem = Contents(bio.get());
  return identity;
}

class SmokeService final : public Smoke::CallbackService {
  ::grpc::ServerUnaryReactor* Grow(::grpc::CallbackServerContext* context, const Blob* request,
                                   Blob* response) override {
    *response = *request;
    response->set_size_bytes(request->size_bytes() + 1);
    ::grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(::grpc::Status::OK);
    return reactor;
  }

  class Echoer final : public ::grpc::ServerBidiReactor<Blob, Blob> {
   public:
    Echoer() { StartRead(&blob_); }

    void OnReadDone(bool ok) override {
      if (ok) {
        StartWrite(&blob_);
      } else {
        Finish(::grpc::Status::OK);
      }
    }
    void OnWriteDone(bool ok) override {
      if (ok) StartRead(&blob_);
    }
    void OnDone() override { delete this; }

   private:
    Blob blob_;
  };

  ::grpc::ServerBidiReactor<Blob, Blob>* Echo(::grpc::CallbackServerContext*) override {
    return new Echoer;
  }
};

// Sends blobs of sizes 1 to kEchoedBlobs, each after the echo of the one before.
class EchoClient final : public ::grpc::ClientBidiReactor<Blob, Blob> {
 public:
  explicit EchoClient(Smoke::Stub& stub) {
    stub.async()->Echo(&context_, this);
    Send();
    StartRead(&response_);
    StartCall();
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    EXPECT_EQ(response_.size_bytes(), request_.size_bytes());
    ++echoed_;
    Proceed();
  }
  void OnWriteDone(bool ok) override {
    if (ok) Proceed();
  }
  void OnDone(const ::grpc::Status& status) override {
    status_ = status;
    done_.Notify();
  }

  ::grpc::Status Await() {
    done_.WaitForNotification();
    return status_;
  }
  int echoed() const { return echoed_; }

 private:
  // The echo may be here before the write is said to be done, and only one may be under way.
  void Proceed() {
    if (outstanding_.fetch_sub(1) > 1) return;
    if (echoed_ == kEchoedBlobs) {
      StartWritesDone();
    } else {
      Send();
    }
    StartRead(&response_);
  }

  void Send() {
    outstanding_ = 2;
    request_.set_size_bytes(request_.size_bytes() + 1);
    StartWrite(&request_);
  }

  ::grpc::ClientContext context_;
  Blob request_;
  Blob response_;
  int echoed_ = 0;
  // The write and the read of the blob under way.
  std::atomic<int> outstanding_{0};
  ::grpc::Status status_;
  absl::Notification done_;
};

class GrpcSmokeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ::grpc::EnableDefaultHealthCheckService(true);
    ::grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    ::grpc::SslServerCredentialsOptions options;
    options.pem_key_cert_pairs.push_back({identity_.key_pem, identity_.certificate_pem});
    ::grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("localhost:0", ::grpc::SslServerCredentials(options), &port);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_TRUE(server_ != nullptr);
    target_ = "localhost:" + std::to_string(port);
  }

  void TearDown() override {
    server_->Shutdown();
    server_->Wait();
  }

  std::shared_ptr<::grpc::Channel> ChannelTrusting(const Identity& identity) {
    ::grpc::SslCredentialsOptions options;
    options.pem_root_certs = identity.certificate_pem;
    return ::grpc::CreateChannel(target_, ::grpc::SslCredentials(options));
  }

  const Identity identity_ = MakeSelfSignedIdentity();
  SmokeService service_;
  std::unique_ptr<::grpc::Server> server_;
  std::string target_;
};

TEST_F(GrpcSmokeTest, UnaryCallOverTls) {
  const std::unique_ptr<Smoke::Stub> stub = Smoke::NewStub(ChannelTrusting(identity_));
  ::grpc::ClientContext context;
  Blob request;
  request.set_digest("sha256:00");
  request.set_size_bytes(7);
  Blob response;
  ::grpc::Status status;
  absl::Notification done;
  stub->async()->Grow(&context, &request, &response, [&](::grpc::Status result) {
    status = std::move(result);
    done.Notify();
  });
  done.WaitForNotification();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.digest(), "sha256:00");
  EXPECT_EQ(response.size_bytes(), 8u);
}

TEST_F(GrpcSmokeTest, BidirectionalStreamOverTls) {
  const std::unique_ptr<Smoke::Stub> stub = Smoke::NewStub(ChannelTrusting(identity_));
  EchoClient client(*stub);
  const ::grpc::Status status = client.Await();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(client.echoed(), kEchoedBlobs);
}

TEST_F(GrpcSmokeTest, RefusesCertificateOfAnother) {
  const std::unique_ptr<Smoke::Stub> stub =
      Smoke::NewStub(ChannelTrusting(MakeSelfSignedIdentity()));
  ::grpc::ClientContext context;
  Blob response;
  EXPECT_EQ(stub->Grow(&context, Blob(), &response).error_code(), ::grpc::StatusCode::UNAVAILABLE);
}

TEST_F(GrpcSmokeTest, HealthServiceIsServing) {
  const auto stub = ::grpc::health::v1::Health::NewStub(ChannelTrusting(identity_));
  ::grpc::ClientContext context;
  ::grpc::health::v1::HealthCheckResponse response;
  const ::grpc::Status status = stub->Check(&context, {}, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.status(), ::grpc::health::v1::HealthCheckResponse::SERVING);
}

TEST_F(GrpcSmokeTest, ReflectionListsServices) {
  const auto stub =
      ::grpc::reflection::v1alpha::ServerReflection::NewStub(ChannelTrusting(identity_));
  ::grpc::ClientContext context;
  const auto stream = stub->ServerReflectionInfo(&context);
  ::grpc::reflection::v1alpha::ServerReflectionRequest request;
  request.set_list_services("");
  ASSERT_TRUE(stream->Write(request));
  ::grpc::reflection::v1alpha::ServerReflectionResponse response;
  ASSERT_TRUE(stream->Read(&response));
  bool listed = false;
  for (const auto& service : response.list_services_response().service()) {
    listed |= service.name() == "kraken_harbor.third_party.grpc.Smoke";
  }
  EXPECT_TRUE(listed);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

}  // namespace
}  // namespace kraken_harbor::third_party::grpc
