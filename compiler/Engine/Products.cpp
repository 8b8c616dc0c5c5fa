//===- Products.cpp - the grouped matmuls that a block becomes --------------===//

#include "compiler/Engine/Products.h"

#include "compiler/Conversion/MoeToMoeKernel/VariantLowering.h"
#include "compiler/Engine/CpuRunner.h"

#include <fmt/format.h>

using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

Result<schedule::BlockProblem> problemOf(const MoeBlock &block, const FusionChoice &fusions,
                                         CombineMode combine) {
  MOERT_ASSIGN_OR_RETURN(mlir::OwningOpRef<mlir::ModuleOp> fused, fuse(block, fusions));
  auto function = fused->lookupSymbol<mlir::func::FuncOp>(block.function().getSymNameAttr());
  TokenExtents extents;
  if (failed(extents.analyze(function)))
    return Status(StatusCode::InvalidInput,
                  "expects a block whose extents are whole multiples of the token count");
  schedule::BlockProblem problem;
  CombineForm form =
      combine == CombineMode::Accumulate ? CombineForm::Accumulate : CombineForm::Ordered;
  function.walk([&](moe::PermuteOp permute) {
    problem.routes |= permute.getExperts().getDefiningOp<moe::RouteOp>() != nullptr;
  });
  function.walk([&](moe::GroupedMatmulOp op) {
    problem.matmuls.push_back(getMatmulProblem(op, extents, form));
  });
  if (!problem.matmuls.empty()) {
    problem.experts = problem.matmuls.front().experts;
    problem.rowsPerToken = problem.matmuls.front().rowsPerToken;
  }
  return problem;
}

Result<size_t> launchOfProduct(const moert::Manifest &manifest, int64_t tokens, unsigned number) {
  const moert::Variant &variant = manifest.variants[moert::variantFor(manifest, tokens)];
  unsigned found = 0;
  for (size_t i = 0; i < variant.launches.size(); ++i)
    if (manifest.kernels[variant.launches[i].kernel].name.starts_with("moe_grouped_matmul_") &&
        found++ == number)
      return i;
  return Status(StatusCode::Usage,
                fmt::format("expects the number of a product below {}, but got {}", found, number));
}

} // namespace moec
