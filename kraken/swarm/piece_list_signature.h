// Signing and verifying piece lists: who vouches for the bytes of a blob.
//
// What is signed (all integers big endian):
//   "kraken-harbor piece list 1\0"    27 bytes
//   digest                            32 bytes
//   size                               8 bytes
//   piece length                       8 bytes
//   sequence                           8 bytes
//   first                              4 bytes
//   number of states                   4 bytes
//   states                            32 bytes each, the eight words in order
// With an ECDSA key the signature is ASN.1 DER over the encoding's SHA-256 (P-384: SHA-384); with
// RSA it is PSS with SHA-256 and a salt as long as the hash; with Ed25519 it is over the encoding
// itself.
#ifndef KRAKEN_SWARM_PIECE_LIST_SIGNATURE_H_
#define KRAKEN_SWARM_PIECE_LIST_SIGNATURE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "kraken/swarm/metainfo.h"

namespace kraken::swarm {

// Certificates of a chain, the most a verifier looks at.
constexpr int kMaxChainCertificates = 8;

std::string EncodeForSigning(const SignedPieceRange& range);

// An origin's key and certificate chain. Immutable, thread safe.
class PieceListSigner {
 public:
  // `key_pem`: a private key (RSA >= 2048 bits, P-256, P-384 or Ed25519). `certificate_chain_pem`:
  // leaf first. INVALID_ARGUMENT if either does not parse, or they do not belong together.
  static absl::StatusOr<std::unique_ptr<PieceListSigner>> Create(
      absl::string_view key_pem, absl::string_view certificate_chain_pem);
  virtual ~PieceListSigner() = default;

  // Fills in signature and certificate_chain.
  virtual absl::Status Sign(SignedPieceRange& range) const = 0;
};

// The authorities that certify origins. Immutable, thread safe.
class PieceListVerifier {
 public:
  // `authorities_pem`: one or more CA certificates. `origin_name`: a DNS name or a URI that the
  // leaf's SAN must hold (one of the cluster's origins' name); empty accepts any leaf of the
  // authorities.
  static absl::StatusOr<std::unique_ptr<PieceListVerifier>> Create(
      absl::string_view authorities_pem, absl::string_view origin_name);
  virtual ~PieceListVerifier() = default;

  // PERMISSION_DENIED if the chain does not lead to an authority at `now` or is not an origin's;
  // DATA_LOSS if the signature does not match; INVALID_ARGUMENT if something does not parse.
  virtual absl::Status Verify(const SignedPieceRange& range, absl::Time now) const = 0;
};

}  // namespace kraken::swarm

#endif  // KRAKEN_SWARM_PIECE_LIST_SIGNATURE_H_
