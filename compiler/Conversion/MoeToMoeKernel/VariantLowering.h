//===- VariantLowering.h - one variant of a block -------------------------===//
//
// Turns a function of moe ops into a function of kernel ops for one interval of T. The members are
// spread over files by op family: VariantLowering.cpp (function, buffers), RoutingLowering.cpp,
// RowLowering.cpp, MatmulLowering.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_VARIANTLOWERING_H
#define MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_VARIANTLOWERING_H

#include "compiler/Conversion/MoeToMoeKernel/Passes.h"
#include "compiler/Conversion/MoeToMoeKernel/TokenExtents.h"
#include "compiler/Schedule/Override.h"
#include "compiler/Schedule/Schedule.h"
#include "dialects/MoeKernel/IR/RowWalk.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringMap.h"

#include <map>

namespace moec {

/// What holds for every variant of a block.
struct BlockContext {
  mlir::func::FuncOp block;
  const TokenExtents &extents;
  kernel::TargetAttr target;
  CombineForm combine;
  const schedule::Overrides &overrides;
};

/// The matmul's shape, as the schedule tables see it.
schedule::MatmulProblem getMatmulProblem(moe::GroupedMatmulOp op, const TokenExtents &extents,
                                         CombineForm combine);

/// The error of an op whose kernel has no room for counters of so many experts.
mlir::LogicalResult failOnExperts(mlir::Operation *op, int64_t experts);

class VariantLowering {
public:
  VariantLowering(const BlockContext &context, const schedule::Bucket &bucket)
      : block(context), bucket(bucket), builder(block.block.getContext()) {}

  /// Appends the variant to the module behind the block. Errors are on the op at fault.
  mlir::LogicalResult run();

private:
  // Function and values.
  mlir::LogicalResult createFunction();
  mlir::LogicalResult chooseSchedules();
  mlir::LogicalResult lower(mlir::Operation *op);
  /// The memref type of a tensor; token extents become dynamic.
  mlir::MemRefType getMemRefType(mlir::Value tensor) const;
  /// Where the result `tensor` is written: an output, or a new buffer called `name`.
  mlir::Value getDestination(mlir::Value tensor, llvm::StringRef name);
  /// A new buffer; `extent` may be null for a static type.
  mlir::Value createBuffer(llvm::StringRef name, mlir::MemRefType type, mlir::AffineMap extent);
  mlir::Value createIndexBuffer(llvm::StringRef name, mlir::AffineMap extent);
  mlir::Value get(mlir::Value tensor) const { return memrefs.lookup(tensor); }
  /// Appends a kernel op, marked to overlap its predecessor where there is one and the target can.
  template <class OpT, class... ArgsT>
  OpT createKernel(ArgsT &&...args) {
    auto op = OpT::create(builder, loc, std::forward<ArgsT>(args)...);
    op.setDependent(hasPredecessor && schedule::usesDependentLaunch(block.target));
    hasPredecessor = true;
    return op;
  }
  kernel::LaunchAttr getLaunch(schedule::RowKernel kernel) {
    return schedule::getLaunch(builder.getContext(), kernel);
  }

  /// Tile maps of one offsets tensor, and the counters of the matmuls that draw their tiles and of
  /// those that report what they stored.
  struct Maps {
    llvm::SmallVector<mlir::Value> tiles, tickets, progress;
    llvm::SmallVector<mlir::Attribute> shapes;
    int64_t countArrays() const { return kernel::countMapArrays(shapes); }
  };

  // Routing and sorting.
  mlir::LogicalResult lowerRoute(moe::RouteOp op);
  mlir::LogicalResult lowerPermute(moe::PermuteOp op);
  /// The permute of the experts that `op` chooses, with which it may share work; null if there is
  /// none.
  moe::PermuteOp getSortOf(moe::RouteOp op);
  /// Buffers of the sorted order of `op`, and its tile maps.
  struct Sorted {
    mlir::Value offsets, routes, positions;
    Maps maps;
  };
  Sorted createSorted(moe::PermuteOp op);
  void lowerGather(moe::PermuteOp op);

  // Tile maps and positions.
  /// Buffers of the maps that matmuls over `offsets` (a tensor) need, `rows` rows in all.
  Maps createMaps(mlir::Value offsets, mlir::AffineMap rows);
  /// Maps made by a kernel of their own.
  mlir::LogicalResult createTileMaps(mlir::Value offsets, mlir::AffineMap rows);
  mlir::FailureOr<mlir::Value> getTiles(mlir::Value offsets, kernel::TileShapeAttr shape,
                                        mlir::AffineMap rows);
  mlir::Value getPositions(mlir::Value routes);

  // Rows.
  mlir::LogicalResult lowerPad(moe::PadOp op);
  mlir::LogicalResult lowerUnpad(moe::UnpadOp op);
  mlir::LogicalResult lowerActivation(moe::ActivationOp op);
  mlir::LogicalResult lowerCombine(moe::CombineOp op);
  void createCombine(mlir::Value rows, mlir::Value index, mlir::Value weights, mlir::Value output,
                     int64_t topK);
  /// Lets combines discard rows that nothing reads later, for token counts whose rows L2 holds.
  void discardRows();
  /// Makes `region`, a copy of a moe region, end in moe_kernel.yield.
  void replaceYield(mlir::Region &region);

  // Matmuls.
  /// The matmul before, of the same kind of form and with nothing between the two, beside which
  /// `op` may start; null where it waits for all of it.
  moe::GroupedMatmulOp getEarlyStart(moe::GroupedMatmulOp op) const;
  /// The same where `op` may read rows that the matmul before reports: in the wgmma forms.
  moe::GroupedMatmulOp getReporter(moe::GroupedMatmulOp op) const;
  /// The logits from which blocks of `op` choose their expert by themselves, where there is one
  /// token and what routes and sorts it runs right before; else null.
  mlir::Value getEarlyLogits(kernel::GroupedMatmulOp op) const;
  /// Whether rows of no group, which `op` does not write, must be zero in what it stores for
  /// `result`.
  bool needsFill(moe::GroupedMatmulOp op, mlir::Value result) const;
  mlir::LogicalResult lowerMatmul(moe::GroupedMatmulOp op);
  void createFill(mlir::Value buffer, int32_t bits);

  BlockContext block;
  const schedule::Bucket &bucket;
  mlir::OpBuilder builder;
  mlir::Location loc = builder.getUnknownLoc();
  bool hasPredecessor = false;
  bool nondeterministic = false;
  mlir::func::FuncOp function;
  llvm::DenseMap<mlir::Value, mlir::Value> memrefs;   ///< tensor to input, output or buffer
  llvm::DenseMap<mlir::Value, mlir::Value> outputs;   ///< returned tensor to its argument
  llvm::DenseMap<mlir::Value, mlir::Value> positions; ///< routes (tensor) to positions
  llvm::DenseMap<mlir::Value, mlir::Value> tokenSets; ///< experts (tensor) to who chose them
  llvm::DenseMap<mlir::Operation *, kernel::ScheduleAttr> schedules;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Operation *>> readers;     ///< of offsets
  llvm::DenseMap<std::pair<mlir::Value, mlir::Attribute>, mlir::Value> tileMaps; ///< by shape
  llvm::DenseMap<mlir::Operation *, mlir::Value> tickets;  ///< of matmuls that draw tiles
  llvm::DenseMap<mlir::Operation *, mlir::Value> progress; ///< of matmuls that report it
  llvm::DenseSet<mlir::Operation *> sortedByRoute;         ///< permutes whose route sorts too
  llvm::StringMap<unsigned> bufferNames;
};

} // namespace moec

#endif // MOEC_COMPILER_CONVERSION_MOETOMOEKERNEL_VARIANTLOWERING_H
