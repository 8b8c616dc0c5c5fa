#include "compiler/Engine/VariantKey.h"

#include "compiler/Cache/BuildId.h"

#include <gtest/gtest.h>

using namespace moec;

namespace {

std::string textOf(const CompilerOptions &options, llvm::StringRef block = "block",
                   llvm::StringRef nvrtc = "13.0.88") {
  return variantKey(block, options, nvrtc).text;
}

// Whoever finds a package by a key that lacks one of these runs the code of something else.
TEST(VariantKeyTest, EverythingThatDecidesCodeDecidesTheKey) {
  const std::string key = textOf({});
  EXPECT_EQ(textOf({}), key);
  EXPECT_NE(textOf({}, "another block"), key);
  EXPECT_NE(textOf({}, "block", "12.9.41"), key);
  CompilerOptions target, combine, tokens, schedule, fusions;
  target.kernel.target = "sm_80";
  EXPECT_NE(textOf(target), key);
  combine.kernel.combine = CombineMode::Accumulate;
  EXPECT_NE(textOf(combine), key);
  tokens.kernel.tokens = {64};
  EXPECT_NE(textOf(tokens), key);
  schedule.kernel.schedule = "*: mma";
  EXPECT_NE(textOf(schedule), key);
  fusions.fusions.permute = false;
  EXPECT_NE(textOf(fusions), key);
  EXPECT_NE(key.find(buildId()), std::string::npos) << key;
  EXPECT_NE(key.find("format: " + std::to_string(moert::kPackageFormatVersion) + "\n"),
            std::string::npos)
      << key;
}

TEST(VariantKeyTest, TokenCountsAreASet) {
  CompilerOptions one, same;
  one.kernel.tokens = {1, 64, 4096};
  same.kernel.tokens = {4096, 1, 64, 64, 1};
  EXPECT_EQ(textOf(one), textOf(same));
  same.kernel.tokens = {4096, 1};
  EXPECT_NE(textOf(one), textOf(same));
}

} // namespace
