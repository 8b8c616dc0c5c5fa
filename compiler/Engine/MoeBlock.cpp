//===- MoeBlock.cpp - a parsed module and the function it holds -------------===//

#include "compiler/Engine/MoeBlock.h"

#include "dialects/Moe/IR/MoeOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace moec;
using moert::Result;
using moert::Status;
using moert::StatusCode;

MoeBlock::MoeBlock() = default;
MoeBlock::MoeBlock(MoeBlock &&) = default;
MoeBlock &MoeBlock::operator=(MoeBlock &&) = default;
MoeBlock::~MoeBlock() = default;

/// The one function with a body; an error on the module where there is another number of them.
static FailureOr<func::FuncOp> findFunction(ModuleOp module) {
  func::FuncOp found;
  for (func::FuncOp function : module.getOps<func::FuncOp>()) {
    if (function.isDeclaration())
      continue;
    if (found)
      return function.emitOpError("expects one function in the module, but got another after '")
             << found.getSymName() << "'";
    found = function;
  }
  if (!found)
    return module.emitError("expects one function in the module, but got none");
  return found;
}

/// MLIR's parser calls itself for what is inside of brackets or behind a sign, as deep as a text
/// goes. A block needs a few levels.
static constexpr unsigned kMaxNesting = 256;

/// The parser holds a list as long as the number behind %name# says. Ops of a block have a few
/// results.
static constexpr unsigned kMaxResultDigits = 3;

namespace {
/// What in a text no block needs and MLIR's parser is not safe from.
struct Excess {
  const char *at;
  std::string what; ///< "expects ..."
};
} // namespace

/// Finds the first of: more than kMaxNesting brackets open, as many signs in a row, the number of a
/// result with more than kMaxResultDigits digits. Whether brackets match is the parser's business.
static std::optional<Excess> findExcess(StringRef text) {
  auto nesting = [](const char *at) {
    return Excess{
        at, ("expects brackets and signs to nest at most " + Twine(kMaxNesting) + " deep").str()};
  };
  unsigned depth = 0, signs = 0;
  for (const char *at = text.begin(), *end = text.end(); at != end; ++at) {
    StringRef rest(at, end - at);
    if (rest.starts_with("//")) {
      at += std::min(rest.find('\n'), rest.size()) - 1;
      continue;
    }
    bool isArrow = rest.starts_with("->");
    if (*at == '-' && !isArrow) {
      if (++signs > kMaxNesting)
        return nesting(at);
      continue;
    }
    if (!llvm::isSpace(*at))
      signs = 0;
    if (*at == '"') {
      // A string ends with its line, as an error.
      for (++at; at != end && *at != '"' && *at != '\n'; ++at)
        if (*at == '\\' && at + 1 != end)
          ++at;
      if (at == end)
        break;
    } else if (isArrow || rest.starts_with(">=") || rest.starts_with("<=")) {
      ++at;
    } else if (StringRef("([{<").contains(*at)) {
      if (++depth > kMaxNesting)
        return nesting(at);
    } else if (StringRef(")]}>").contains(*at) && depth > 0) {
      --depth;
    } else if (*at == '#') {
      size_t digits = rest.drop_front().take_while(llvm::isDigit).size();
      if (digits > kMaxResultDigits)
        return Excess{at, ("expects the number of a result to have at most " +
                           Twine(kMaxResultDigits) + " digits, but got " + Twine(digits))
                              .str()};
    }
  }
  return std::nullopt;
}

/// The first op that makes a tensor of dynamic shape and is none of the moe dialect: no device
/// knows how many rows it makes.
static Operation *findForeignOp(func::FuncOp function) {
  auto isDynamic = [](Type type) {
    auto tensor = dyn_cast<ShapedType>(type);
    return tensor && (!tensor.hasRank() || !tensor.hasStaticShape());
  };
  for (Operation &op : function.getBody().getOps())
    if (!isa<moe::MoeDialect>(op.getDialect()) && llvm::any_of(op.getResultTypes(), isDynamic))
      return &op;
  return nullptr;
}

/// Lets arguments without a name of their own print by their `moe.name`.
static void nameArguments(func::FuncOp function) {
  for (BlockArgument argument : function.getArguments())
    if (auto name = function.getArgAttrOfType<StringAttr>(argument.getArgNumber(),
                                                          moe::MoeDialect::kNameAttr))
      argument.setLoc(NameLoc::get(name, argument.getLoc()));
}

Result<MoeBlock> MoeBlock::parse(StringRef text, StringRef name, raw_ostream &diagnostics) {
  MoeBlock block;
  block.sources = std::make_unique<llvm::SourceMgr>();
  block.sources->AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, name), SMLoc());
  block.mlirContext = std::make_unique<MLIRContext>(MLIRContext::Threading::DISABLED);
  // The line that an error is about says enough; the whole operation in its generic form does not.
  block.mlirContext->printOpOnDiagnostic(false);
  block.mlirContext->loadDialect<arith::ArithDialect, func::FuncDialect, math::MathDialect,
                                 moe::MoeDialect>();
  block.handler = std::make_unique<SourceMgrDiagnosticHandler>(*block.sources, &*block.mlirContext,
                                                               diagnostics);
  auto invalid = [&](StringRef what) {
    return Status(StatusCode::InvalidInput, (name + ": " + what).str());
  };
  if (std::optional<Excess> excess = findExcess(block.source())) {
    auto [line, column] = block.sources->getLineAndColumn(SMLoc::getFromPointer(excess->at));
    emitError(FileLineColLoc::get(&*block.mlirContext, name, line, column)) << excess->what;
    return invalid(excess->what);
  }
  block.root = parseSourceFile<ModuleOp>(*block.sources, &*block.mlirContext);
  if (!block.root)
    return invalid("expects valid IR of the moe dialect");
  FailureOr<func::FuncOp> function = findFunction(*block.root);
  if (failed(function))
    return invalid("expects one function");
  block.entry = *function;
  if (Operation *op = findForeignOp(block.entry)) {
    std::string what = ("expects ops of the moe dialect on tensors of dynamic shape, but got '" +
                        op->getName().getStringRef() + "'")
                           .str();
    op->emitError() << "unsupported problem: " << what;
    return Status(StatusCode::Unsupported, (name + ": " + what).str());
  }
  FailureOr<std::vector<InputSpec>> inputs = inputSpecsOf(block.entry);
  FailureOr<std::vector<OutputSpec>> outputs = outputSpecsOf(block.entry);
  if (failed(inputs) || failed(outputs))
    return invalid("expects arguments and results that bind to tensors");
  block.inputSpecs = *std::move(inputs);
  block.outputSpecs = *std::move(outputs);
  nameArguments(block.entry);
  return block;
}

StringRef MoeBlock::source() const {
  return sources->getMemoryBuffer(sources->getMainFileID())->getBuffer();
}

std::string MoeBlock::printModule(ModuleOp module) {
  std::string text;
  llvm::raw_string_ostream os(text);
  module.print(os, OpPrintingFlags().printNameLocAsPrefix());
  return text;
}
