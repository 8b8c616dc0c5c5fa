//===- Axes.cpp - what a schedule may vary in -------------------------------===//

#include "compiler/Search/Axes.h"

using llvm::StringLiteral;

namespace moec::search {

using Values = llvm::ArrayRef<StringLiteral>;

// clang-format off
static constexpr StringLiteral kSmallRows[]   = {"16", "32", "64", "128"};
static constexpr StringLiteral kStripRows[]   = {"64", "128", "256"};
static constexpr StringLiteral kTokenRows[]   = {"32", "48", "64", "96", "128", "144", "160", "176", "192", "256"};
static constexpr StringLiteral kMmaColumns[]  = {"32", "64", "128"};
static constexpr StringLiteral kColumns[]     = {"64", "128", "192", "256"};
static constexpr StringLiteral kMmaDepths[]   = {"32", "64", "128"};
static constexpr StringLiteral kHopperDepth[] = {"64"};
static constexpr StringLiteral kWarps[]       = {"1", "2", "4"};
static constexpr StringLiteral kBlocks[]      = {"1", "2", "4"};
static constexpr StringLiteral kNoYes[]       = {"false", "true"};
static constexpr StringLiteral kYesNo[]       = {"true", "false"};
static constexpr StringLiteral kSteps[]       = {"16", "32"};
static constexpr StringLiteral kMmaStages[]   = {"4", "3", "5", "6", "2"};
static constexpr StringLiteral kStages[]      = {"8", "7", "6", "5", "4", "3", "2"};
static constexpr StringLiteral kClusters[]    = {"1", "2"};
static constexpr StringLiteral kGroups[]      = {"8", "4", "16", "1", "32"};
static constexpr StringLiteral kMmaPolicies[] = {"normal", "evict_first"};
static constexpr StringLiteral kPolicies[]    = {"evict_last", "normal", "evict_first"};

static constexpr Values kNone;
static constexpr Axis kAxes[] = {
    // parameter        kind                  mma           wgmma         wgmma_swapped
    {"block_m",         AxisKind::Shape,      kSmallRows,   kStripRows,   kTokenRows},
    {"block_n",         AxisKind::Shape,      kMmaColumns,  kColumns,     kColumns},
    {"block_k",         AxisKind::Shape,      kMmaDepths,   kHopperDepth, kHopperDepth},
    {"cooperative",     AxisKind::Shape,      kNone,        kNoYes,       kNoYes},
    {"warps_m",         AxisKind::Shape,      kWarps,       kNone,        kNone},
    {"warps_n",         AxisKind::Shape,      kWarps,       kNone,        kNone},
    {"min_blocks",      AxisKind::Shape,      kBlocks,      kNone,        kNone},
    {"dynamic",         AxisKind::Refinement, kNone,        kYesNo,       kYesNo},
    {"both_ends",       AxisKind::Refinement, kNone,        kNoYes,       kNoYes},
    {"token_step",      AxisKind::Refinement, kNone,        kNone,        kSteps},
    {"cluster",         AxisKind::Refinement, kNone,        kClusters,    kClusters},
    {"weights",         AxisKind::Refinement, kMmaPolicies, kPolicies,    kPolicies},
    {"raster_group",    AxisKind::Refinement, kGroups,      kGroups,      kGroups},
    {"early_start",     AxisKind::Refinement, kYesNo,       kYesNo,       kYesNo},
    {"early_release",   AxisKind::Refinement, kNoYes,       kNone,        kNone},
    {"stages",          AxisKind::Depth,      kMmaStages,   kStages,      kStages},
};
// clang-format on

Values Axis::values(kernel::MatmulForm form) const {
  switch (form) {
  case kernel::MatmulForm::Mma:
    return mma;
  case kernel::MatmulForm::Wgmma:
    return wgmma;
  case kernel::MatmulForm::WgmmaSwapped:
    return swapped;
  }
  return kNone;
}

llvm::ArrayRef<Axis> axes() { return kAxes; }

} // namespace moec::search
