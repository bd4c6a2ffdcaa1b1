#include "harbor_bridge/routing/agent_selector.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "kraken/base/label.h"
#include "kraken/base/status_macros.h"

namespace harbor_bridge {
namespace {

constexpr absl::string_view kAll = "all";
constexpr size_t kPercentDecimals = 2;
constexpr uint32_t kPerPercent = AgentSelector::kWhole / 100;

absl::Status BadTerm(absl::string_view term, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("agents: \"", absl::CHexEscape(term), "\": ", why,
                   "; say all, or zone=NAME, share=10%, label.KEY=VALUE, with commas between"));
}

bool IsDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

// "10%" or "0.25%", in parts of 10,000.
std::optional<uint32_t> ParseShare(absl::string_view text) {
  if (!absl::ConsumeSuffix(&text, "%")) return std::nullopt;
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('.', 1));
  const bool has_fraction = text.size() > parts.first.size();
  uint32_t whole = 0;
  uint32_t fraction = 0;
  if (!IsDigits(parts.first) || !absl::SimpleAtoi(parts.first, &whole) || whole > 100) {
    return std::nullopt;
  }
  if (has_fraction) {
    if (!IsDigits(parts.second) || parts.second.size() > kPercentDecimals) return std::nullopt;
    if (!absl::SimpleAtoi(parts.second, &fraction)) return std::nullopt;
    if (parts.second.size() < kPercentDecimals) fraction *= 10;
  }
  const uint32_t share = whole * kPerPercent + fraction;
  if (share == 0 || share > AgentSelector::kWhole) return std::nullopt;
  return share;
}

absl::Status AddLabel(absl::string_view term, absl::string_view key, absl::string_view value,
                      AgentSelector& selector) {
  if (!kraken::IsLabelText(key) || !kraken::IsLabelText(value)) {
    return BadTerm(term, absl::StrCat("a label's key and value are ", kraken::kLabelTextRule));
  }
  if (!selector.labels.emplace(key, value).second) {
    return BadTerm(term, "the same label stands there twice, and all must hold");
  }
  return absl::OkStatus();
}

absl::Status AddTerm(absl::string_view term, bool* has_share, AgentSelector& selector) {
  const size_t equals = term.find('=');
  if (equals == absl::string_view::npos) return BadTerm(term, "no \"=\"");
  absl::string_view key = term.substr(0, equals);
  const absl::string_view value = term.substr(equals + 1);
  if (key == "zone") {
    if (!kraken::IsLabelText(value)) {
      return BadTerm(term, absl::StrCat("a zone's name is ", kraken::kLabelTextRule));
    }
    selector.zones.emplace_back(value);
    return absl::OkStatus();
  }
  if (key == "share") {
    if (std::exchange(*has_share, true)) return BadTerm(term, "there is a share already");
    const std::optional<uint32_t> share = ParseShare(value);
    if (!share.has_value()) {
      return BadTerm(term, "a share is more than 0% and at most 100%, with two decimals at most");
    }
    selector.share_per_10000 = *share;
    return absl::OkStatus();
  }
  if (absl::ConsumePrefix(&key, "label.")) return AddLabel(term, key, value, selector);
  return BadTerm(term, "that is nothing that agents are chosen by");
}

std::string ShareText(uint32_t share) {
  std::string text = absl::StrCat("share=", share / kPerPercent);
  if (share % kPerPercent != 0) {
    absl::StrAppend(&text, ".", absl::StrFormat("%02d", share % kPerPercent));
    if (text.back() == '0') text.pop_back();
  }
  return absl::StrCat(text, "%");
}

}  // namespace

absl::StatusOr<AgentSelector> AgentSelector::Parse(absl::string_view text) {
  AgentSelector selector;
  if (text == kAll) return selector;
  const std::vector<absl::string_view> terms = absl::StrSplit(text, ',');
  if (terms.size() > kMaxTerms) {
    return absl::InvalidArgumentError(absl::StrCat("agents: more than ", kMaxTerms, " terms"));
  }
  bool has_share = false;
  for (const absl::string_view term : terms) {
    KH_RETURN_IF_ERROR(AddTerm(absl::StripAsciiWhitespace(term), &has_share, selector));
  }
  std::sort(selector.zones.begin(), selector.zones.end());
  selector.zones.erase(std::unique(selector.zones.begin(), selector.zones.end()),
                       selector.zones.end());
  return selector;
}

std::string AgentSelector::ToString() const {
  std::vector<std::string> terms;
  terms.reserve(zones.size() + labels.size() + 1);
  for (const std::string& zone : zones) terms.push_back(absl::StrCat("zone=", zone));
  for (const auto& [key, value] : labels) {
    terms.push_back(absl::StrCat("label.", key, "=", value));
  }
  if (share_per_10000 < kWhole) terms.push_back(ShareText(share_per_10000));
  return terms.empty() ? std::string(kAll) : absl::StrJoin(terms, ",");
}

absl::Status ParseConfigScalar(const std::string& text, AgentSelector* out) {
  KH_ASSIGN_OR_RETURN(*out, AgentSelector::Parse(text));
  return absl::OkStatus();
}

}  // namespace harbor_bridge
