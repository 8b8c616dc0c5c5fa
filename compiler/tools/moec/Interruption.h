//===- Interruption.h - ends of long runs ------------------------------------===//

#ifndef MOEC_COMPILER_TOOLS_MOEC_INTERRUPTION_H
#define MOEC_COMPILER_TOOLS_MOEC_INTERRUPTION_H

#include <chrono>

namespace moec::cli {

/// From now on the first SIGINT or SIGTERM only asks for an end; the second one ends the process.
void catchInterruption();
/// Whether one of them came.
bool isInterrupted();

/// Seconds since it was made.
class Stopwatch {
public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

private:
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

} // namespace moec::cli

#endif // MOEC_COMPILER_TOOLS_MOEC_INTERRUPTION_H
