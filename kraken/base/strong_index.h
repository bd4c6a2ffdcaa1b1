// Integers that can't be mixed up: a piece's index is not a number of pieces, an offset not a
// length.
//
// Indexes and offsets are points, counts are distances between them:
//   point + distance = point, point - point = distance, distance ± distance = distance.
#ifndef KRAKEN_BASE_STRONG_INDEX_H_
#define KRAKEN_BASE_STRONG_INDEX_H_

#include <compare>
#include <cstdint>
#include <utility>

namespace kraken {

// The common part: explicit in, `.value()` out, ordered, hashable, countable. Signed, so that a
// difference that should not be negative can be seen to be.
template <typename Derived, typename Rep>
class StrongInteger {
 public:
  using Representation = Rep;

  constexpr StrongInteger() = default;
  explicit constexpr StrongInteger(Rep value) : value_(value) {}

  constexpr Rep value() const { return value_; }

  friend constexpr bool operator==(const Derived& a, const Derived& b) {
    return a.value_ == b.value_;
  }
  friend constexpr auto operator<=>(const Derived& a, const Derived& b) {
    return a.value_ <=> b.value_;
  }

  constexpr Derived& operator++() {
    ++value_;
    return static_cast<Derived&>(*this);
  }
  constexpr Derived& operator--() {
    --value_;
    return static_cast<Derived&>(*this);
  }

  template <typename H>
  friend H AbslHashValue(H state, const Derived& value) {
    return H::combine(std::move(state), value.value_);
  }

  template <typename Stream>
  friend Stream& operator<<(Stream& stream, const Derived& value) {
    stream << value.value_;
    return stream;
  }

 private:
  Rep value_ = 0;
};

// A distance: sums and differences of itself, multiples.
template <typename Derived, typename Rep>
class StrongCount : public StrongInteger<Derived, Rep> {
 public:
  using StrongInteger<Derived, Rep>::StrongInteger;

  friend constexpr Derived operator+(Derived a, Derived b) {
    return Derived(a.value() + b.value());
  }
  friend constexpr Derived operator-(Derived a, Derived b) {
    return Derived(a.value() - b.value());
  }
  friend constexpr Derived operator*(Derived a, Rep factor) { return Derived(a.value() * factor); }
  friend constexpr Derived& operator+=(Derived& a, Derived b) { return a = a + b; }
  friend constexpr Derived& operator-=(Derived& a, Derived b) { return a = a - b; }
};

// A point on the axis that `Count` measures.
template <typename Derived, typename Count>
class StrongPoint : public StrongInteger<Derived, typename Count::Representation> {
 public:
  using StrongInteger<Derived, typename Count::Representation>::StrongInteger;

  friend constexpr Derived operator+(Derived a, Count b) { return Derived(a.value() + b.value()); }
  friend constexpr Derived operator-(Derived a, Count b) { return Derived(a.value() - b.value()); }
  friend constexpr Count operator-(Derived a, Derived b) { return Count(a.value() - b.value()); }
  friend constexpr Derived& operator+=(Derived& a, Count b) { return a = a + b; }
  friend constexpr Derived& operator-=(Derived& a, Count b) { return a = a - b; }
};

// A number of pieces. 32 bits: Kraken's wire has no more.
class PieceCount : public StrongCount<PieceCount, int32_t> {
 public:
  using StrongCount::StrongCount;
};

// The place of a piece in its blob, from 0.
class PieceIndex : public StrongPoint<PieceIndex, PieceCount> {
 public:
  using StrongPoint::StrongPoint;
};

// A number of bytes.
class ByteCount : public StrongCount<ByteCount, int64_t> {
 public:
  using StrongCount::StrongCount;
};

// A place in a blob or file, from 0.
class ByteOffset : public StrongPoint<ByteOffset, ByteCount> {
 public:
  using StrongPoint::StrongPoint;
};

// True if `index` is one of the `count` pieces of a blob.
constexpr bool IsValidIndex(PieceIndex index, PieceCount count) {
  return index.value() >= 0 && index.value() < count.value();
}

}  // namespace kraken

#endif  // KRAKEN_BASE_STRONG_INDEX_H_
