// A stranger's certificate chain and signature: never accepted, never fatal.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "kraken/base/check.h"
#include "kraken/swarm/piece_list_signature.h"

namespace {

// A P-256 authority whose key nobody has: made for this test, valid until 2126.
constexpr char kAuthority[] = R"(-----BEGIN CERTIFICATE-----
MIIBiTCCAS+gAwIBAgIUB0nhwdeoBA4CppjAeYPfiKwAl4AwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOVGVzdCBBdXRob3JpdHkwIBcNMjYxMTI0MjMwMTIxWhgPMjEy
NjEwMzEyMzAxMjFaMBkxFzAVBgNVBAMMDlRlc3QgQXV0aG9yaXR5MFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEjopT2DMlaAj7AfWRllSA32r5kTQM4Y6VcIzzQ/d3
yyWntk7IWgaXnM7AybLQ5WkmfrPZnjUK+0Zbj/AwcnuifqNTMFEwHQYDVR0OBBYE
FEL2b+kmhDQ4W7KRYXeRnv+aKOjvMB8GA1UdIwQYMBaAFEL2b+kmhDQ4W7KRYXeR
nv+aKOjvMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAMB5VpMf
Sf2o33aOGcXGyNrPLppeGe3CLKs+sMhqXg4oAiArmRZfggPRl+fljJBsXEvscBKp
K7wj7pZYwhFeubcIrQ==
-----END CERTIFICATE-----
)";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto& verifier =
      *new auto(kraken::swarm::PieceListVerifier::Create(kAuthority, "origin.test"));
  KH_CHECK(verifier.ok());
  kraken::swarm::SignedPieceRange range;
  range.certificate_chain.assign(reinterpret_cast<const char*>(data), size);
  range.signature = range.certificate_chain.substr(0, size / 2);
  KH_CHECK(!(*verifier)->Verify(range, absl::FromUnixSeconds(1'800'000'000)).ok());
  return 0;
}
