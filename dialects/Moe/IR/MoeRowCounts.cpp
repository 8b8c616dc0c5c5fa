//===- MoeRowCounts.cpp - what ops say of the row counts of tensors -------===//

#include "dialects/Moe/IR/MoeRowCounts.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

using namespace mlir;
using namespace moec::moe;

/// The product of two positive fractions in lowest terms, or nothing beyond 63 bits.
static std::optional<std::pair<int64_t, int64_t>> multiply(std::pair<int64_t, int64_t> a,
                                                           std::pair<int64_t, int64_t> b) {
  int64_t across = std::gcd(a.first, b.second), back = std::gcd(b.first, a.second);
  int64_t numerator = 0, denominator = 0;
  if (across == 0 || back == 0 || llvm::MulOverflow(a.first / across, b.first / back, numerator) ||
      llvm::MulOverflow(a.second / back, b.second / across, denominator))
    return std::nullopt;
  return std::pair(numerator, denominator);
}

static int64_t columnsOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getDimSize(1);
}

RowCounts::RowCounts(Operation *function) {
  function->walk([&](Operation *op) { relateOperands(op); });
  findUnits();
}

unsigned RowCounts::numberOf(Value value) {
  auto [it, inserted] = numbers.try_emplace(value, counts.size());
  if (inserted) {
    members.push_back(value);
    counts.push_back({static_cast<unsigned>(sets.size())});
    sets.emplace_back().members.push_back(it->second);
  }
  return it->second;
}

const RowCounts::Count *RowCounts::find(Value value) const {
  auto it = numbers.find(value);
  return it == numbers.end() ? nullptr : &counts[it->second];
}

void RowCounts::relate(Value value, Value other, int64_t factor) {
  Count from = counts[numberOf(value)], to = counts[numberOf(other)];
  if (from.set == to.set || factor < 1)
    return;
  // from.n/from.d * unit(from) = factor * to.n/to.d * unit(to)
  auto unit = multiply({factor, 1}, {to.numerator, to.denominator});
  unit = unit ? multiply(*unit, {from.denominator, from.numerator}) : unit;
  if (!unit)
    return;
  // The smaller set joins the larger.
  if (sets[from.set].members.size() > sets[to.set].members.size()) {
    std::swap(from, to);
    std::swap(unit->first, unit->second);
  }
  SmallVector<Count> moved;
  for (unsigned member : sets[from.set].members) {
    auto count = multiply({counts[member].numerator, counts[member].denominator}, *unit);
    if (!count)
      return;
    moved.push_back({to.set, count->first, count->second});
  }
  Set &source = sets[from.set], &target = sets[to.set];
  for (auto [member, count] : llvm::zip(source.members, moved))
    counts[member] = count;
  target.members.append(source.members);
  target.isPadded |= source.isPadded;
  target.isToldByOps |= source.isToldByOps;
  source.members.clear();
}

void RowCounts::relateOperands(Operation *op) {
  auto tell = [&](Value value) { sets[counts[numberOf(value)].set].isToldByOps = true; };
  llvm::TypeSwitch<Operation *>(op)
      .Case([&](RouteOp route) {
        relate(route.getWeights(), route.getLogits());
        relate(route.getExperts(), route.getLogits());
        tell(route.getLogits());
      })
      .Case([&](PermuteOp permute) {
        relate(permute.getRoutes(), permute.getExperts(), columnsOf(permute.getExperts()));
        if (permute.getX()) {
          relate(permute.getX(), permute.getExperts());
          relate(permute.getRows(), permute.getRoutes());
        }
        tell(permute.getExperts());
      })
      .Case([&](PadOp pad) {
        numberOf(pad.getRows());
        sets[counts[numberOf(pad.getPadded())].set].isPadded = true;
      })
      .Case([&](UnpadOp unpad) {
        numberOf(unpad.getPadded());
        relate(unpad.getRows(), unpad.getRoutes());
        // The rows that it gives back are those that were padded.
        if (auto pad = unpad.getPaddedOffsets().getDefiningOp<PadOp>())
          relate(pad.getRows(), unpad.getRows());
      })
      .Case([&](GroupedMatmulOp matmul) {
        // Rows of the sorted order: those of the routes, or of the left operand.
        Value sorted = matmul.getRows();
        if (matmul.hasGather()) {
          sorted = matmul.getGatherRoutes();
          relate(sorted, matmul.getRows(), *matmul.getTopK());
          tell(sorted);
        }
        if (matmul.hasCombine()) {
          relate(matmul.getCombineRoutes(), sorted);
          relate(sorted, matmul.getCombineWeights(), columnsOf(matmul.getCombineWeights()));
          relate(matmul.getResults().front(), matmul.getCombineWeights());
          tell(sorted);
        } else {
          for (Value result : matmul.getResults())
            relate(result, sorted);
        }
      })
      .Case([&](ActivationOp activation) {
        for (Value input : activation.getInputs())
          relate(activation.getResult(), input);
      })
      .Case([&](CombineOp combine) {
        relate(combine.getRoutes(), combine.getRows());
        relate(combine.getRows(), combine.getWeights(), columnsOf(combine.getWeights()));
        relate(combine.getOutput(), combine.getWeights());
        tell(combine.getWeights());
      });
}

void RowCounts::findUnits() {
  for (Set &set : sets) {
    if (set.members.empty())
      continue;
    // Products of two 63-bit numbers fit 128 bits.
    set.unit = *llvm::min_element(set.members, [&](unsigned a, unsigned b) {
      return __int128(counts[a].numerator) * counts[b].denominator <
             __int128(counts[b].numerator) * counts[a].denominator;
    });
  }
}

std::optional<int64_t> RowCounts::perUnit(Value value) const {
  const Count *count = find(value);
  if (!count)
    return std::nullopt;
  const Count &unit = counts[sets[count->set].unit];
  auto rows = multiply({count->numerator, count->denominator}, {unit.denominator, unit.numerator});
  return rows && rows->second == 1 ? std::optional(rows->first) : std::nullopt;
}

std::optional<int64_t> RowCounts::perToken(Value value) const {
  const Count *count = find(value);
  return count && !sets[count->set].isPadded ? perUnit(value) : std::nullopt;
}

bool RowCounts::isToldByOps(Value value) const {
  const Count *count = find(value);
  return count && sets[count->set].isToldByOps && perToken(value);
}
