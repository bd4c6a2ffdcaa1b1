#include <string>

#include "benchmark/benchmark.h"
#include "kraken/net/http_body_decoder.h"
#include "kraken/net/http_parser.h"

namespace kraken::net {
namespace {

constexpr char kRequest[] =
    "GET /v2/library/debian/manifests/latest?ns=harbor.example.com HTTP/1.1\r\n"
    "Host: localhost:13000\r\n"
    "User-Agent: containerd/1.6.20\r\n"
    "Accept: application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.oci.image.index.v1+json, */*\r\n"
    "Accept-Encoding: gzip\r\n\r\n";

void BM_ParseRequest(benchmark::State& state) {
  HttpRequestParser parser{HttpLimits()};
  for (auto _ : state) {
    parser.Reset();
    size_t consumed = 0;
    benchmark::DoNotOptimize(parser.Parse(kRequest, &consumed));
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * (sizeof(kRequest) - 1)));
}
BENCHMARK(BM_ParseRequest);

void BM_DecodeChunks(benchmark::State& state) {
  const size_t chunk = static_cast<size_t>(state.range(0));
  std::string body;
  char line[kMaxChunkLine];
  while (body.size() < (1 << 20)) {
    body.append(line, FormatChunkLine(chunk, line));
    body.append(chunk, 'x');
    body.append("\r\n");
  }
  body.append("0\r\n\r\n");
  for (auto _ : state) {
    HttpBodyDecoder decoder({BodyFraming::Kind::kChunked, 0}, HttpLimits());
    absl::string_view rest = body;
    for (;;) {
      const HttpBodyDecoder::Step step = decoder.Next(rest);
      rest.remove_prefix(step.consumed);
      if (step.kind != HttpBodyDecoder::Kind::kData) break;
      benchmark::DoNotOptimize(step.data.data());
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * body.size()));
}
BENCHMARK(BM_DecodeChunks)->Arg(16)->Arg(4096)->Arg(65536);

}  // namespace
}  // namespace kraken::net
