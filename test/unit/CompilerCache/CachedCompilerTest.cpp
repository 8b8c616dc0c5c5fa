//===- CachedCompilerTest.cpp - nothing is compiled twice ---------------------===//

#include "CompilerCacheTest.h"

#include "compiler/Cache/KeyBuilder.h"
#include "runtime/Cache/PackageEntry.h"

using namespace moec;
using namespace moec::test;
using moert::CompileRequest;
using moert::Result;
using moert::StatusCode;

using CachedCompilerTest = CompilerCacheTest;

static const std::vector<CompileRequest> kRequests = {request("a"), request("b"), request("c")};

TEST_F(CachedCompilerTest, CompilesOnce) {
  std::string ptx;
  for (int run = 0; run < 3; ++run) {
    CachedCompiler compiler(cache());
    size_t steps = 0;
    auto kernels = compiler.compileAll(kRequests, 2, [&](size_t done, size_t total) {
      EXPECT_EQ(total, 3u);
      EXPECT_EQ(done, ++steps);
    });
    EXPECT_EQ(steps, 3u);
    for (size_t i = 0; i < kernels.size(); ++i) {
      ASSERT_TRUE(kernels[i]) << kernels[i].status().message();
      EXPECT_EQ(kernels[i]->compiled.name, kRequests[i].name);
      EXPECT_EQ(kernels[i]->wasCached, run > 0);
      EXPECT_TRUE(kernels[i]->compiled.findEntry(kRequests[i].name));
      EXPECT_NE(kernels[i]->compiled.log.find(": warning "), std::string::npos);
    }
    EXPECT_EQ(compiles(), 3u);
    EXPECT_EQ(compiler.counters().compiles, run == 0 ? 3u : 0u);
    EXPECT_EQ(compiler.counters().kernelHits, run == 0 ? 0u : 3u);
    EXPECT_EQ(compiler.counters().kernelMisses, run == 0 ? 3u : 0u);
    if (run > 0)
      EXPECT_EQ(compiler.loadSeconds(), 0) << "NVRTC was loaded for a hit";
    if (run == 0)
      ptx = kernels[0]->compiled.ptx;
    EXPECT_EQ(kernels[0]->compiled.ptx, ptx);
    // In one process too.
    EXPECT_TRUE(compiler.compileAll(kRequests, 1)[0]->wasCached);
    EXPECT_EQ(compiles(), 3u);
    if (run == 1)
      useNvrtc("/nowhere"); // a hit needs none
  }
}

TEST_F(CachedCompilerTest, AnotherVersionCompilesAnew) {
  CachedCompiler(cache()).compileAll(kRequests, 1);
  useNvrtc(STUB_NVRTC_12);
  EXPECT_FALSE(CachedCompiler(cache()).compileAll(kRequests, 1)[0]->wasCached);
  EXPECT_EQ(compiles(), 6u);
  useNvrtc(STUB_NVRTC_13);
  EXPECT_TRUE(CachedCompiler(cache()).compileAll(kRequests, 1)[0]->wasCached);
  EXPECT_EQ(compiles(), 6u);
}

TEST_F(CachedCompilerTest, StrictCompilesNothing) {
  CachedCompiler(cache()).compileAll(std::span(kRequests).first(1), 1);
  CachedCompiler strict(cache(), /*strict=*/true);
  auto kernels = strict.compileAll(kRequests, 1);
  EXPECT_TRUE(kernels[0]);
  ASSERT_FALSE(kernels[1]);
  EXPECT_EQ(kernels[1].status().code(), StatusCode::CacheMiss);
  EXPECT_NE(kernels[1].status().message().find("kernel 'b' is not in the cache"),
            std::string::npos);
  EXPECT_NE(kernels[1].status().message().find("differs in kernel (wanted b, stored a)"),
            std::string::npos)
      << kernels[1].status().message();
  EXPECT_EQ(compiles(), 1u);
}

TEST_F(CachedCompilerTest, WithoutACacheEverythingIsCompiled) {
  for (int run = 1; run <= 2; ++run) {
    CachedCompiler compiler;
    EXPECT_FALSE(compiler.compileAll(kRequests, 2)[2]->wasCached);
    EXPECT_EQ(compiler.counters().compiles, 3u);
    EXPECT_EQ(compiles(), 3u * run);
  }
  EXPECT_FALSE(fs::exists(scratch / "cache"));
  EXPECT_EQ(CachedCompiler(nullptr, true).compileAll(kRequests, 1)[0].status().code(),
            StatusCode::CacheMiss);
}

TEST_F(CachedCompilerTest, FailuresAreNotKept) {
  std::vector<CompileRequest> requests = {request("bad", "#error"), request("good")};
  for (int run = 1; run <= 2; ++run) {
    auto kernels = CachedCompiler(cache()).compileAll(requests, 1);
    EXPECT_EQ(kernels[0].status().code(), StatusCode::Toolchain);
    EXPECT_TRUE(kernels[1]);
    EXPECT_EQ(compiles(), 1u + run);
  }
  useNvrtc("/nowhere");
  auto kernels = CachedCompiler(cache()).compileAll(requests, 1);
  EXPECT_NE(kernels[0].status().message().find("/nowhere"), std::string::npos);
  EXPECT_TRUE(kernels[1]);
}

static CachedCompiler::Package makePackage() {
  CachedCompiler::Package result;
  moert::Manifest &manifest = result.package.manifest;
  manifest.producer = "test";
  manifest.block = "block";
  manifest.targetArch = "sm_90a";
  manifest.arguments.push_back({"x", moert::DType::BF16, {moert::Expr(8)}, false});
  manifest.arguments.push_back({"y", moert::DType::BF16, {moert::Expr(8)}, true});
  moert::Kernel kernel;
  kernel.name = kernel.entry = "k";
  kernel.threads = 128;
  manifest.kernels.push_back(kernel);
  manifest.variants.emplace_back();
  result.package.code = {{"source", "ptx",
                          std::string("\x7f"
                                      "ELF\0",
                                      5)}};
  result.package.files = {{"ir/moe.mlir", "module {}\n"}, {"include/a.cuh", ""}};
  result.warnings = {"k: one", "k: two"};
  return result;
}

TEST_F(CachedCompilerTest, Packages) {
  KeyBuilder builder(moert::EntryKind::Package);
  moert::CacheKey key = builder.add("block", "1").build("13.0.88");
  {
    CachedCompiler compiler(cache());
    EXPECT_FALSE(compiler.findPackage(key));
    compiler.keepPackage(key, makePackage());
    EXPECT_EQ(compiler.counters().packageMisses, 1u);
  }
  CachedCompiler compiler(cache());
  moert::Result<moert::Entry> entry = moert::packageToEntry(makePackage().package);
  ASSERT_TRUE(entry) << entry.status().message();
  std::optional<CachedCompiler::Package> found = compiler.findPackage(key);
  ASSERT_TRUE(found);
  CachedCompiler::Package expected = makePackage();
  EXPECT_EQ(found->warnings, expected.warnings);
  EXPECT_EQ(found->package.code[0].cubin, expected.package.code[0].cubin);
  EXPECT_EQ(found->package.code[0].ptx, "ptx");
  EXPECT_EQ(found->package.files[0].content, "module {}\n");
  ASSERT_TRUE(moert::sealPackage(expected.package).isOk());
  EXPECT_EQ(moert::writeManifest(found->package.manifest),
            moert::writeManifest(expected.package.manifest));
  EXPECT_EQ(compiler.counters().packageHits, 1u);
  EXPECT_TRUE(compiler.findPackage(builder.build(""))) << "any version serves where none is known";
  EXPECT_FALSE(compiler.findPackage(builder.build("12.9.41")));
  compiler.keepPackage(builder.build(""), makePackage()); // of no known version: not kept
  EXPECT_EQ(compiler.storage()->store()->list("p").size(), 1u);
}
