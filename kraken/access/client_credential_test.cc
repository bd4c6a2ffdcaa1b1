#include "kraken/access/client_credential.h"

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken::access {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ClientCredential Parse(absl::string_view authorization) {
  const absl::StatusOr<ClientCredential> credential = ClientCredential::Parse(authorization);
  EXPECT_OK(credential);
  return credential.ok() ? *credential : ClientCredential();
}

TEST(ClientCredentialTest, ReadsWhatClientsSend) {
  const std::string basic = absl::StrCat("basic ", absl::Base64Escape("robot$a+b:se:cret"));
  ASSERT_NE(Parse(basic).basic(), nullptr);
  EXPECT_EQ(Parse(basic).basic()->username, "robot$a+b");
  EXPECT_EQ(Parse(basic).basic()->password, "se:cret");
  ASSERT_NE(Parse("Bearer  a.b-c_d~e+f/g= ").bearer(), nullptr);
  EXPECT_EQ(Parse("Bearer  a.b-c_d~e+f/g= ").bearer()->token, "a.b-c_d~e+f/g=");
  EXPECT_TRUE(Parse("").is_anonymous());
  EXPECT_TRUE(Parse(absl::StrCat("Basic ", absl::Base64Escape(":"))).is_anonymous());
}

TEST(ClientCredentialTest, RefusesTheRestWithoutRepeatingIt) {
  for (const std::string& field :
       {std::string("Bearer"), std::string("Bearer a b"), std::string("Bearer a\"b"),
        std::string("Basic !secret!"), absl::StrCat("Basic ", absl::Base64Escape("secret")),
        std::string("Digest secret"), absl::StrCat("Bearer ", std::string(20'000, 'a'))}) {
    const absl::Status status = ClientCredential::Parse(field).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << field;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret")));
  }
}

TEST(CredentialHasherTest, NamesAreOfOneProcessAndTellCredentialsApart) {
  const CredentialHasher hasher;
  const ClientCredential alice = Parse(absl::StrCat("Basic ", absl::Base64Escape("alice:a")));
  const ClientCredential bob = Parse(absl::StrCat("Basic ", absl::Base64Escape("bob:a")));
  EXPECT_EQ(hasher.NameOf(alice), hasher.NameOf(alice));
  EXPECT_NE(hasher.NameOf(alice), hasher.NameOf(bob));
  EXPECT_NE(hasher.NameOf(alice), hasher.NameOf(ClientCredential()));
  EXPECT_NE(hasher.NameOf(alice), hasher.NameOf(Parse("Bearer alice")));
  EXPECT_NE(hasher.NameOf(alice), CredentialHasher().NameOf(alice)) << "the key is drawn anew";
}

}  // namespace
}  // namespace kraken::access
