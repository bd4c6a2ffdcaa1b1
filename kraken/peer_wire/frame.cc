#include "kraken/peer_wire/frame.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kraken/base/check.h"
#include "kraken/base/status_macros.h"
#include "kraken/peer_wire/message.pb.h"

namespace kraken::peer_wire {
namespace {

uint32_t LoadBigEndian32(absl::string_view bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < kFrameHeaderBytes; ++i) {
    value = value << 8 | static_cast<uint8_t>(bytes[i]);
  }
  return value;
}

}  // namespace

void AppendFrame(const proto::Message& message, std::string* out) {
  const size_t length = message.ByteSizeLong();
  KH_CHECK(length < size_t{1} << 31);
  for (int shift = 24; shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(length >> shift & 0xff));
  }
  KH_CHECK(message.AppendToString(out));
}

absl::Status FrameReader::Consume(absl::string_view bytes) {
  while (!bytes.empty()) {
    KH_RETURN_IF_ERROR(payload_left_ > 0 ? ConsumePayload(&bytes) : ConsumeFrame(&bytes));
  }
  return absl::OkStatus();
}

absl::Status FrameReader::ConsumePayload(absl::string_view* bytes) {
  const size_t size = static_cast<size_t>(std::min<uint64_t>(payload_left_, bytes->size()));
  const absl::string_view payload = bytes->substr(0, size);
  bytes->remove_prefix(size);
  payload_left_ -= size;
  return handler_->OnPayload(payload);
}

absl::Status FrameReader::ConsumeFrame(absl::string_view* bytes) {
  // A frame that is whole in `bytes` is parsed where it is.
  if (buffer_.empty() && bytes->size() >= kFrameHeaderBytes) {
    const size_t length = LoadBigEndian32(*bytes);
    KH_RETURN_IF_ERROR(CheckLength(length));
    if (bytes->size() >= kFrameHeaderBytes + length) {
      const absl::string_view message = bytes->substr(kFrameHeaderBytes, length);
      bytes->remove_prefix(kFrameHeaderBytes + length);
      return Deliver(message);
    }
  }
  size_t wanted = kFrameHeaderBytes;
  if (buffer_.size() >= kFrameHeaderBytes) wanted += LoadBigEndian32(buffer_);
  const size_t size = std::min(wanted - buffer_.size(), bytes->size());
  buffer_.append(bytes->data(), size);
  bytes->remove_prefix(size);
  if (buffer_.size() < wanted) return absl::OkStatus();
  if (wanted == kFrameHeaderBytes) return CheckLength(LoadBigEndian32(buffer_));
  std::string frame;
  frame.swap(buffer_);
  return Deliver(absl::string_view(frame).substr(kFrameHeaderBytes));
}

absl::Status FrameReader::CheckLength(size_t length) const {
  if (length == 0 || length > max_message_bytes_) {
    return absl::InvalidArgumentError(
        absl::StrCat("message of ", length, " bytes, the limit is ", max_message_bytes_));
  }
  return absl::OkStatus();
}

absl::Status FrameReader::Deliver(absl::string_view bytes) {
  proto::Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::InvalidArgumentError("message is not of this protocol");
  }
  payload_left_ = 0;
  return handler_->OnMessage(message, &payload_left_);
}

}  // namespace kraken::peer_wire
