// routing_check: runs every routing kernel against the host and times them on this GPU.
// usage: routing_check [check|time [MODEL]]   exit 0 ok, 1 mismatch, 2 usage, 5 driver, 6 no device
#include "harness.h"

namespace check {

Totals &totals() {
  static Totals counts;
  return counts;
}

void report(const std::string &name, long mismatches, const std::string &first) {
  Totals &counts = totals();
  ++counts.cases;
  if (!mismatches)
    return;
  if (++counts.failed <= 40)
    std::printf("FAILED %s: %ld mismatches, first: %s\n", name.c_str(), mismatches, first.c_str());
}

float to_host(moe::bf16 value) {
  const uint32_t bits = uint32_t(value.bits) << 16;
  float result;
  std::memcpy(&result, &bits, 4);
  return result;
}

float to_host(moe::f16 value) {
  const int sign = value.bits >> 15, exponent = value.bits >> 10 & 31, mantissa = value.bits & 1023;
  float result = exponent == 31 ? (mantissa ? NAN : INFINITY)
                 : exponent     ? std::ldexp(float(1024 + mantissa), exponent - 25)
                                : std::ldexp(float(mantissa), -24);
  return sign ? -result : result;
}

template <> float from_host<float>(float value) { return value; }

template <> moe::bf16 from_host<moe::bf16>(float value) {
  uint32_t bits;
  std::memcpy(&bits, &value, 4);
  bits += 0x7fff + (bits >> 16 & 1);
  return {moe::u16(bits >> 16)};
}

/// Finite values of normal f16 range only, which is all the inputs here are.
template <> moe::f16 from_host<moe::f16>(float value) {
  const uint32_t sign = std::signbit(value) ? 0x8000u : 0u;
  int exponent;
  const float fraction = std::frexp(std::fabs(value), &exponent);
  if (fraction == 0.0f || exponent < -13)
    return {moe::u16(sign | uint32_t(std::nearbyint(std::ldexp(std::fabs(value), 24))))};
  const auto mantissa = uint32_t(std::nearbyint(std::ldexp(fraction, 11)));
  return {moe::u16(sign | ((uint32_t(exponent + 14) << 10) + (mantissa - 1024)))};
}

} // namespace check

int main(int argc, char **argv) {
  const std::string mode = argc > 1 ? argv[1] : "all";
  if (mode != "check" && mode != "time" && mode != "all") {
    std::printf("usage: routing_check [check|time [MODEL]]\n");
    return 2;
  }
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::printf("no CUDA device\n");
    return 6;
  }
  if (mode != "time") {
    const auto part = [](const char *name, void (*run)()) {
      const check::Totals before = check::totals();
      run();
      std::printf("%-10s %6ld cases, %ld failed\n", name, check::totals().cases - before.cases,
                  check::totals().failed - before.failed);
      std::fflush(stdout);
    };
    part("route", check::check_route);
    part("sort", check::check_sort);
    part("rows", check::check_rows);
    part("combine", check::check_combine);
  }
  if (mode != "check")
    check::time_all(argc > 2 ? argv[2] : "");
  return check::totals().failed ? 1 : 0;
}
