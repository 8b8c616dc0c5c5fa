//===- Random.h - Counter-based random numbers
//----------------------------------------------------===//
//
// Word i of a stream is a pure function of (seed, name, i), so that any split of the work over
// threads, and any subset of the elements, gives the same bits. The function is the finaliser of
// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014)
// over a Weyl sequence that starts at a hash of seed and name.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef MOEC_COMPILER_INPUTS_RANDOM_H
#define MOEC_COMPILER_INPUTS_RANDOM_H

#include <cstdint>
#include <string_view>

namespace moec {

/// The output function of SplitMix64: a bijection of 64-bit words.
constexpr uint64_t mixBits(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

/// A stream of 64-bit words with random access.
class RandomStream {
public:
  constexpr RandomStream(uint64_t seed, std::string_view name) : key(mixBits(seed + kGamma)) {
    for (char c : name) // FNV-1a steps between mixes: every byte reaches every bit
      key = mixBits((key ^ static_cast<unsigned char>(c)) * 0x100000001b3u);
  }

  constexpr uint64_t word(uint64_t index) const { return mixBits(key + index * kGamma); }

  /// A double in (0, 1): 52 bits and a half, so that neither end occurs.
  constexpr double unit(uint64_t index) const {
    return (static_cast<double>(word(index) >> 12) + 0.5) * 0x1p-52;
  }

private:
  static constexpr uint64_t kGamma = 0x9e3779b97f4a7c15u; // 2^64 / golden ratio, odd
  uint64_t key;
};

} // namespace moec

#endif // MOEC_COMPILER_INPUTS_RANDOM_H
