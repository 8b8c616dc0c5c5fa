//===- host_cost.cpp - what a host waits for, on a real device ------------===//
//
//   host_cost-moec BLOCK.mlir TOKENS       from a block's text to its first result; launches
//   host_cost-moert BLOCK.moepkg TOKENS    from a package on disk; launches
//
// Prints milliseconds of each step from the start of main, and the median of a launch's cost to the
// host. The device's context is made first and counted apart: it is the driver's, and hosts have
// it.
//
//===----------------------------------------------------------------------===//

#include "examples/hosts/driver.h"

#include "runtime/Api/moec.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <sstream>

namespace {

using Clock = std::chrono::steady_clock;

double millisecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

std::string readFile(const std::string &path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Whether a library whose name holds `name` is in this process.
bool isLoaded(const char *name) {
  return readFile("/proc/self/maps").find(name) != std::string::npos;
}

/// The block with memory for `tokens` tokens.
struct Subject {
  moec::Package package;
  int64_t tokens;
  Stream stream;
  std::vector<void *> tensors;
  void *workspace;
  uint64_t workspaceBytes;

  Subject(const Driver &driver, moec::Package opened, int64_t tokens, Stream stream)
      : package(std::move(opened)), tokens(tokens), stream(stream) {
    for (size_t i = 0; i < package.argumentCount(); ++i)
      tensors.push_back(allocate(&driver, package.bytes(i, tokens), stream));
    workspaceBytes = package.workspaceBytes(tokens);
    workspace = allocate(&driver, workspaceBytes, stream);
  }
  void launch() {
    package.launch(tokens, tensors.data(), tensors.size(), workspace, workspaceBytes, stream);
  }
};

/// Microseconds of the host for a call of `launch`, the median of 201 batches that the queue holds
/// easily.
template <typename Function>
double hostCost(const Driver &driver, Stream stream, Function launch) {
  constexpr int kBatch = 10;
  std::array<double, 201> times;
  for (double &time : times) {
    CHECK_CUDA(driver.cuStreamSynchronize(stream));
    Clock::time_point begin = Clock::now();
    for (int i = 0; i < kBatch; ++i)
      launch();
    time = 1e3 * millisecondsSince(begin) / kBatch;
  }
  CHECK_CUDA(driver.cuStreamSynchronize(stream));
  std::nth_element(times.begin(), times.begin() + times.size() / 2, times.end());
  return times[times.size() / 2];
}

int run(const std::string &path, int64_t tokens) {
  Clock::time_point begin = Clock::now();
  Driver driver = openDriver();
  moec::Context context(0);
  Stream stream = nullptr;
  CHECK_CUDA(driver.cuStreamCreate(&stream, /*CU_STREAM_NON_BLOCKING=*/1));
  std::printf("context: %.1f ms\n", millisecondsSince(begin));

  begin = Clock::now();
  bool isPackage = path.size() > 7 && path.substr(path.size() - 7) == ".moepkg";
  moec::Package package = isPackage ? moec::Package::open(context, path)
                                    : moec::Package::fromText(context, readFile(path));
  package.prepare({tokens});
  moec_counters counters = package.counters();
  std::printf("launchable: %.1f ms, %llu kernels compiled, %llu from the cache\n",
              millisecondsSince(begin), static_cast<unsigned long long>(counters.compiled_kernels),
              static_cast<unsigned long long>(counters.cached_kernels));
  Subject subject(driver, std::move(package), tokens, stream);
  subject.launch();
  CHECK_CUDA(driver.cuStreamSynchronize(stream));
  std::printf("first result: %.1f ms\n", millisecondsSince(begin));
  std::printf("loaded: nvrtc %s, a compiler %s\n", isLoaded("libnvrtc") ? "yes" : "no",
              moec_has_compiler() ? "yes" : "no");

  double launch = hostCost(driver, stream, [&] { subject.launch(); });
  Graph graph = nullptr;
  GraphExec replay = nullptr;
  CHECK_CUDA(driver.cuStreamBeginCapture_v2(stream, /*thread local*/ 1));
  subject.launch();
  CHECK_CUDA(driver.cuStreamEndCapture(stream, &graph));
  CHECK_CUDA(driver.cuGraphInstantiateWithFlags(&replay, graph, 0));
  double replayed =
      hostCost(driver, stream, [&] { CHECK_CUDA(driver.cuGraphLaunch(replay, stream)); });
  subject.package.keepReplays(4);
  subject.launch();
  double kept = hostCost(driver, stream, [&] { subject.launch(); });
  subject.package.keepReplays(0);
  double lookup = hostCost(driver, stream, [&] {
    for (int i = 0; i < 100; ++i)
      subject.package.isReady(tokens);
  });
  std::printf("launch: %.2f us with the driver's calls, kept and repeated: %.2f us, as a graph of "
              "the host's: %.2f us, finding the variant: %.0f ns\n",
              launch, kept, replayed, 10 * lookup);
  return 0;
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3)
    return std::fprintf(stderr, "usage: host_cost BLOCK.mlir|BLOCK.moepkg TOKENS\n"), 2;
  try {
    return run(argv[1], std::atoll(argv[2]));
  } catch (const moec::Error &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.status();
  }
}
