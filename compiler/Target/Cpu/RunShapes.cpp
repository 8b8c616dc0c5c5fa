//===- RunShapes.cpp - shapes and memory of one run -----------------------===//

#include "compiler/Target/Cpu/RunShapes.h"

#include "dialects/Moe/IR/MoeOps.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/CheckedArithmetic.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

using namespace mlir;
using namespace moec;
using namespace moec::cpu;
using moert::Status;
using moert::StatusCode;

static std::string describe(ArrayRef<int64_t> shape) {
  std::string text = "[";
  for (auto [i, size] : llvm::enumerate(shape))
    text += (i ? ", " : "") + (ShapedType::isDynamic(size) ? "?" : std::to_string(size));
  return text + "]";
}

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

namespace {
/// The shapes of all values of a function, computed in the order of its ops.
class ShapeEvaluator {
public:
  /// Binds `value` to a shape that its type admits.
  Status bind(Value value, Shape shape, std::string_view what) {
    ArrayRef<int64_t> expected = typeOf(value).getShape();
    bool fits = expected.size() == shape.size();
    for (size_t i = 0; fits && i < shape.size(); ++i)
      fits = shape[i] >= 0 && (ShapedType::isDynamic(expected[i]) || expected[i] == shape[i]);
    if (!fits)
      return Status(StatusCode::InvalidInput, fmt::format("{} expects shape {}, but got {}", what,
                                                          describe(expected), describe(shape)));
    shapes[value] = std::move(shape);
    return Status::ok();
  }

  const Shape &operator[](Value value) { return shapes[value]; }

  Status evaluate(Operation *op) {
    return TypeSwitch<Operation *, Status>(op)
        .Case([&](moe::RouteOp route) {
          int64_t tokens = rowsOf(route.getLogits());
          int64_t topK = static_cast<int64_t>(route.getTopK());
          MOERT_RETURN_IF_ERROR(bindResult(op, 0, {tokens, topK}));
          return bindResult(op, 1, {tokens, topK});
        })
        .Case([&](moe::PermuteOp permute) { return evaluatePermute(permute); })
        .Case([&](moe::PadOp pad) {
          int64_t rows = rowsOf(pad.getRows());
          int64_t experts = rowsOf(pad.getOffsets()) - 1;
          int64_t extra = static_cast<int64_t>(pad.getMultiple()) - 1;
          std::optional<int64_t> padding = llvm::checkedMul(std::min(experts, rows), extra);
          std::optional<int64_t> count = padding ? llvm::checkedAdd(rows, *padding) : std::nullopt;
          MOERT_RETURN_IF_ERROR(checkRowNumbers(op, count));
          MOERT_RETURN_IF_ERROR(bindResult(op, 0, {*count, shapes[pad.getRows()][1]}));
          return bindResult(op, 1, shapes[pad.getOffsets()]);
        })
        .Case([&](moe::UnpadOp unpad) {
          return bindResult(op, 0, {rowsOf(unpad.getRoutes()), shapes[unpad.getPadded()][1]});
        })
        .Case([&](moe::GroupedMatmulOp product) { return evaluateProduct(product); })
        .Case([&](moe::ActivationOp activation) {
          for (Value input : activation.getInputs().drop_front())
            MOERT_RETURN_IF_ERROR(checkEqual(op, "rows of up", "rows of gate", rowsOf(input),
                                             rowsOf(activation.getInputs().front())));
          return bindResult(op, 0,
                            {rowsOf(activation.getInputs().front()),
                             typeOf(activation.getResult()).getDimSize(1)});
        })
        .Case([&](moe::CombineOp combine) {
          MOERT_RETURN_IF_ERROR(checkEqual(op, "length of routes", "number of rows",
                                           rowsOf(combine.getRoutes()), rowsOf(combine.getRows())));
          return bindCombined(op, combine.getWeights(), combine.getRoutes(),
                              shapes[combine.getRows()][1]);
        })
        .Default([&](Operation *) {
          for (OpResult result : op->getResults()) {
            auto type = dyn_cast<RankedTensorType>(result.getType());
            if (type && !type.hasStaticShape())
              return Status(StatusCode::Unsupported,
                            fmt::format("{}: the shape of its result is not known", nameOf(op)));
            if (type)
              shapes[result] = Shape(type.getShape().begin(), type.getShape().end());
          }
          return Status::ok();
        });
  }

  /// Bytes of the tensor, or nothing where they do not fit.
  std::optional<uint64_t> bytesOf(Value value) {
    uint64_t bytes = llvm::divideCeil(typeOf(value).getElementTypeBitWidth(), 8);
    for (int64_t size : shapes[value]) {
      std::optional<uint64_t> product = llvm::checkedMulUnsigned<uint64_t>(bytes, size);
      if (!product || *product > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
        return std::nullopt;
      bytes = *product;
    }
    return bytes;
  }

private:
  static std::string nameOf(Operation *op) { return op->getName().getStringRef().str(); }

  int64_t rowsOf(Value value) { return shapes[value][0]; }

  Status bindResult(Operation *op, unsigned i, Shape shape) {
    return bind(op->getResult(i), std::move(shape), nameOf(op) + " result");
  }

  Status checkEqual(Operation *op, std::string_view what, std::string_view other, int64_t a,
                    int64_t b) {
    if (a == b)
      return Status::ok();
    return Status(StatusCode::InvalidInput,
                  fmt::format("{} expects its {} to be its {}, {}, but got {}", nameOf(op), what,
                              other, b, a));
  }

  /// Rows are numbered in i32.
  Status checkRowNumbers(Operation *op, std::optional<int64_t> rows) {
    constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
    if (rows && *rows <= kMost)
      return Status::ok();
    return Status(StatusCode::Unsupported,
                  fmt::format("{} expects at most {} rows, but got {}", nameOf(op), kMost,
                              rows ? std::to_string(*rows) : "more than 63 bits hold"));
  }

  Status evaluatePermute(moe::PermuteOp op) {
    const Shape experts = shapes[op.getExperts()];
    std::optional<int64_t> rows = llvm::checkedMul(experts[0], experts[1]);
    MOERT_RETURN_IF_ERROR(checkRowNumbers(op, rows));
    unsigned next = 0;
    if (Value x = op.getX()) {
      MOERT_RETURN_IF_ERROR(checkEqual(op, "rows of x", "rows of experts", rowsOf(x), experts[0]));
      MOERT_RETURN_IF_ERROR(bindResult(op, next++, {*rows, shapes[x][1]}));
    }
    MOERT_RETURN_IF_ERROR(bindResult(op, next++, {*rows}));
    return bindResult(op, next, {static_cast<int64_t>(op.getNumExperts()) + 1});
  }

  Status evaluateProduct(moe::GroupedMatmulOp op) {
    int64_t rows = rowsOf(op.hasGather() ? op.getGatherRoutes() : op.getRows());
    int64_t columns = typeOf(op.getResult(0)).getDimSize(1);
    if (op.hasCombine()) {
      MOERT_RETURN_IF_ERROR(checkEqual(op, "length of routes", "number of rows",
                                       rowsOf(op.getCombineRoutes()), rows));
      return bindCombined(op, op.getCombineWeights(), op.getCombineRoutes(), columns);
    }
    for (unsigned i = 0; i < op->getNumResults(); ++i)
      MOERT_RETURN_IF_ERROR(bindResult(op, i, {rows, columns}));
    return Status::ok();
  }

  Status bindCombined(Operation *op, Value weights, Value routes, int64_t columns) {
    const Shape &sizes = shapes[weights];
    std::optional<int64_t> slots = llvm::checkedMul(sizes[0], sizes[1]);
    MOERT_RETURN_IF_ERROR(checkRowNumbers(op, slots));
    MOERT_RETURN_IF_ERROR(
        checkEqual(op, "length of routes", "number of routing weights", rowsOf(routes), *slots));
    return bindResult(op, 0, {sizes[0], columns});
  }

  llvm::DenseMap<Value, Shape> shapes;
};
} // namespace

/// Bytes that the lowering of `op` needs beside its operands and results: the f32 rows of a fused
/// combine.
static std::optional<uint64_t> scratchBytes(Operation *op, ShapeEvaluator &shapes) {
  auto product = dyn_cast<moe::GroupedMatmulOp>(op);
  if (!product || !product.hasCombine())
    return 0;
  std::optional<uint64_t> elements = llvm::checkedMulUnsigned<uint64_t>(
      shapes[product.getCombineRoutes()][0], typeOf(product.getResult(0)).getDimSize(1));
  return elements ? llvm::checkedMulUnsigned<uint64_t>(*elements, 4) : std::nullopt;
}

moert::Result<RunShapes> moec::cpu::evaluateShapes(func::FuncOp function,
                                                   std::span<const Shape> arguments) {
  ShapeEvaluator shapes;
  if (arguments.size() != function.getNumArguments())
    return Status(StatusCode::Usage, fmt::format("expects {} arguments, but got {}",
                                                 function.getNumArguments(), arguments.size()));
  for (auto [i, argument] : llvm::enumerate(function.getArguments()))
    MOERT_RETURN_IF_ERROR(shapes.bind(argument, arguments[i], fmt::format("argument {}", i)));

  RunShapes run;
  llvm::DenseMap<Value, uint64_t> live;
  uint64_t liveBytes = 0;
  Block &body = function.getBody().front();
  for (Operation &op : body.without_terminator()) {
    MOERT_RETURN_IF_ERROR(shapes.evaluate(&op));
    std::optional<uint64_t> scratch = scratchBytes(&op, shapes);
    uint64_t made = 0;
    for (Value result : op.getResults()) {
      if (!isa<RankedTensorType>(result.getType()))
        continue;
      std::optional<uint64_t> bytes = shapes.bytesOf(result);
      scratch = bytes ? scratch : std::nullopt;
      // Results of the function are the caller's buffers.
      bool isResult = llvm::is_contained(body.getTerminator()->getOperands(), result);
      if (bytes && !isResult)
        made += live[result] = *bytes;
    }
    std::optional<uint64_t> now = scratch ? llvm::checkedAddUnsigned(liveBytes, made) : scratch;
    if (now)
      now = llvm::checkedAddUnsigned(*now, *scratch);
    if (!now)
      return Status(StatusCode::Unsupported,
                    "the sizes of the tensors in between do not fit 63 bits");
    run.intermediateBytes = std::max(run.intermediateBytes, *now);
    liveBytes += made;
    // What this op was the last to use is free afterwards.
    for (Value operand : op.getOperands()) {
      auto it = live.find(operand);
      bool last = it != live.end() && llvm::all_of(operand.getUsers(), [&](Operation *user) {
                    return user == &op || user->isBeforeInBlock(&op);
                  });
      if (last) {
        liveBytes -= it->second;
        live.erase(it);
      }
    }
  }
  for (Value result : body.getTerminator()->getOperands())
    run.results.push_back(shapes[result]);
  return run;
}
