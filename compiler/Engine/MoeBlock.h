//===- MoeBlock.h - a parsed module and the function it holds ---------------===//

#ifndef MOEC_COMPILER_ENGINE_MOEBLOCK_H
#define MOEC_COMPILER_ENGINE_MOEBLOCK_H

#include "compiler/Inputs/FunctionInputs.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringRef.h"

#include <memory>
#include <string>
#include <vector>

namespace mlir {
class SourceMgrDiagnosticHandler;
} // namespace mlir
namespace llvm {
class SourceMgr;
class raw_ostream;
} // namespace llvm

namespace moec {

/// A module of the moe dialect with exactly one function, the block. Diagnostics about it, also
/// those of later stages, go to the stream it was parsed with, with the line they are about.
/// Movable; one thread at a time.
class MoeBlock {
public:
  /// Parses and verifies `text`; `name` stands for it in messages. InvalidInput where the text is
  /// no valid module, nests brackets deeper than 256 levels, numbers a result with more than 3
  /// digits, or does not hold exactly one function with a body, or where an argument or result
  /// cannot be bound to a tensor; Unsupported where another dialect's op makes a tensor of dynamic
  /// shape. `diagnostics` then says where.
  static moert::Result<MoeBlock> parse(llvm::StringRef text, llvm::StringRef name,
                                    llvm::raw_ostream &diagnostics);

  MoeBlock(MoeBlock &&);
  MoeBlock &operator=(MoeBlock &&);
  ~MoeBlock();

  mlir::MLIRContext &context() const { return *mlirContext; }
  mlir::ModuleOp module() const { return *root; }
  mlir::func::FuncOp function() const { return entry; }
  /// The arguments and the results of the function, in its order.
  const std::vector<InputSpec> &inputs() const { return inputSpecs; }
  const std::vector<OutputSpec> &outputs() const { return outputSpecs; }
  /// The module as text, arguments called by their `moe.name`.
  std::string print() const { return printModule(*root); }
  static std::string printModule(mlir::ModuleOp module);
  /// The text that it was parsed from, to the byte.
  llvm::StringRef source() const;

private:
  MoeBlock();
  // The order is that of construction: the module goes before the context.
  std::unique_ptr<llvm::SourceMgr> sources;
  std::unique_ptr<mlir::MLIRContext> mlirContext;
  std::unique_ptr<mlir::SourceMgrDiagnosticHandler> handler;
  mlir::OwningOpRef<mlir::ModuleOp> root;
  mlir::func::FuncOp entry;
  std::vector<InputSpec> inputSpecs;
  std::vector<OutputSpec> outputSpecs;
};

} // namespace moec

#endif // MOEC_COMPILER_ENGINE_MOEBLOCK_H
