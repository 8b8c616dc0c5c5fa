//===- ScalarProgram.h - Epilogue and activation bodies in double precision
//-------------------------===//
//
// A body region is translated once into a list of steps on numbered doubles and run for millions of
// elements. The translation is where an op that is not known becomes an error.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef MOEC_COMPILER_REFERENCE_SCALARPROGRAM_H
#define MOEC_COMPILER_REFERENCE_SCALARPROGRAM_H

#include "mlir/IR/Region.h"
#include "mlir/Support/LogicalResult.h"

#include <span>
#include <vector>

namespace moec::reference {

/// A function of doubles, from a region of `arith` and `math` ops on scalars that ends in
/// `moe.yield`. Booleans are 0 and 1. f32 arithmetic is exact to double precision; `arith.truncf`
/// rounds to the type that it names, as that is what it says.
class ScalarProgram {
public:
  /// Emits an error on the first op that is not known.
  static mlir::FailureOr<ScalarProgram> translate(mlir::Region &body);

  /// The value for `arguments`, as many as the region's block has. `scratch` is
  /// overwritten; passing the same one again saves the allocation.
  double run(std::span<const double> arguments, std::vector<double> &scratch) const;

  using Function = double (*)(double, double, double);

private:
  struct Step {
    Function function;
    unsigned operands[3]; ///< numbers of earlier values
  };
  std::vector<double>
      constants; ///< by value number; meaningful where no step or argument defines it
  std::vector<Step> steps;
  std::vector<unsigned> targets; ///< of each step
  unsigned numArguments = 0;
  unsigned yielded = 0;
};

} // namespace moec::reference

#endif // MOEC_COMPILER_REFERENCE_SCALARPROGRAM_H
