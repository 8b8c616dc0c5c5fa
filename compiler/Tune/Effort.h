//===- Effort.h - how much a search tries -----------------------------------===//

#ifndef MOEC_COMPILER_TUNE_EFFORT_H
#define MOEC_COMPILER_TUNE_EFFORT_H

#include "compiler/Tune/Lowering.h"
#include "compiler/Tune/Measurer.h"

namespace moec {

enum class Effort {
  Quick, ///< at most 12 candidates a matmul, in about ten seconds
  Full,  ///< more tiles, every refinement, a second pass where one improved something
};

struct Limits {
  size_t tiles;       ///< a matmul
  size_t refinements; ///< a matmul and pass
  size_t sets;        ///< inputs and routings that a measurement walks
  size_t warmTimes;   ///< of the default, at most, until the card counts as warm
  unsigned looks;     ///< at a candidate, at most, until two agree
  size_t finalists;   ///< of a race
  unsigned rounds;    ///< of a race
  double doubt;       ///< the least share by which a look is thought to be off
  bool races;         ///< whether each batch is raced, not only all together at the end
  bool shapes;        ///< whether the tile's neighbours are refinements as well
  /// Seconds, from when on the default has been timed, for which the search waits for compilers of
  /// refinements and other lowerings. After that, only those that have been built are tried.
  double patience;
};

/// What an effort allows for a block that is predicted to take so long. A quick search of a long
/// one tries less: its default is proven in more of the same shapes, and it has to end in time.
Limits limitsOf(Effort effort, double microseconds);

/// Microseconds that the model gives a lowering's products with their default schedules.
double predictedMicroseconds(const Lowering &lowering);

} // namespace moec

#endif // MOEC_COMPILER_TUNE_EFFORT_H
