//===- StubDriver.cpp - The test's end of the stub driver -----------------===//

#include "test/unit/Runtime/StubDriver.h"

#include <algorithm>
#include <cstdlib>

#include <dlfcn.h>

namespace moert::test {

StubCuda &stub() {
  static StubCuda *state = [] {
    void *library = dlopen(MOEC_STUB_CUDA, RTLD_NOW | RTLD_LOCAL);
    void *function = library ? dlsym(library, "stubCuda") : nullptr;
    if (!function)
      std::abort();
    return reinterpret_cast<StubCuda *(*)()>(function)();
  }();
  return *state;
}

void scaleBody(const StubLaunch &launch) {
  const auto *source = reinterpret_cast<const float *>(launch.parameters[0]);
  auto *target = reinterpret_cast<float *>(launch.parameters[1]);
  auto tokens = static_cast<int32_t>(launch.parameters[2]);
  auto factor = static_cast<int32_t>(launch.parameters[3]);
  int64_t threads = int64_t(launch.grid[0]) * launch.block[0];
  for (int64_t i = 0; i < std::min(threads, tokens * kWidth); ++i)
    target[i] = source[i] * static_cast<float>(factor);
}

void StubDriverTest::SetUp() {
  setenv("MOEC_LIBCUDA", MOEC_STUB_CUDA, 1);
  StubCuda &state = stub();
  state.deviceCount = 2;
  state.ccMajor = 8;
  state.ccMinor = 0;
  state.sharedBytesPerBlock = 166912;
  state.function = {};
  state.function.name = "scale_entry";
  state.function.numParameters = 4;
  for (unsigned i = 0; i < 4; ++i)
    state.function.parameterBytes[i] = i < 2 ? 8 : 4;
  state.function.body = scaleBody;
  state.failingCall = nullptr;
  state.numLaunches = 0;
  state.graphLaunches = 0;
}

void StubDriverTest::TearDown() {
  StubCuda &state = stub();
  EXPECT_EQ(state.modulesLoaded, state.modulesUnloaded);
  EXPECT_EQ(state.contextsRetained, state.contextsReleased);
  EXPECT_EQ(state.allocations, state.frees);
}

} // namespace moert::test
