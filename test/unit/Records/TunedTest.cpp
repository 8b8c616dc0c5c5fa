#include "RecordFixture.h"

#include "compiler/Engine/Subject.h"
#include "compiler/Engine/Tuned.h"

#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

#include <fstream>

using namespace moec;
using namespace moec::test;

namespace {

class TunedTest : public testing::Test {
protected:
  void SetUp() override {
    auto loaded = loadIr(MOEC_EXAMPLES "/qwen3-30b-a3b.mlir", llvm::errs());
    ASSERT_TRUE(loaded.isOk()) << loaded.status().message();
    subject = *std::move(loaded);
    who.device = "Card";
    who.multiprocessors = 132;
  }
  Record record(int64_t tokens) {
    Record record = sampleRecord(tokens);
    record.key = *recordKey(*subject.block, "any", CombineMode::Ordered, who, "sm_90a");
    return record;
  }
  TunedChoice choose(std::vector<Record> records, std::vector<int64_t> tokens = {}) {
    CompilerOptions options;
    options.kernel.tokens = std::move(tokens);
    return chooseTuned(*subject.block, options, Records(std::nullopt, std::move(records)), who);
  }
  static bool says(const TunedChoice &choice, llvm::StringRef part) {
    return llvm::any_of(choice.origins, [&](const std::string &origin) {
      return llvm::StringRef(origin).contains(part);
    });
  }

  Subject subject;
  TunedFor who;
};

TEST_F(TunedTest, WithoutARecordTheHeuristicIsUsedAndSaid) {
  TunedChoice choice = choose({}, {64});
  EXPECT_EQ(choice.schedule, "");
  ASSERT_EQ(choice.origins.size(), 1u);
  EXPECT_EQ(choice.origins[0], "T=64: the heuristic's choice, as there is no record of Card");
}

TEST_F(TunedTest, ARecordServesTheCountsAroundItsOwn) {
  std::string schedule = std::string("0@768-1535: ") + kTile160 + "; 1@768-1535: " + kTile160;
  EXPECT_EQ(choose({record(1024)}).schedule, schedule);
  EXPECT_EQ(choose({record(1024)}, {800}).schedule, schedule);
  TunedChoice other = choose({record(1024)}, {700});
  EXPECT_EQ(other.schedule, "");
  EXPECT_TRUE(says(other, "T=700: the heuristic's choice"));
  TunedChoice both = choose({record(1024)}, {700, 1024});
  EXPECT_EQ(both.schedule, schedule);
  EXPECT_TRUE(says(both, "T=768-1535: shipped record of Card at T=1024: 0.950 of"));
  EXPECT_TRUE(says(both, "T=700: the heuristic's choice"));
}

TEST_F(TunedTest, NeighboursWithTheSameSchedulesAreOneVariant) {
  std::string schedule = std::string("0@768-3071: ") + kTile160 + "; 1@768-3071: " + kTile160;
  EXPECT_EQ(choose({record(1024), record(2048)}).schedule, schedule);
}

TEST_F(TunedTest, OnlyNeighboursAreOneVariant) {
  auto pieces = [](const char *first, const char *second, const std::string &other) {
    return fmt::format("0@{0}: {2}; 1@{0}: {2}; 0@{1}: {3}; 1@{1}: {3}", first, second, kTile160,
                       other);
  };
  EXPECT_EQ(choose({record(1024), record(4096)}).schedule,
            pieces("768-1535", "3072-6143", kTile160));
  Record other = record(2048);
  std::string tile = "wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 5";
  other.schedules = {tile, tile};
  EXPECT_EQ(choose({record(1024), other}).schedule, pieces("768-1535", "1536-3071", tile));
}

TEST_F(TunedTest, WhatARecordIsLookedUpBy) {
  moert::cuda::DeviceProperties device;
  device.name = "Card";
  device.smCount = 114;
  device.driverVersion = 13010;
  TunedFor now = tunedFor(device);
  EXPECT_EQ(now.device, "Card");
  EXPECT_EQ(now.multiprocessors, 114);
  EXPECT_EQ(now.driver, "13.1");
  now.routing = "zipf:1";
  RecordKey key = *recordKey(*subject.block, "all", CombineMode::Accumulate, now, "sm_90a");
  EXPECT_EQ(key.routing, "zipf:1");
  EXPECT_EQ(key.fuse, "all");
  EXPECT_EQ(key.combine, CombineMode::Accumulate);
  EXPECT_EQ(key.target, "sm_90a");
  EXPECT_TRUE(llvm::StringRef(key.problem).starts_with("bf16: ")) << key.problem;
  std::string text = subject.block->source().str(), path = testing::TempDir() + "/moec-f16.mlir";
  for (size_t at; (at = text.find("bf16")) != std::string::npos;)
    text.erase(at, 1);
  std::ofstream(path) << text;
  auto half = loadIr(path, llvm::errs());
  ASSERT_TRUE(half.isOk()) << half.status().message();
  key = *recordKey(*half->block, "all", CombineMode::Accumulate, now, "sm_90a");
  EXPECT_TRUE(llvm::StringRef(key.problem).starts_with("f16: ")) << key.problem;
}

TEST_F(TunedTest, ThatTheDefaultIsTheFastestIsARecordToo) {
  Record best = record(1024);
  best.schedules.clear();
  TunedChoice choice = choose({best}, {1024});
  EXPECT_EQ(choice.schedule, "");
  ASSERT_EQ(choice.origins.size(), 1u);
  EXPECT_TRUE(says(choice, "the default is the fastest"));
  EXPECT_FALSE(says(choice, "not used"));
}

TEST_F(TunedTest, WhatNoLongerFitsIsLeftOutAndSaid) {
  Record illegal = record(1024);
  illegal.schedules[1] = "wgmma, block_m = 100, block_n = 256, block_k = 64, stages = 4";
  TunedChoice choice = choose({illegal}, {1024});
  EXPECT_EQ(choice.schedule, "");
  EXPECT_TRUE(says(choice, "not used: expects block_m")) << choice.origins.front();
  Record fewer = record(1024);
  fewer.schedules.pop_back();
  EXPECT_TRUE(says(choose({fewer}, {1024}), "it has 1 schedules"));
}

TEST_F(TunedTest, EachProductHasToAdmitItsSchedule) {
  CompilerOptions options;
  options.kernel.tokens = {1024};
  options.kernel.combine = CombineMode::Accumulate;
  Record wide = record(1024); // too many accumulators for the second product's f32 sums
  wide.key.combine = CombineMode::Accumulate;
  wide.key.problem = recordKey(*subject.block, "any", wide.key.combine, who, "sm_90a")->problem;
  wide.schedules[0] = wide.schedules[1] =
      "wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 5";
  TunedChoice choice = chooseTuned(*subject.block, options, Records(std::nullopt, {wide}), who);
  EXPECT_EQ(choice.schedule, "");
  EXPECT_TRUE(says(choice, "not used: expects at most 128 accumulators")) << choice.origins[0];
}

TEST_F(TunedTest, RecordsOfDifferentFusionsChangeNoneOfTheWholeBlock) {
  Record separate = record(64);
  separate.fusions.permute = false;
  TunedChoice choice = choose({separate, record(1024)}, {64, 1024});
  EXPECT_EQ(choice.fusions, FusionChoice());
  ASSERT_EQ(choice.own.size(), 1u);
  EXPECT_EQ(choice.own[0].tokens, 64);
}

TEST_F(TunedTest, FusionsFollowWhereEveryCountAgreesAndTheyAreFree) {
  Record separate = record(1024);
  separate.fusions.permute = false;
  TunedChoice choice = choose({separate}, {1024});
  EXPECT_FALSE(choice.fusions.permute);
  EXPECT_NE(choice.schedule, "");
  EXPECT_EQ(choose({separate}, {1024, 64}).schedule, "");
  choice = choose({separate});
  EXPECT_EQ(choice.schedule, "");
  ASSERT_EQ(choice.own.size(), 1u);
  EXPECT_EQ(choice.own[0].tokens, 1024);
  EXPECT_EQ(choice.own[0].interval, intervalOf(1024));
  EXPECT_FALSE(choice.own[0].fusions.permute);
  EXPECT_EQ(choice.own[0].schedule, choose({separate}, {1024}).schedule);
  EXPECT_TRUE(says(choice, ", with --fuse gate-up,padding,activation,combine"));
  EXPECT_TRUE(choose({separate}, {1024}).own.empty()) << "the whole block has its fusions";
  who.areFusionsGiven = true;
  choice = choose({separate}, {1024});
  EXPECT_TRUE(choice.fusions.permute);
  EXPECT_EQ(choice.schedule, "");
  EXPECT_TRUE(choice.own.empty());
}

TEST_F(TunedTest, WhatNoLongerFitsChangesNoFusions) {
  Record illegal = record(1024);
  illegal.fusions.permute = false;
  illegal.schedules[1] = "wgmma, block_m = 100, block_n = 256, block_k = 64, stages = 4";
  TunedChoice choice = choose({illegal}, {1024});
  EXPECT_TRUE(choice.fusions.permute);
  EXPECT_TRUE(choice.own.empty());
  EXPECT_TRUE(says(choice, "not used: expects block_m")) << choice.origins.front();
}

TEST_F(TunedTest, OfAnIntervalTheRecordOfTheSameRestrictionsIsTaken) {
  Record free = record(1400), restricted = record(800);
  restricted.key.fuse = "all";
  restricted.microseconds = 80;
  free.schedules[0] = "wgmma_swapped, block_m = 96, block_n = 256, block_k = 64, stages = 5, "
                      "token_step = 16, cooperative = true, dynamic = true";
  who.areFusionsGiven = true;
  TunedChoice choice = choose({free, restricted}, {1024});
  EXPECT_EQ(choice.schedule,
            std::string("0@768-1535: ") + kTile160 + "; 1@768-1535: " + kTile160);
  ASSERT_EQ(choice.origins.size(), 1u);
  EXPECT_TRUE(says(choice, "at T=800: 0.800 of"));
}

TEST_F(TunedTest, WhereGateAndUpOfTransposedWeightsLieIsPartOfTheKey) {
  auto problem = [&](const std::string &layout) {
    std::string path = testing::TempDir() + "/moec-apart.mlir";
    std::ofstream(path) << R"(func.func @b(%rows: tensor<?x64xbf16>, %offsets: tensor<9xi32>,
    %w: tensor<8x64x64xbf16>) -> tensor<?x32xbf16> {
  %o = moe.grouped_matmul %rows, %offsets, %w transposed layout<)" << layout << R"(, gate_first>
      epilogue {
    ^bb0(%g: f32, %u: f32):
      %p = arith.mulf %g, %u : f32
      moe.yield %p : f32
    } : (tensor<?x64xbf16>, tensor<9xi32>, tensor<8x64x64xbf16>) -> tensor<?x32xbf16>
  return %o : tensor<?x32xbf16>
})";
    auto block = loadIr(path, llvm::errs());
    EXPECT_TRUE(block.isOk()) << block.status().message();
    return block ? recordKey(*block->block, "any", CombineMode::Ordered, who, "sm_90a")->problem : "";
  };
  std::string halves = problem("halves"), interleaved = problem("interleaved");
  EXPECT_NE(halves.find(" apart"), std::string::npos) << halves;
  EXPECT_EQ(interleaved.find(" apart"), std::string::npos) << interleaved;
}

TEST_F(TunedTest, OwnLoweringsBecomeVariants) {
  // Two neighbours that are fused in their own ways, in a package for all token counts.
  CompilerOptions options;
  options.stopAfter = Stage::Cuda;
  auto plain = compile(*subject.block, options);
  ASSERT_TRUE(plain.isOk()) << plain.status().message();
  for (int64_t tokens : {64, 128}) {
    OwnLowering &own = options.own.emplace_back();
    own.interval = intervalOf(tokens);
    own.tokens = tokens;
    own.fusions.permute = false;
    own.fusions.activation = tokens == 64;
  }
  auto spliced = compile(*subject.block, options);
  ASSERT_TRUE(spliced.isOk()) << spliced.status().message();
  const moert::Manifest &manifest = spliced->package.manifest;
  EXPECT_TRUE(moert::validate(manifest).isOk()) << moert::validate(manifest).message();
  ASSERT_EQ(spliced->package.code.size(), manifest.kernels.size());
  ASSERT_EQ(spliced->own.size(), 2u);
  EXPECT_NE(spliced->own[0].fused, spliced->own[1].fused);
  // What a token count is served by: its own lowering, or what served it before.
  auto launched = [](const Compilation &compilation, int64_t tokens) {
    std::vector<std::string> sources;
    const moert::Manifest &manifest = compilation.package.manifest;
    for (const moert::Launch &launch :
         manifest.variants[moert::variantFor(manifest, tokens)].launches)
      sources.push_back(compilation.package.code[launch.kernel].source);
    return sources;
  };
  for (const OwnLowering &own : options.own) {
    CompilerOptions alone = eachLowering(options)[1 + (own.tokens == 128)];
    EXPECT_EQ(alone.kernel.tokens, std::vector<int64_t>{own.tokens});
    auto one = compile(*subject.block, alone);
    ASSERT_TRUE(one.isOk());
    for (int64_t tokens : {own.interval.first, own.tokens, own.interval.last})
      EXPECT_EQ(launched(*spliced, tokens), launched(*one, tokens)) << tokens;
  }
  for (int64_t tokens : {1, 47, 192, 1024, 100000})
    EXPECT_EQ(launched(*spliced, tokens), launched(*plain, tokens)) << tokens;
  // What an own lowering serves is not compiled for the rest, unless nothing else is.
  options.kernel.tokens = {64, 1024};
  EXPECT_EQ(eachLowering(options).front().kernel.tokens, std::vector<int64_t>{1024});
  options.kernel.tokens = {64, 100};
  EXPECT_EQ(eachLowering(options).front().kernel.tokens, (std::vector<int64_t>{64, 100}));
  // Files are told apart by their names, and equal kernels are there once.
  std::set<std::string> names, sources;
  for (size_t i = 0; i < manifest.kernels.size(); ++i) {
    EXPECT_TRUE(names.insert(manifest.kernels[i].name).second) << manifest.kernels[i].name;
    EXPECT_TRUE(sources.insert(spliced->package.code[i].source).second) << manifest.kernels[i].name;
  }
}

TEST_F(TunedTest, AnotherDriverIsTold) {
  who.driver = "12.8";
  EXPECT_TRUE(says(choose({record(1024)}, {1024}), "measured with driver 13.0, this is 12.8"));
  Record silent = record(1024);
  silent.environment.driver = "";
  EXPECT_FALSE(says(choose({silent}, {1024}), "measured with driver"));
  who.driver = "";
  EXPECT_FALSE(says(choose({record(1024)}, {1024}), "measured with driver"));
  silent.environment.moec = "0.0.1";
  EXPECT_TRUE(says(choose({silent}, {1024}), "measured with moec 0.0.1"));
}

TEST_F(TunedTest, WhatHasNoRecordIsNamed) {
  EXPECT_TRUE(says(choose({}), "all T: the heuristic's choice, as there is no record of Card"));
  EXPECT_TRUE(says(choose({record(1024)}), "other T: the heuristic's choice"));
  who.device = "";
  EXPECT_TRUE(says(choose({}), "no record of the device, which is not known"));
}

TEST_F(TunedTest, ShippedRecordsFitTheirExamples) {
  for (const Record &record : shippedRecords()) {
    bool fits = false;
    for (const char *model : {"deepseek-v3-experts", "gpt-oss-120b-experts", "mixtral-8x7b",
                              "neopp-moe", "olmoe", "qwen3-235b-a22b", "qwen3-30b-a3b"}) {
      auto example = loadIr(std::string(MOEC_EXAMPLES "/") + model + ".mlir", llvm::errs());
      ASSERT_TRUE(example.isOk());
      who.device = record.key.device;
      who.multiprocessors = record.key.multiprocessors;
      who.routing = record.key.routing;
      CompilerOptions options;
      options.kernel.target = record.key.target;
      options.kernel.combine = record.key.combine;
      options.kernel.tokens = {record.tokens};
      TunedChoice choice =
          chooseTuned(*example->block, options, Records(std::nullopt, {record}), who);
      fits |= !choice.schedule.empty();
      EXPECT_FALSE(says(choice, "not used")) << choice.origins.front();
    }
    EXPECT_TRUE(fits) << record.key.text();
  }
}

} // namespace
