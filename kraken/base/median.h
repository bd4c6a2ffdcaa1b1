#ifndef KRAKEN_BASE_MEDIAN_H_
#define KRAKEN_BASE_MEDIAN_H_

#include <vector>

namespace kraken {

// What benchmarks print of several runs.
struct MedianAndSpread {
  double median = 0;  // of an even number, the mean of the two in the middle
  double least = 0;
  double most = 0;

  // REQUIRES: there is at least one value.
  static MedianAndSpread Of(std::vector<double> values);
};

}  // namespace kraken

#endif  // KRAKEN_BASE_MEDIAN_H_
