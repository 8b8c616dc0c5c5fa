// A Hopper GPU on which kernels do nothing, for what compiles, launches and times whole blocks.
#ifndef MOEC_TEST_UNIT_BENCH_STUBGPU_H
#define MOEC_TEST_UNIT_BENCH_STUBGPU_H

#include "compiler/Engine/ReferenceRunner.h"
#include "compiler/Engine/Subject.h"
#include "runtime/Jit/NvrtcCompiler.h"
#include "test/unit/Runtime/StubCuda.h"

#include "llvm/Support/raw_ostream.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <dlfcn.h>

namespace moec::test {

/// The block examples/models/tiny.mlir; skipped where there is no NVRTC to compile it.
class StubGpuTest : public testing::Test {
protected:
  static moert::test::StubCuda &stub() {
    static moert::test::StubCuda *state = [] {
      void *library = dlopen(MOEC_STUB_CUDA_ANY, RTLD_NOW | RTLD_LOCAL);
      void *function = library ? dlsym(library, "stubCuda") : nullptr;
      if (!function)
        std::abort();
      return reinterpret_cast<moert::test::StubCuda *(*)()>(function)();
    }();
    return *state;
  }

  void SetUp() override {
    setenv("MOEC_LIBCUDA", MOEC_STUB_CUDA_ANY, 1);
    stub().ccMajor = 9;
    stub().sharedBytesPerBlock = 232448;
    stub().failingCall = nullptr;
    stub().broken = false;
    stub().downloaded = nullptr;
    stub().freeBytes = size_t(1) << 36;
    stub().numLaunches = stub().graphLaunches = 0;
    if (!moert::NvrtcCompiler::load())
      GTEST_SKIP() << "no NVRTC";
    auto loaded = loadIr(MOEC_EXAMPLES "/tiny.mlir", llvm::errs());
    ASSERT_TRUE(loaded.isOk()) << loaded.status().message();
    subject = *std::move(loaded);
  }

  void TearDown() override {
    EXPECT_EQ(stub().modulesLoaded, stub().modulesUnloaded);
    EXPECT_EQ(stub().contextsRetained, stub().contextsReleased);
    EXPECT_EQ(stub().allocations, stub().frees);
  }

  /// What a right block downloads for the inputs of seed 0.
  moert::HostTensor reference(int64_t tokens) {
    auto arguments = bindInputs(subject.inputs(), {}, {tokens, 0, {}, 1});
    auto outcome = ReferenceRunner(*subject.block, 1).run(*arguments, tokens, false);
    return outcome->outputs.front();
  }
  void download(const moert::HostTensor &tensor) {
    stub().downloaded = tensor.data();
    stub().downloadedBytes = tensor.byteSize();
  }

  Subject subject;
};

} // namespace moec::test

#endif // MOEC_TEST_UNIT_BENCH_STUBGPU_H
