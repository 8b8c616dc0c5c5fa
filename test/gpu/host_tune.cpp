//===- host_tune.cpp - a host that serves while its block is tuned --------===//
//
//   host_tune BLOCK.mlir TOKENS
//
// Launches one token count again and again on random data while libmoec searches for a faster build
// of it, then once more with what was found. Fails where the search fails, where launches stop
// meanwhile, or where the output is another one afterwards.
//
//===----------------------------------------------------------------------===//

#include "examples/hosts/driver.h"

#include "runtime/Api/moec.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstring>
#include <fstream>
#include <random>
#include <sstream>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// What examples/hosts/driver.h does not need.
struct Copies {
  int (*toDevice)(DeviceAddress target, const void *source, size_t bytes);
  int (*toHost)(void *target, DeviceAddress source, size_t bytes);

  Copies() {
    void *library = dlopen("libcuda.so.1", RTLD_NOW);
    *reinterpret_cast<void **>(&toDevice) = dlsym(library, "cuMemcpyHtoD_v2");
    *reinterpret_cast<void **>(&toHost) = dlsym(library, "cuMemcpyDtoH_v2");
  }
};

float fromBf16(uint16_t bits) {
  uint32_t word = uint32_t(bits) << 16;
  float value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

/// Uniform values: f32 (logits) in [-2, 2), bf16 in [-0.1, 0.1); 0 for other types.
std::vector<char> randomTensor(moec_dtype dtype, uint64_t bytes, uint32_t seed) {
  std::vector<char> data(bytes);
  std::mt19937 random(seed);
  auto uniform = [&](float bound) { return bound * (float(random()) / 2147483648.0f - 1); };
  for (uint64_t at = 0; dtype == MOEC_F32 && at + 4 <= bytes; at += 4) {
    float value = uniform(2);
    std::memcpy(&data[at], &value, 4);
  }
  for (uint64_t at = 0; dtype == MOEC_BF16 && at + 2 <= bytes; at += 2) {
    float value = uniform(0.1f);
    std::memcpy(&data[at], reinterpret_cast<char *>(&value) + 2, 2);
  }
  return data;
}

/// What a search and its records have to say goes into the test's log.
void logToStderr() {
  moec_set_log_callback([](moec_log_level, const char *component, const char *message,
                           void *) { std::fprintf(stderr, "%s: %s\n", component, message); },
                        nullptr, MOEC_LOG_INFO);
}

int run(const char *path, int64_t tokens) {
  logToStderr();
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  Driver driver = openDriver();
  Copies copies;
  moec::Context context(0);
  moec_text_options options = {};
  options.routing = "zipf:1.2"; // for which no records ship, so that there is something to search
  moec::Package package = moec::Package::fromText(context, text.str(), options);
  package.prepare({tokens});
  Stream stream = nullptr;
  CHECK_CUDA(driver.cuStreamCreate(&stream, /*CU_STREAM_NON_BLOCKING=*/1));

  std::vector<void *> tensors;
  void *output = nullptr;
  uint64_t outputBytes = 0;
  for (size_t i = 0; i < package.argumentCount(); ++i) {
    moec_argument argument = package.argument(i);
    uint64_t bytes = package.bytes(i, tokens);
    tensors.push_back(allocate(&driver, bytes, stream));
    if (argument.is_output) {
      output = tensors.back();
      outputBytes = bytes;
      continue;
    }
    std::vector<char> data = randomTensor(argument.dtype, bytes, uint32_t(i) + 1);
    CHECK_CUDA(
        copies.toDevice(reinterpret_cast<DeviceAddress>(tensors.back()), data.data(), bytes));
  }
  uint64_t workspaceBytes = package.workspaceBytes(tokens);
  void *workspace = allocate(&driver, workspaceBytes, stream);
  auto launch = [&] {
    package.launch(tokens, tensors.data(), tensors.size(), workspace, workspaceBytes, stream);
    CHECK_CUDA(driver.cuStreamSynchronize(stream));
  };
  auto outputs = [&] {
    std::vector<uint16_t> result(outputBytes / 2);
    CHECK_CUDA(copies.toHost(result.data(), reinterpret_cast<DeviceAddress>(output), outputBytes));
    return result;
  };

  launch();
  std::vector<uint16_t> before = outputs();
  std::atomic<bool> done{false};
  Clock::time_point begin = Clock::now();
  package.tune({tokens}, {}, [&](size_t count, size_t total) { done = count == total; });
  uint64_t launches = 0;
  double longest = 0;
  while (!done && secondsSince(begin) < 300) {
    Clock::time_point start = Clock::now();
    launch();
    longest = std::max(longest, secondsSince(start));
    ++launches;
    std::this_thread::sleep_for(std::chrono::milliseconds(20)); // a host that has other work, too
  }
  double took = secondsSince(begin);
  launch();
  std::vector<uint16_t> after = outputs();
  double square = 0, difference = 0;
  for (size_t i = 0; i < before.size(); ++i) {
    double a = fromBf16(before[i]), b = fromBf16(after[i]);
    square += a * a;
    difference += (a - b) * (a - b);
  }
  double error = std::sqrt(difference / square);
  moec_counters counters = package.counters();
  std::printf("tuned in %.1f s: %llu faster builds, %llu failures; %llu launches meanwhile, the "
              "longest %.1f ms; the output differs by %.2e\n",
              took, static_cast<unsigned long long>(counters.tuned),
              static_cast<unsigned long long>(counters.tune_failed),
              static_cast<unsigned long long>(launches), 1e3 * longest, error);
  return done && counters.tune_failed == 0 && launches > 10 && longest < 1 && error < 1e-2 ? 0 : 1;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3)
    return std::fprintf(stderr, "usage: host_tune BLOCK.mlir TOKENS\n"), 2;
  try {
    return run(argv[1], std::atoll(argv[2]));
  } catch (const moec::Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.status();
  }
}
