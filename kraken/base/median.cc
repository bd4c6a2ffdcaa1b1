#include "kraken/base/median.h"

#include <algorithm>
#include <cstddef>

#include "kraken/base/check.h"

namespace kraken {

MedianAndSpread MedianAndSpread::Of(std::vector<double> values) {
  KH_CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  const size_t middle = values.size() / 2;
  return {
      .median = values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2,
      .least = values.front(),
      .most = values.back()};
}

}  // namespace kraken
