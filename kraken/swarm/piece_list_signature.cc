#include "kraken/swarm/piece_list_signature.h"

#include <openssl/bytestring.h>
#include <openssl/digest.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kraken/net/pem.h"

namespace kraken::swarm {
namespace {

// With its terminating zero.
constexpr char kContext[] = "kraken-harbor piece list 1";
constexpr int kMinRsaBits = 2048;

using Certificates = std::vector<bssl::UniquePtr<X509>>;

void AppendBigEndian(uint64_t value, int bytes, std::string& out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(value >> shift));
  }
}

void AppendBytes(const uint8_t* bytes, size_t size, std::string& out) {
  out.append(reinterpret_cast<const char*>(bytes), size);
}

absl::Status Refusal(absl::string_view whose, const absl::Status& status) {
  return absl::InvalidArgumentError(absl::StrCat(whose, ": ", status.message()));
}

std::string DescribeRange(const SignedPieceRange& range) {
  return absl::StrCat("piece list of ", range.digest.ToString(), ", sequence ", range.sequence);
}

absl::StatusOr<Certificates> ParseChain(absl::string_view chain) {
  Certificates certificates;
  CBS rest;
  CBS_init(&rest, reinterpret_cast<const uint8_t*>(chain.data()), chain.size());
  while (CBS_len(&rest) > 0) {
    uint32_t size = 0;
    CBS der;
    if (certificates.size() == kMaxChainCertificates || !CBS_get_u32(&rest, &size) ||
        !CBS_get_bytes(&rest, &der, size)) {
      return absl::InvalidArgumentError("certificate chain: cut off or too long");
    }
    const uint8_t* at = CBS_data(&der);
    bssl::UniquePtr<X509> certificate(d2i_X509(nullptr, &at, static_cast<long>(CBS_len(&der))));
    if (certificate == nullptr || at != CBS_data(&der) + CBS_len(&der)) {
      ERR_clear_error();
      return absl::InvalidArgumentError("certificate chain: not a certificate in DER");
    }
    certificates.push_back(std::move(certificate));
  }
  if (certificates.empty()) return absl::InvalidArgumentError("certificate chain: empty");
  return certificates;
}

std::string EncodeChain(const Certificates& certificates) {
  std::string chain;
  for (const bssl::UniquePtr<X509>& certificate : certificates) {
    uint8_t* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    if (size < 0) continue;
    bssl::UniquePtr<uint8_t> owner(der);
    AppendBigEndian(static_cast<uint64_t>(size), 4, chain);
    AppendBytes(der, static_cast<size_t>(size), chain);
  }
  return chain;
}

// INVALID_ARGUMENT unless the key is of a kind that signs piece lists.
absl::Status CheckKey(const EVP_PKEY* key) {
  switch (EVP_PKEY_id(key)) {
    case EVP_PKEY_ED25519:
      return absl::OkStatus();
    case EVP_PKEY_RSA:
      if (EVP_PKEY_bits(key) >= kMinRsaBits) return absl::OkStatus();
      return absl::InvalidArgumentError(absl::StrCat("RSA key of under ", kMinRsaBits, " bits"));
    case EVP_PKEY_EC:
      if (EVP_PKEY_bits(key) == 256 || EVP_PKEY_bits(key) == 384) return absl::OkStatus();
      return absl::InvalidArgumentError("EC key that is neither P-256 nor P-384");
    default:
      return absl::InvalidArgumentError("key is not RSA, P-256, P-384 or Ed25519");
  }
}

const EVP_MD* HashFor(const EVP_PKEY* key) {
  if (EVP_PKEY_id(key) == EVP_PKEY_ED25519) return nullptr;
  return EVP_PKEY_id(key) == EVP_PKEY_EC && EVP_PKEY_bits(key) == 384 ? EVP_sha384() : EVP_sha256();
}

bool UsePss(const EVP_PKEY* key, EVP_PKEY_CTX* context) {
  if (EVP_PKEY_id(key) != EVP_PKEY_RSA) return true;
  constexpr int kSaltAsLongAsHash = -1;
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, kSaltAsLongAsHash) == 1;
}

class SignerImpl : public PieceListSigner {
 public:
  SignerImpl(bssl::UniquePtr<EVP_PKEY> key, std::string chain)
      : key_(std::move(key)), chain_(std::move(chain)) {}

  absl::Status Sign(SignedPieceRange& range) const override {
    const std::string encoded = EncodeForSigning(range);
    const uint8_t* data = reinterpret_cast<const uint8_t*>(encoded.data());
    bssl::ScopedEVP_MD_CTX context;
    EVP_PKEY_CTX* key_context = nullptr;
    size_t size = 0;
    std::string signature;
    const bool started = EVP_DigestSignInit(context.get(), &key_context, HashFor(key_.get()),
                                            nullptr, key_.get()) == 1 &&
                         UsePss(key_.get(), key_context) &&
                         EVP_DigestSign(context.get(), nullptr, &size, data, encoded.size()) == 1;
    if (started) signature.resize(size);
    if (!started || EVP_DigestSign(context.get(), reinterpret_cast<uint8_t*>(signature.data()),
                                   &size, data, encoded.size()) != 1) {
      ERR_clear_error();
      return absl::InternalError(absl::StrCat(DescribeRange(range), ": signing failed"));
    }
    signature.resize(size);
    range.signature = std::move(signature);
    range.certificate_chain = chain_;
    return absl::OkStatus();
  }

 private:
  bssl::UniquePtr<EVP_PKEY> key_;
  std::string chain_;
};

class VerifierImpl : public PieceListVerifier {
 public:
  VerifierImpl(bssl::UniquePtr<X509_STORE> authorities, std::string origin_name)
      : authorities_(std::move(authorities)), origin_name_(std::move(origin_name)) {}

  absl::Status Verify(const SignedPieceRange& range, absl::Time now) const override {
    const absl::StatusOr<Certificates> chain = ParseChain(range.certificate_chain);
    if (!chain.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(DescribeRange(range), ": ", chain.status().message()));
    }
    const absl::Status certified = VerifyChain(*chain, now);
    if (!certified.ok()) {
      return absl::PermissionDeniedError(
          absl::StrCat(DescribeRange(range), ": ", certified.message()));
    }
    return VerifySignature(range, (*chain)[0].get());
  }

 private:
  absl::Status VerifyChain(const Certificates& chain, absl::Time now) const {
    bssl::UniquePtr<STACK_OF(X509)> intermediates(sk_X509_new_null());
    for (size_t i = 1; i < chain.size(); ++i) {
      if (!bssl::PushToStack(intermediates.get(), bssl::UpRef(chain[i]))) {
        return absl::PermissionDeniedError("out of memory");
      }
    }
    bssl::UniquePtr<X509_STORE_CTX> context(X509_STORE_CTX_new());
    if (!X509_STORE_CTX_init(context.get(), authorities_.get(), chain[0].get(),
                             intermediates.get())) {
      ERR_clear_error();
      return absl::PermissionDeniedError("certificate chain can't be checked");
    }
    X509_STORE_CTX_set_time(context.get(), 0, absl::ToTimeT(now));
    X509_STORE_CTX_set_depth(context.get(), kMaxChainCertificates);
    const bool verified = X509_verify_cert(context.get()) == 1;
    ERR_clear_error();
    if (!verified) {
      return absl::PermissionDeniedError(
          absl::StrCat("the signer's certificate does not lead to an authority: ",
                       X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()))));
    }
    if (!origin_name_.empty() && !HasName(chain[0].get())) {
      return absl::PermissionDeniedError(
          absl::StrCat("the signer's certificate is not for ", origin_name_));
    }
    return absl::OkStatus();
  }

  bool HasName(X509* certificate) const {
    if (X509_check_host(certificate, origin_name_.data(), origin_name_.size(), 0, nullptr) == 1) {
      return true;
    }
    bssl::UniquePtr<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
        X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
    if (names == nullptr) return false;
    for (size_t i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
      const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
      if (name->type != GEN_URI) continue;
      const ASN1_IA5STRING* uri = name->d.uniformResourceIdentifier;
      const absl::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                                   static_cast<size_t>(ASN1_STRING_length(uri)));
      if (text == origin_name_) return true;
    }
    return false;
  }

  static absl::Status VerifySignature(const SignedPieceRange& range, X509* leaf) {
    bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(leaf));
    if (key == nullptr) {
      ERR_clear_error();
      return absl::InvalidArgumentError(absl::StrCat(DescribeRange(range), ": no public key"));
    }
    absl::Status usable = CheckKey(key.get());
    if (!usable.ok()) return usable;
    const std::string encoded = EncodeForSigning(range);
    bssl::ScopedEVP_MD_CTX context;
    EVP_PKEY_CTX* key_context = nullptr;
    const bool matches =
        EVP_DigestVerifyInit(context.get(), &key_context, HashFor(key.get()), nullptr, key.get()) ==
            1 &&
        UsePss(key.get(), key_context) &&
        EVP_DigestVerify(context.get(), reinterpret_cast<const uint8_t*>(range.signature.data()),
                         range.signature.size(), reinterpret_cast<const uint8_t*>(encoded.data()),
                         encoded.size()) == 1;
    ERR_clear_error();
    if (matches) return absl::OkStatus();
    return absl::DataLossError(absl::StrCat(DescribeRange(range), ": wrong signature"));
  }

  bssl::UniquePtr<X509_STORE> authorities_;
  std::string origin_name_;
};

}  // namespace

std::string EncodeForSigning(const SignedPieceRange& range) {
  std::string out(kContext, sizeof(kContext));
  out.reserve(out.size() + 64 + range.states.size() * Sha256State::kSizeBytes);
  AppendBytes(range.digest.bytes().data(), range.digest.bytes().size(), out);
  AppendBigEndian(static_cast<uint64_t>(range.size.value()), 8, out);
  AppendBigEndian(static_cast<uint64_t>(range.piece_length.value()), 8, out);
  AppendBigEndian(range.sequence, 8, out);
  AppendBigEndian(static_cast<uint32_t>(range.first.value()), 4, out);
  AppendBigEndian(range.states.size(), 4, out);
  for (const Sha256State& state : range.states) {
    const Sha256State::Bytes bytes = state.ToBytes();
    AppendBytes(bytes.data(), bytes.size(), out);
  }
  return out;
}

absl::StatusOr<std::unique_ptr<PieceListSigner>> PieceListSigner::Create(
    absl::string_view key_pem, absl::string_view certificate_chain_pem) {
  absl::StatusOr<bssl::UniquePtr<EVP_PKEY>> key = net::ParsePrivateKey(key_pem);
  if (!key.ok()) return Refusal("piece list signer", key.status());
  absl::Status usable = CheckKey(key->get());
  if (!usable.ok()) return usable;
  absl::StatusOr<Certificates> certificates = net::ParseCertificates(certificate_chain_pem);
  if (!certificates.ok()) return Refusal("piece list signer", certificates.status());
  if (certificates->size() > static_cast<size_t>(kMaxChainCertificates)) {
    return absl::InvalidArgumentError("piece list signer: certificate chain is too long");
  }
  if (!net::BelongTogether((*certificates)[0].get(), key->get())) {
    return absl::InvalidArgumentError("piece list signer: the key is not the certificate's");
  }
  return std::make_unique<SignerImpl>(*std::move(key), EncodeChain(*certificates));
}

absl::StatusOr<std::unique_ptr<PieceListVerifier>> PieceListVerifier::Create(
    absl::string_view authorities_pem, absl::string_view origin_name) {
  absl::StatusOr<Certificates> certificates = net::ParseCertificates(authorities_pem);
  if (!certificates.ok()) return Refusal("authorities", certificates.status());
  bssl::UniquePtr<X509_STORE> store(X509_STORE_new());
  for (const bssl::UniquePtr<X509>& certificate : *certificates) {
    if (X509_STORE_add_cert(store.get(), certificate.get()) != 1) {
      ERR_clear_error();
      return absl::InvalidArgumentError("authorities: a certificate can't be used");
    }
  }
  return std::make_unique<VerifierImpl>(std::move(store), std::string(origin_name));
}

}  // namespace kraken::swarm
