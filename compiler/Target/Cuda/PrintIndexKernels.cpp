//===- PrintIndexKernels.cpp - callers of route, sort and map kernels -----===//
//
// compiler/Device/moe/kernels/README.md lists the calls and their policies.
//
//===----------------------------------------------------------------------===//

#include "compiler/Target/Cuda/KernelText.h"
#include "dialects/MoeKernel/IR/Sizes.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace moec::cuda {
namespace {

/// Appends formatted text to one of the pieces.
class Text {
public:
  explicit Text(std::string &text) : stream(text) {}
  template <class T>
  Text &operator<<(const T &value) {
    stream << value;
    return *this;
  }

private:
  llvm::raw_string_ostream stream;
};

template <class OpT>
void declareRoute(OpT op, KernelText &text) {
  Text(text.declarations) << "using Route = moe::RouteConfig<" << op.getNumExperts() << ", "
                          << op.getTopK() << ", moe::SoftmaxOver::"
                          << (op.getSoftmax() == kernel::SoftmaxOver::All ? "kAll" : "kSelected")
                          << ", " << op.getThreads() << ", " << op.getLanes() << ">;\n";
}

/// `, shape...` after the other template arguments; no tiles for the rows of no group.
std::string getShapes(ArrayAttr shapes) {
  std::string list;
  if (shapes)
    for (auto shape : shapes.getAsRange<kernel::TileShapeAttr>())
      list += ", moe::TileShape{" + std::to_string(shape.getRows()) + ", " +
              std::to_string(shape.getUnit()) + ", " + std::to_string(shape.getBand()) +
              (shape.getCluster() == 1 && !shape.getBothEnds()
                   ? ""
                   : ", " + std::to_string(shape.getCluster())) +
              (shape.getBothEnds() ? ", true" : "") + "}";
  return list;
}

void declareSort(int64_t experts, int64_t threads, bool multiBlock, ArrayAttr shapes,
                 KernelText &text) {
  Text(text.declarations) << "using Sort = moe::SortConfig<" << experts << ", " << threads << ", "
                          << (multiBlock ? "true" : "false") << ", false" << getShapes(shapes)
                          << ">;\n";
}

/// The device's own formula for what the launch gives it.
void assertShared(StringRef formula, int64_t bytes, KernelText &text) {
  Text(text.declarations) << "static_assert(" << formula << " == " << bytes
                          << ", \"shared memory of the launch\");\n";
}

/// Adds the tile maps and counters as parameters; the brace initialiser of moe::TileMapPointers.
template <class OpT>
std::string addMaps(OpT op, KernelText &text) {
  std::string list;
  for (auto [i, map] : llvm::enumerate(op.getTiles())) {
    std::string name = "map" + std::to_string(i);
    text.addOutput(name, map);
    text.parameters.back().type = "int4 *";
    list += (list.empty() ? "" : ", ") + name;
  }
  auto addCounters = [&](StringRef prefix, OperandRange counters) {
    std::string names;
    for (auto [i, counter] : llvm::enumerate(counters)) {
      std::string name = prefix.str() + std::to_string(i);
      text.addOutput(name, counter);
      text.parameters.back().type = "moe::u32 *";
      names += (names.empty() ? "" : ", ") + name;
    }
    return names;
  };
  std::string tickets = addCounters("tickets", op.getTickets());
  std::string progress = addCounters("progress", op.getProgress());
  list = "{{" + list + "}";
  if (!tickets.empty() || !progress.empty())
    list += ", {" + tickets + "}";
  if (!progress.empty())
    list += ", {" + progress + "}";
  return list + "}";
}

std::string getRoutesExtent(Value experts) {
  return getCudaExtent(kernel::scaleExtent(kernel::getLeadingExtent(experts),
                                           cast<MemRefType>(experts.getType()).getDimSize(1)));
}

void print(kernel::RouteOp op, KernelText &text) {
  text.includes.push_back(op.getSets() ? "moe/kernels/sort_sets.cuh" : "moe/kernels/route.cuh");
  declareRoute(op, text);
  text.addInput("logits", op.getLogits());
  text.addOutput("weights", op.getWeights());
  text.addOutput("experts", op.getExperts());
  std::string tokens = getCudaExtent(kernel::getLeadingExtent(op.getLogits()));
  if (!op.getSets()) {
    Text(text.body) << "moe::route<Route>(logits, weights, experts, " << tokens << ");\n";
    return;
  }
  text.addOutput("sets", op.getSets());
  text.parameters.back().type = "moe::u32 *";
  Text(text.body) << "moe::route_sets<Route>(logits, weights, experts, sets, " << tokens << ");\n";
}

void print(kernel::SortRoutesOp op, KernelText &text) {
  text.includes.push_back(op.getSets() ? "moe/kernels/sort_sets.cuh" : "moe/kernels/sort.cuh");
  declareSort(op.getNumExperts(), op.getThreads(), static_cast<bool>(op.getCounts()),
              op.getTileShapes(), text);
  assertShared(op.getSets() ? "moe::sort_sets_shared_bytes(Sort::kExperts, Sort::kArrays)"
                            : "Sort::kSharedBytes",
               op.getSharedBytes(), text);
  text.addInput("experts", op.getExperts());
  if (op.getCounts())
    text.addInput("block_counts", op.getCounts());
  if (op.getSets()) {
    text.addInput("sets", op.getSets());
    text.parameters.back().type = "const moe::u32 *";
  }
  text.addOutput("offsets", op.getOffsets());
  text.addOutput("routes", op.getRoutes());
  text.addOutput("positions", op.getPositions());
  std::string maps = addMaps(op, text);
  if (op.getSets()) {
    Text(text.body) << "moe::sort_sets<Sort, " << op.getTopK()
                    << ">(experts, sets, offsets, routes, positions, " << maps << ", "
                    << getCudaExtent(kernel::getLeadingExtent(op.getExperts())) << ");\n";
    return;
  }
  Text(text.body) << "moe::sort_routes<Sort>(experts, "
                  << (op.getCounts() ? "block_counts" : "nullptr")
                  << ", offsets, routes, positions, " << maps << ", "
                  << getRoutesExtent(op.getExperts()) << ");\n";
}

void print(kernel::CountRoutesOp op, KernelText &text) {
  text.includes.push_back("moe/kernels/sort.cuh");
  declareSort(op.getNumExperts(), op.getThreads(), /*multiBlock=*/true, ArrayAttr(), text);
  text.addInput("experts", op.getExperts());
  text.addOutput("block_counts", op.getCounts());
  Text(text.body) << "moe::count_routes<Sort>(experts, block_counts, "
                  << getRoutesExtent(op.getExperts()) << ");\n";
}

void print(kernel::RouteSortOp op, KernelText &text) {
  text.includes.push_back("moe/kernels/route_sort.cuh");
  declareRoute(op, text);
  declareSort(op.getNumExperts(), op.getThreads(), /*multiBlock=*/false, op.getTileShapes(), text);
  Text(text.declarations) << "using RouteSort = moe::RouteSortConfig<Route, Sort, "
                          << op.getMaxTokens() << ">;\n";
  assertShared("RouteSort::kSharedBytes", op.getSharedBytes(), text);
  text.addInput("logits", op.getLogits());
  text.addOutput("weights", op.getWeights());
  text.addOutput("experts", op.getExperts());
  text.addOutput("offsets", op.getOffsets());
  text.addOutput("routes", op.getRoutes());
  text.addOutput("positions", op.getPositions());
  std::string maps = addMaps(op, text);
  Text(text.body) << "moe::route_sort<RouteSort>(logits, weights, experts, offsets, routes, "
                     "positions, "
                  << maps << ", " << getCudaExtent(kernel::getLeadingExtent(op.getLogits()))
                  << ");\n";
}

void print(kernel::TileMapsOp op, KernelText &text) {
  text.includes.push_back("moe/kernels/tile_map.cuh");
  Text(text.declarations) << "using Maps = moe::TileMapConfig<" << op.getNumExperts() << ", "
                          << op.getThreads() << ", false" << getShapes(op.getTileShapes())
                          << ">;\n";
  text.addInput("offsets", op.getOffsets());
  std::string maps = addMaps(op, text);
  Text(text.body) << "moe::tile_maps<Maps>(offsets, " << maps << ", " << getCudaExtent(op.getRows())
                  << ");\n";
}

void print(kernel::PadOffsetsOp op, KernelText &text) {
  text.includes.push_back("moe/kernels/pad.cuh");
  text.addInput("offsets", op.getOffsets());
  text.addOutput("padded_offsets", op.getPaddedOffsets());
  Text(text.body) << "moe::pad_offsets<" << op.getNumExperts() << ", " << op.getMultiple() << ", "
                  << op.getThreads() << ">(offsets, padded_offsets);\n";
}

void print(kernel::InvertRoutesOp op, KernelText &text) {
  text.includes.push_back("moe/kernels/accumulate.cuh");
  text.addInput("routes", op.getRoutes());
  text.addOutput("positions", op.getPositions());
  Text(text.body) << "moe::invert_routes<" << op.getThreads() << ">(routes, positions, "
                  << getCudaExtent(kernel::getLeadingExtent(op.getRoutes())) << ");\n";
}

} // namespace

LogicalResult printIndexKernel(Operation *op, KernelText &text) {
  text.launchBounds = std::to_string(cast<kernel::KernelOpInterface>(op).getThreads());
  llvm::TypeSwitch<Operation *>(op)
      .Case<kernel::RouteOp, kernel::SortRoutesOp, kernel::CountRoutesOp, kernel::RouteSortOp,
            kernel::TileMapsOp, kernel::PadOffsetsOp, kernel::InvertRoutesOp>(
          [&](auto kernel) { print(kernel, text); });
  return success();
}

} // namespace moec::cuda
