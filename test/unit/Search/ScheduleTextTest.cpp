#include "Tasks.h"

#include "compiler/Schedule/Override.h"

using namespace moec;
using namespace moec::search;

namespace {

class ScheduleTextTest : public test::SearchTest {};

TEST_F(ScheduleTextTest, ReadsBackWhatTheAttributePrints) {
  Task gate = task(gateUp(), 256);
  for (llvm::StringRef text :
       {"mma, block_m = 16, block_n = 32, block_k = 128, stages = 4, warps_n = 2, min_blocks = 4",
        "wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 5, weights = evict_last",
        "wgmma_swapped, block_m = 192, block_n = 256, block_k = 64, stages = 4, token_step = 16, "
        "cooperative = true"}) {
    kernel::ScheduleAttr attribute = schedule(text, gate);
    EXPECT_EQ(toText(attribute), text);
    EXPECT_EQ(schedule(toText(attribute), gate), attribute);
  }
}

TEST_F(ScheduleTextTest, IsWhatTheScheduleOptionTakes) {
  Task gate = task(gateUp(), 256);
  kernel::ScheduleAttr attribute =
      schedule("wgmma, block_m = 64, block_n = 256, block_k = 64, stages = 5", gate);
  auto error = [&] { return mlir::emitError(mlir::UnknownLoc::get(&context)); };
  auto overrides = moec::schedule::parseOverrides(
      &context, "0: " + toText(attribute) + "; 1: " + toText(attribute), error);
  ASSERT_TRUE(mlir::succeeded(overrides));
  EXPECT_EQ(overrides->find(0), attribute);
  EXPECT_EQ(overrides->find(1), attribute);
}

TEST_F(ScheduleTextTest, SetsAndAddsParameters) {
  ScheduleText text = ScheduleText::parse(" mma , block_m=64,stages = 3");
  EXPECT_EQ(text.get("block_m"), "64");
  EXPECT_EQ(text.get("form"), "mma");
  EXPECT_EQ(text.get("raster_group"), "");
  text.set("stages", "4").set("raster_group", "1").set("form", "wgmma");
  EXPECT_EQ(text.str(), "wgmma, block_m = 64, stages = 4, raster_group = 1");
  EXPECT_EQ(ScheduleText::parse("").str(), "");
}

/// The reason why a text is no legal schedule.
static std::string reason(llvm::StringRef text, const Task &task) {
  return legalSchedule(ScheduleText::parse(text), task.setting).status().message();
}

TEST_F(ScheduleTextTest, SaysWhyAScheduleIsIllegal) {
  Task gate = task(gateUp(), 256);
  EXPECT_EQ(reason("wgmma, block_m = 128, block_n = 192, block_k = 64, stages = 6", gate),
            "expects at most 232448 bytes of shared memory a block on sm_90a, but needs 247488");
  EXPECT_EQ(reason("wgmma, block_m = 128, block_n = 192, block_k = 32, stages = 4", gate),
            "expects block_k of 64 for a wgmma form, but got 32");
  EXPECT_EQ(reason("wgmma_swapped, block_m = 64, block_n = 64, block_k = 64, stages = 4", gate),
            "expects block_n to be a multiple of 128 for swapped gate and up, but got 64");
  EXPECT_EQ(reason("wgmma, block_m = 64, block_n = 64, block_k = 64, stages = 4",
                   task(gateUp(), 256, "sm_80")),
            "expects sm_90a for a wgmma form, but the target is sm_80");
  EXPECT_NE(reason("wgmma, block_m = 64, colour = 3", gate), "");
  EXPECT_NE(reason("wmma, block_m = 64", gate), "");
  EXPECT_NE(reason("", gate), "");
}

} // namespace
