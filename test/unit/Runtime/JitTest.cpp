//===- JitTest.cpp - NVRTC, where there is one ----------------------------===//
//
// Compiling needs NVRTC but no GPU. Reading its log is tested without either.
//
//===----------------------------------------------------------------------===//

#include "runtime/Jit/NvrtcCompiler.h"
#include "test/unit/Runtime/TestPackage.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <fstream>

using namespace moert;

namespace {

TEST(AssemblerReport, ReadsEachEntry) {
  std::vector<KernelResources> entries = parseAssemblerReport(
      "ptxas info    : 0 bytes gmem\n"
      "ptxas info    : Compiling entry function 'first' for 'sm_90a'\n"
      "ptxas info    : Function properties for first\n"
      "    16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads\n"
      "ptxas info    : Used 168 registers, used 1 barriers, 16 bytes cumulative stack size, 1024 "
      "bytes smem, 400 bytes cmem[0]\n"
      "ptxas info    : Compile time = 7.145 ms\n"
      "ptxas info    : Compiling entry function 'second' for 'sm_90a'\n"
      "ptxas info    : Function properties for second\n"
      "    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
      "ptxas info    : Used 8 registers, used 0 barriers\n");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].entry, "first");
  EXPECT_EQ(entries[0].registers, 168u);
  EXPECT_EQ(entries[0].stackBytes, 16u);
  EXPECT_EQ(entries[0].spillStoreBytes, 8u);
  EXPECT_EQ(entries[0].spillLoadBytes, 12u);
  EXPECT_EQ(entries[0].staticSharedBytes, 1024u);
  EXPECT_EQ(entries[1].entry, "second");
  EXPECT_EQ(entries[1].registers, 8u);
  EXPECT_EQ(entries[1].staticSharedBytes, 0u);
  EXPECT_TRUE(parseAssemblerReport("").empty());
  EXPECT_TRUE(parseAssemblerReport("Used 3 registers\n").empty());
}

TEST(AssemblerReport, FramesOfCalledFunctionsCountTowardsTheEntry) {
  std::vector<KernelResources> entries =
      parseAssemblerReport("ptxas info    : Compiling entry function 'k' for 'sm_90a'\n"
                           "ptxas info    : Function properties for k\n"
                           "16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads\n"
                           "ptxas info    : Function properties for called\n"
                           "24 bytes stack frame, 4 bytes spill stores, 20 bytes spill loads\n");
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].stackBytes, 40u);
  EXPECT_EQ(entries[0].spillStoreBytes, 12u);
  EXPECT_EQ(entries[0].spillLoadBytes, 32u);
}

TEST(AssemblerReport, FindsFatalAdvisories) {
  EXPECT_EQ(findFatalAdvisory("ptxas info    : Used 8 registers\n"), "");
  EXPECT_EQ(findFatalAdvisory("a\nptxas info    : (C7510) Potential Performance Loss: x\nb"),
            "ptxas info    : (C7510) Potential Performance Loss: x");
  for (const char *code : {"C7504", "C7508", "C7510", "C7511", "C7512", "C7520"})
    EXPECT_NE(findFatalAdvisory("ptxas info : (" + std::string(code) + ") text"), "") << code;
  EXPECT_EQ(findFatalAdvisory("ptxas info : (C7519) harmless"), "");
}

class Jit : public testing::Test {
protected:
  void SetUp() override {
    Result<NvrtcCompiler> loaded = NvrtcCompiler::load();
    if (!loaded)
      GTEST_SKIP() << loaded.status().message();
    compiler.emplace(*std::move(loaded));
  }

  static CompileRequest makeRequest(std::string name, std::string source,
                                    std::string arch = "sm_90a") {
    CompileRequest request;
    request.name = std::move(name);
    request.source = std::move(source);
    request.arch = std::move(arch);
    return request;
  }

  std::optional<NvrtcCompiler> compiler;
};

constexpr const char *kScale = R"(
#include <scale/factor.cuh>
extern "C" __global__ void scale_entry(const float *source, float *target, int tokens, int factor) {
  __shared__ float staged[64];
  int i = blockIdx.x * 64 + threadIdx.x;
  if (i < tokens) staged[threadIdx.x] = source[i];
  __syncthreads();
  if (i < tokens) target[i] = scaled(staged[63 - threadIdx.x], factor);
}
)";
constexpr SourceHeader kHeaders[] = {
    {"scale/factor.cuh", "#pragma once\n"
                         "constexpr float scaled(float x, int f) { return x * f; }\n"}};

TEST_F(Jit, OneCompileGivesPtxCubinAndReport) {
  for (const char *arch : {"sm_90a", "sm_80"}) {
    CompileRequest request = makeRequest("scale", kScale, arch);
    request.headers = kHeaders;
    Result<CompiledKernel> kernel = compiler->compile(request);
    ASSERT_TRUE(kernel.isOk()) << kernel.status().message();
    EXPECT_NE(kernel->ptx.find(std::string(".target ") + arch), std::string::npos);
    EXPECT_NE(kernel->ptx.find("scale_entry"), std::string::npos);
    EXPECT_EQ(kernel->ptx.find('\0'), std::string::npos);
    EXPECT_EQ(kernel->cubin.substr(0, 4), "\x7f"
                                          "ELF");
    const KernelResources *resources = kernel->findEntry("scale_entry");
    ASSERT_NE(resources, nullptr) << kernel->log;
    EXPECT_GT(resources->registers, 0u);
    EXPECT_EQ(resources->staticSharedBytes, 256u) << kernel->log;
    EXPECT_EQ(resources->spillStoreBytes, 0u);
    EXPECT_EQ(kernel->findEntry("other"), nullptr);
    EXPECT_GT(kernel->seconds, 0);
  }
}

TEST_F(Jit, KnowsItself) {
  EXPECT_GE(compiler->majorVersion(), 11);
  EXPECT_FALSE(compiler->path().empty());
  const std::vector<int> &archs = compiler->architectures();
  EXPECT_NE(std::find(archs.begin(), archs.end(), 90), archs.end());
}

TEST_F(Jit, ErrorsNameTheKernelTheLineAndTheReason) {
  Result<CompiledKernel> kernel =
      compiler->compile(makeRequest("broken", "extern \"C\" __global__ void f() {\n  oops;\n}\n"));
  ASSERT_FALSE(kernel.isOk());
  EXPECT_EQ(kernel.status().code(), StatusCode::Toolchain);
  EXPECT_NE(kernel.status().message().find("kernel 'broken'"), std::string::npos);
  EXPECT_NE(kernel.status().message().find("broken.cu(2)"), std::string::npos)
      << kernel.status().message();
  EXPECT_NE(kernel.status().message().find("oops"), std::string::npos);
  EXPECT_FALSE(compiler->compile(makeRequest("arch", "", "sm_12345")).isOk());
  EXPECT_FALSE(compiler->compile(makeRequest("missing", "#include <nowhere.cuh>\n")).isOk());
}

TEST_F(Jit, SerializedWarpgroupMatrixInstructionsAreAnError) {
  // A function call between the issue and the wait makes the assembler serialise wgmma.
  Result<CompiledKernel> kernel = compiler->compile(makeRequest("serial", R"(
__device__ __noinline__ float opaque(float x) { return x * 3.0f + 1.0f; }
extern "C" __global__ void serial(float *out, unsigned long long a, unsigned long long b) {
  float d[4] = {0, 0, 0, 0};
  asm volatile("wgmma.fence.sync.aligned;");
  for (int i = 0; i < 4; ++i) {
    asm volatile("{ .reg .pred p; setp.ne.b32 p, 1, 0;\n"
                 "wgmma.mma_async.sync.aligned.m64n8k16.f32.bf16.bf16 {%0, %1, %2, %3}, %4, %5, p, 1, 1, 0, 0; }"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3]) : "l"(a + i), "l"(b));
    d[0] = opaque(d[0]);
  }
  asm volatile("wgmma.commit_group.sync.aligned;");
  asm volatile("wgmma.wait_group.sync.aligned 0;");
  out[threadIdx.x] = d[0] + d[1] + d[2] + d[3];
}
)"));
  ASSERT_FALSE(kernel.isOk());
  EXPECT_EQ(kernel.status().code(), StatusCode::Toolchain);
  EXPECT_NE(kernel.status().message().find("the assembler gives up performance"), std::string::npos)
      << kernel.status().message();
}

TEST_F(Jit, CompilesSeveralAtOnceInOrder) {
  std::vector<CompileRequest> requests;
  for (int i = 0; i < 6; ++i)
    requests.push_back(makeRequest("k" + std::to_string(i),
                                   i == 3 ? "broken"
                                          : "extern \"C\" __global__ void k" + std::to_string(i) +
                                                "(int *x) { x[threadIdx.x] = " + std::to_string(i) +
                                                "; }"));
  size_t lastDone = 0;
  std::vector<std::string> failed;
  std::vector<Result<CompiledKernel>> results =
      compiler->compileAll(requests, 3,
                           [&](size_t done, size_t total, const CompileRequest &request,
                               const Result<CompiledKernel> &result) {
                             EXPECT_EQ(done, lastDone + 1);
                             EXPECT_EQ(total, 6u);
                             lastDone = done;
                             if (!result)
                               failed.push_back(request.name);
                           });
  ASSERT_EQ(results.size(), 6u);
  EXPECT_EQ(lastDone, 6u);
  EXPECT_EQ(failed, std::vector<std::string>{"k3"});
  for (int i = 0; i < 6; ++i) {
    ASSERT_EQ(results[i].isOk(), i != 3);
    if (i != 3) {
      EXPECT_NE(results[i]->ptx.find(".entry k" + std::to_string(i)), std::string::npos);
    }
  }
  EXPECT_TRUE(compiler->compileAll({}, 0).empty());
}

TEST_F(Jit, CompilesTheSameBytesEveryTime) {
  CompileRequest request = makeRequest("scale", kScale);
  request.headers = kHeaders;
  Result<CompiledKernel> first = compiler->compile(request), second = compiler->compile(request);
  ASSERT_TRUE(first.isOk() && second.isOk());
  EXPECT_EQ(first->cubin, second->cubin);
  EXPECT_EQ(first->ptx, second->ptx);
}

TEST(JitLoad, ANamedPlaceIsTheOnlyOne) {
  test::TemporaryDirectory temporary;
  setenv("MOEC_NVRTC", temporary.path().c_str(), 1);
  Result<NvrtcCompiler> empty = NvrtcCompiler::load();
  setenv("MOEC_NVRTC", "/nowhere/libnvrtc.so", 1);
  Result<NvrtcCompiler> missing = NvrtcCompiler::load();
  // A file that is a library but not NVRTC.
  setenv("MOEC_NVRTC", "libm.so.6", 1);
  Result<NvrtcCompiler> other = NvrtcCompiler::load();
  unsetenv("MOEC_NVRTC");
  ASSERT_FALSE(empty.isOk() || missing.isOk() || other.isOk());
  EXPECT_EQ(empty.status().code(), StatusCode::Toolchain);
  EXPECT_NE(empty.status().message().find("MOEC_NVRTC=" + temporary.path().string()),
            std::string::npos);
  EXPECT_NE(missing.status().message().find("/nowhere/libnvrtc.so"), std::string::npos);
  EXPECT_NE(other.status().message().find("has no symbol nvrtcVersion"), std::string::npos);
}

TEST_F(Jit, IsFoundInTheLayoutOfAWheel) {
  test::TemporaryDirectory temporary;
  std::filesystem::path folder = temporary.path() / "nvidia" / "cu13" / "lib";
  std::filesystem::create_directories(folder);
  std::filesystem::create_symlink(std::filesystem::canonical(compiler->path()),
                                  folder / "libnvrtc.so.13");
  setenv("MOEC_NVRTC", temporary.path().c_str(), 1);
  Result<NvrtcCompiler> found = NvrtcCompiler::load();
  unsetenv("MOEC_NVRTC");
  EXPECT_TRUE(found.isOk()) << found.status().message();
}

} // namespace
