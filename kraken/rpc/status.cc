#include "kraken/rpc/status.h"

#include <string>

namespace kraken::rpc {
namespace {

std::string Cut(absl::string_view message) {
  return std::string(message.substr(0, kMaxStatusMessageBytes));
}

absl::StatusCode CodeFrom(int code) {
  const bool known = code >= static_cast<int>(absl::StatusCode::kOk) &&
                     code <= static_cast<int>(absl::StatusCode::kUnauthenticated);
  return known ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown;
}

}  // namespace

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), Cut(status.message()));
}

absl::Status FromGrpc(const grpc::Status& status) {
  return absl::Status(CodeFrom(status.error_code()), status.error_message());
}

v1::Failure ToFailure(const absl::Status& status) {
  v1::Failure failure;
  failure.set_code(static_cast<int>(status.code()));
  failure.set_message(Cut(status.message()));
  return failure;
}

absl::Status FromFailure(const v1::Failure& failure) {
  absl::StatusCode code = CodeFrom(failure.code());
  if (code == absl::StatusCode::kOk) code = absl::StatusCode::kUnknown;
  return absl::Status(code, failure.message());
}

}  // namespace kraken::rpc
