#include "kraken/backend/file/file_backend.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "kraken/backend/backend.h"
#include "kraken/base/digest.h"
#include "kraken/base/namespace.h"
#include "kraken/base/repository_name.h"
#include "kraken/base/status_macros.h"
#include "kraken/base/status_util.h"
#include "kraken/base/strong_index.h"
#include "kraken/base/tag.h"
#include "kraken/base/unique_fd.h"
#include "kraken/registry/blob_sink.h"
#include "kraken/registry/cancellation.h"

namespace kraken::backend {
namespace {

constexpr char kRegistryFolder[] = "/docker/registry/v2";
// What is handed to a sink at once.
constexpr size_t kReadBytes = 256 * 1024;
// Longer than any digest with a newline.
constexpr size_t kMaxLinkBytes = 256;

struct OpenFile {
  UniqueFd fd;
  ByteCount size;
};

// NOT_FOUND if there is no such file; FAILED_PRECONDITION if it is something else than a file.
absl::StatusOr<OpenFile> Open(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoToStatus(errno, absl::StrCat("open ", path));
  struct stat info;
  if (fstat(fd.get(), &info) != 0) return ErrnoToStatus(errno, absl::StrCat("stat ", path));
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a file"));
  }
  return OpenFile{std::move(fd), ByteCount(info.st_size)};
}

// Up to `buffer_size` bytes; fewer only at the end of the file.
absl::StatusOr<size_t> ReadAt(int fd, char* buffer, size_t buffer_size, ByteOffset offset,
                              const std::string& path) {
  size_t filled = 0;
  while (filled < buffer_size) {
    const ssize_t count = pread(fd, buffer + filled, buffer_size - filled,
                                offset.value() + static_cast<int64_t>(filled));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoToStatus(errno, absl::StrCat("read ", path));
    if (count == 0) break;
    filled += static_cast<size_t>(count);
  }
  return filled;
}

absl::Status CheckFolder(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    return absl::FailedPreconditionError(ErrnoToStatus(errno, path).message());
  }
  if (!S_ISDIR(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat(path, " is not a folder"));
  }
  if (access(path.c_str(), R_OK | X_OK) != 0) {
    return absl::FailedPreconditionError(ErrnoToStatus(errno, path).message());
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<FileBackend>> FileBackend::Create(std::string root_directory) {
  KH_RETURN_IF_ERROR(CheckFolder(root_directory));
  const bool registry = CheckFolder(absl::StrCat(root_directory, kRegistryFolder)).ok();
  return std::shared_ptr<FileBackend>(
      new FileBackend(std::move(root_directory), registry ? Layout::kRegistry : Layout::kPlain));
}

FileBackend::FileBackend(std::string root, Layout layout)
    : root_(std::move(root)), layout_(layout) {}

absl::StatusOr<ByteCount> FileBackend::StatBlob(const Namespace& /*ns*/, const Digest& digest,
                                                const registry::Cancellation& cancellation) {
  KH_RETURN_IF_ERROR(cancellation.status());
  KH_ASSIGN_OR_RETURN(const OpenFile file, Open(BlobPath(digest)));
  return file.size;
}

absl::Status FileBackend::DownloadBlob(const Namespace& /*ns*/, const Digest& digest,
                                       ByteOffset offset, registry::BlobSink& sink,
                                       const registry::Cancellation& cancellation) {
  KH_RETURN_IF_ERROR(cancellation.status());
  const std::string path = BlobPath(digest);
  KH_ASSIGN_OR_RETURN(const OpenFile file, Open(path));
  ByteOffset end = ByteOffset(0) + file.size;
  if (offset > end) {
    return absl::OutOfRangeError(absl::StrCat("offset ", offset.value(), " of ", path, " with ",
                                              file.size.value(), " bytes"));
  }
  end = std::min(end, sink.end().value_or(end));
  KH_RETURN_IF_ERROR(sink.Begin(file.size));
  std::string buffer(kReadBytes, '\0');
  while (offset < end) {
    KH_RETURN_IF_ERROR(cancellation.status());
    const size_t wanted =
        static_cast<size_t>(std::min<int64_t>(kReadBytes, (end - offset).value()));
    KH_ASSIGN_OR_RETURN(const size_t count,
                        ReadAt(file.fd.get(), buffer.data(), wanted, offset, path));
    if (count == 0) return absl::DataLossError(absl::StrCat(path, " became shorter"));
    KH_RETURN_IF_ERROR(sink.Write(absl::string_view(buffer.data(), count)));
    offset += ByteCount(static_cast<int64_t>(count));
  }
  return absl::OkStatus();
}

absl::StatusOr<Digest> FileBackend::ResolveTag(const Namespace& ns, const Tag& tag,
                                               const registry::Cancellation& cancellation) {
  KH_RETURN_IF_ERROR(cancellation.status());
  KH_ASSIGN_OR_RETURN(const RepositoryName repository, ns.ToRepositoryName());
  const std::string path = TagPath(repository, tag);
  KH_ASSIGN_OR_RETURN(const OpenFile link, Open(path));
  char buffer[kMaxLinkBytes];
  KH_ASSIGN_OR_RETURN(const size_t count,
                      ReadAt(link.fd.get(), buffer, sizeof(buffer), ByteOffset(0), path));
  const absl::StatusOr<Digest> digest =
      Digest::Parse(absl::StripAsciiWhitespace(absl::string_view(buffer, count)));
  if (!digest.ok()) {
    return absl::DataLossError(absl::StrCat(path, ": ", digest.status().message()));
  }
  KH_RETURN_IF_ERROR(Open(BlobPath(*digest)).status());
  return *digest;
}

absl::Status FileBackend::CheckReady(const registry::Cancellation& /*cancellation*/) {
  return CheckFolder(root_);
}

std::string FileBackend::BlobPath(const Digest& digest) const {
  const std::string hex = digest.hex();
  if (layout_ == Layout::kPlain) return absl::StrCat(root_, "/blobs/sha256/", hex);
  return absl::StrCat(root_, kRegistryFolder, "/blobs/sha256/", hex.substr(0, 2), "/", hex,
                      "/data");
}

std::string FileBackend::TagPath(const RepositoryName& repository, const Tag& tag) const {
  if (layout_ == Layout::kPlain) {
    return absl::StrCat(root_, "/tags/", repository.ToString(), "/", tag.ToString());
  }
  return absl::StrCat(root_, kRegistryFolder, "/repositories/", repository.ToString(),
                      "/_manifests/tags/", tag.ToString(), "/current/link");
}

}  // namespace kraken::backend
