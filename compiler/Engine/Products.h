//===- Products.h - the grouped matmuls that a block becomes ----------------===//

#ifndef MOEC_COMPILER_ENGINE_PRODUCTS_H
#define MOEC_COMPILER_ENGINE_PRODUCTS_H

#include "compiler/Engine/MoeBlock.h"
#include "compiler/Pipelines/Pipelines.h"
#include "compiler/Schedule/Problem.h"
#include "runtime/Package/Manifest.h"

namespace moec {

/// The block after the fusions, as far as schedules depend on it. Its matmuls are in the order of
/// the function, by which `--schedule` numbers them. InvalidInput where the extents of the block do
/// not follow from T.
moert::Result<schedule::BlockProblem> problemOf(const MoeBlock &block, const FusionChoice &fusions,
                                                CombineMode combine);

/// The launch of grouped matmul `number` in the variant for T = `tokens`; Usage failure where the
/// variant has fewer.
moert::Result<size_t> launchOfProduct(const moert::Manifest &manifest, int64_t tokens,
                                      unsigned number);

} // namespace moec

#endif // MOEC_COMPILER_ENGINE_PRODUCTS_H
