#ifndef KRAKEN_BACKEND_TESTING_BACKEND_H_
#define KRAKEN_BACKEND_TESTING_BACKEND_H_

#include <functional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "kraken/backend/backend.h"
#include "kraken/base/strong_index.h"
#include "kraken/registry/blob_sink.h"
#include "kraken/registry/cancellation.h"

namespace kraken::backend {

// Keeps what it is given.
class StringSink : public registry::BlobSink {
 public:
  absl::optional<ByteOffset> end() const override { return wanted_end; }
  absl::Status Begin(absl::optional<ByteCount> blob_size) override {
    ++begun;
    size = blob_size;
    return absl::OkStatus();
  }
  absl::Status Write(absl::string_view data) override {
    content.append(data.data(), data.size());
    return on_write ? on_write() : absl::OkStatus();
  }

  absl::optional<ByteOffset> wanted_end;
  int begun = 0;
  absl::optional<ByteCount> size;
  std::string content;
  std::function<absl::Status()> on_write;
};

// A backend of which nothing but the name matters.
class NamedBackend : public Backend {
 public:
  explicit NamedBackend(std::string name) : name_(std::move(name)) {}
  std::string name() const override { return name_; }
  absl::Status CheckReady(const registry::Cancellation&) override { return absl::OkStatus(); }

 private:
  const std::string name_;
};

}  // namespace kraken::backend

#endif  // KRAKEN_BACKEND_TESTING_BACKEND_H_
