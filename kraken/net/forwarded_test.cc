#include "kraken/net/forwarded.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "kraken/base/test_util.h"

namespace kraken::net {
namespace {

constexpr absl::string_view kProxy = "10.0.0.1:5000";

ForwardedClient Read(const HeaderMap& headers) {
  const CidrSet trusted = *CidrSet::Parse({"10.0.0.0/8", "fd00::/8"});
  return ReadForwarded(headers, *SocketAddress::Parse(kProxy), trusted);
}

std::string ClientOf(absl::string_view list) {
  return Read({{"X-Forwarded-For", list}}).address.ToString();
}

TEST(Forwarded, TheClientIsTheLastWhoIsNoTrustedProxy) {
  EXPECT_EQ(ClientOf("192.0.2.7"), "192.0.2.7:0");
  EXPECT_EQ(ClientOf("192.0.2.7, 10.2.3.4"), "192.0.2.7:0");
  EXPECT_EQ(ClientOf("192.0.2.7,10.2.3.4 ,  10.9.9.9"), "192.0.2.7:0");
  EXPECT_EQ(ClientOf("2001:db8::1, [fd00::2]:443"), "[2001:db8::1]:0");
  EXPECT_EQ(ClientOf("[2001:db8::1]:99"), "[2001:db8::1]:99");
  EXPECT_EQ(ClientOf("192.0.2.7:99"), "192.0.2.7:99");
}

TEST(Forwarded, WhatAClientSaysOfItselfIsNotBelieved) {
  // The client sent a list of its own; the proxy appended the client's address.
  EXPECT_EQ(ClientOf("127.0.0.1, 192.0.2.7"), "192.0.2.7:0");
  EXPECT_EQ(ClientOf("10.0.0.9, 192.0.2.7, 10.0.0.8"), "192.0.2.7:0");
}

TEST(Forwarded, AChainOfTrustedProxiesEndsAtItsFirst) {
  EXPECT_EQ(ClientOf("10.1.1.1, 10.2.2.2"), "10.1.1.1:0");
}

TEST(Forwarded, WhatIsNoAddressEndsTheList) {
  for (const char* list : {"unknown", "", " ", ",", "192.0.2.7, unknown", "192.0.2.7,", "_hidden",
                           "192.0.2", "192.0.2.7:x", "[::1", "a.example.com"}) {
    EXPECT_EQ(ClientOf(list), kProxy) << list;
  }
  EXPECT_EQ(ClientOf("192.0.2.7, nobody, 10.2.2.2"), "10.2.2.2:0");
}

TEST(Forwarded, SeveralFieldsAreOneList) {
  EXPECT_EQ(Read({{"X-Forwarded-For", "127.0.0.1"},
                  {"X-Forwarded-For", "192.0.2.7, 10.2.2.2"},
                  {"x-forwarded-for", "10.3.3.3"}})
                .address.ToString(),
            "192.0.2.7:0");
}

TEST(Forwarded, LooksAtSoManyEntriesOnly) {
  std::string list = "192.0.2.7";
  for (size_t i = 0; i < ForwardedClient::kMaxHops - 1; ++i) absl::StrAppend(&list, ", 10.1.1.1");
  EXPECT_EQ(ClientOf(list), "192.0.2.7:0");
  absl::StrAppend(&list, ", 10.1.1.2");
  EXPECT_EQ(ClientOf(list), "10.1.1.1:0");
}

TEST(Forwarded, SchemeAndHostAreThoseOfTheLastProxy) {
  const ForwardedClient client = Read({{"X-Forwarded-Proto", "http, HTTPS"},
                                       {"X-Forwarded-Host", "evil.example"},
                                       {"X-Forwarded-Host", "mirror.example.com:8443"}});
  EXPECT_EQ(client.scheme, "https");
  EXPECT_EQ(client.host, "mirror.example.com:8443");
  EXPECT_EQ(client.address.ToString(), kProxy);
}

TEST(Forwarded, WhatIsNeitherSchemeNorHostIsNotSaid) {
  for (const char* host : {"a/b", "a?b", "a#b", "user@a", "a b", "a\"b", "", "a:99999", "//a"}) {
    const ForwardedClient client =
        Read({{"X-Forwarded-Proto", "javascript"}, {"X-Forwarded-Host", host}});
    EXPECT_EQ(client.scheme, "");
    EXPECT_EQ(client.host, "") << host;
  }
}

}  // namespace
}  // namespace kraken::net
