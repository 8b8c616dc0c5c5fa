#include "compiler/Engine/Splice.h"

#include <gtest/gtest.h>

using namespace moec;

namespace {

/// One variant for every T, of two kernels that ask for so much shared memory; `second` is the
/// second one's source.
Compilation compilation(const char *second, uint32_t sharedBytes) {
  Compilation result;
  result.fused = std::string("fused ") + second;
  result.kernel = std::string("kernel ") + second;
  result.wasCached = true;
  moert::Manifest &manifest = result.package.manifest;
  manifest.maxTokens = 1000;
  moert::Variant &variant = manifest.variants.emplace_back();
  for (const char *source : {"both", second}) {
    moert::Kernel &kernel = manifest.kernels.emplace_back();
    kernel.name = kernel.entry = std::string("k") + std::to_string(variant.launches.size());
    kernel.dynamicSharedBytes = sharedBytes;
    result.package.code.push_back({source, "", ""});
    moert::Launch launch;
    launch.kernel = uint32_t(variant.launches.size());
    variant.launches.push_back(launch);
  }
  result.package.files.push_back({irFile(Stage::Fused), result.fused});
  return result;
}

TEST(SpliceTest, WhatBothHaveIsThereOnceAndDoesForBoth) {
  Compilation whole = compilation("one", 100), part = compilation("other", 200);
  splice(whole, part, {16, 31});
  const moert::Manifest &manifest = whole.package.manifest;
  ASSERT_EQ(manifest.kernels.size(), 3u);
  EXPECT_EQ(manifest.kernels[0].dynamicSharedBytes, 200u) << "the largest that a launch asks for";
  EXPECT_EQ(manifest.kernels[1].dynamicSharedBytes, 100u);
  EXPECT_EQ(manifest.kernels[2].name, "k1_16_31");
  EXPECT_EQ(manifest.kernels[2].entry, "k1");
  ASSERT_EQ(manifest.variants.size(), 3u);
  const int64_t ends[][2] = {{0, 15}, {16, 31}, {32, -1}};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(manifest.variants[i].minTokens, ends[i][0]);
    EXPECT_EQ(manifest.variants[i].maxTokens, ends[i][1]);
    EXPECT_EQ(manifest.variants[i].launches[0].kernel, 0u);
    EXPECT_EQ(manifest.variants[i].launches[1].kernel, i == 1 ? 2u : 1u);
  }
  auto text = [&](Stage stage) {
    for (const moert::PackageFile &file : whole.package.files)
      if (file.path == irFile(stage, {16, 31}))
        return file.content;
    return std::string();
  };
  EXPECT_EQ(text(Stage::Fused), "fused other");
  EXPECT_EQ(text(Stage::Kernel), "kernel other");
}

TEST(SpliceTest, TheWholeAdmitsWhatEveryPartDoes) {
  Compilation whole = compilation("one", 0), part = compilation("other", 0);
  part.package.manifest.maxTokens = 900;
  part.warnings = {"k1: spills"};
  part.wasCached = false;
  splice(whole, part, {16, 31});
  EXPECT_EQ(whole.package.manifest.maxTokens, 900);
  EXPECT_EQ(whole.warnings, part.warnings);
  EXPECT_FALSE(whole.wasCached);
}

TEST(SpliceTest, ASingleTokenCountIsAnInterval) {
  Compilation whole = compilation("one", 0);
  splice(whole, compilation("other", 0), {1, 1});
  const std::vector<moert::Variant> &variants = whole.package.manifest.variants;
  ASSERT_EQ(variants.size(), 3u);
  const int64_t ends[][2] = {{0, 0}, {1, 1}, {2, -1}};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(variants[i].minTokens, ends[i][0]);
    EXPECT_EQ(variants[i].maxTokens, ends[i][1]);
  }
}

} // namespace
