//===- Measurer.h - what the tuner needs from a device ----------------------===//

#ifndef MOEC_COMPILER_TUNE_MEASURER_H
#define MOEC_COMPILER_TUNE_MEASURER_H

#include "compiler/Tune/Choice.h"

#include <functional>
#include <span>

namespace moec {

/// Builds, checks and times whole blocks at one token count and one routing. The tuner's loop knows
/// the device by this interface alone.
class Measurer {
public:
  /// What a time is for.
  enum class Purpose {
    Look, ///< to drop most candidates; others may be compiled meanwhile
    Race, ///< to tell the last ones apart; nothing else runs on the host
  };

  virtual ~Measurer() = default;

  /// Begins to build these, all at once; whatever needs one waits for it. What fails to build fails
  /// in `check`.
  virtual void prepare(std::span<const Choice> choices) = 0;

  /// Whether what needs the choice, which was prepared, would not wait for it.
  virtual bool isBuilt(const Choice &) { return true; }

  /// Waits until the choice is built, or until `isEnough`.
  virtual void waitForBuild(const Choice &, const std::function<bool()> & /*isEnough*/) {}
  /// Waits until nothing is being built any more, as races want it, or until `isEnough`.
  virtual void waitForBuilds(const std::function<bool()> & /*isEnough*/) {}

  /// Gives up what is still being built, so that nothing disturbs what is measured next. Whatever
  /// needs it after all begins anew.
  virtual void abandon() {}

  /// Runs the block once, from poisoned memory, and compares its outputs. A failure rejects the
  /// choice, with the message as the reason; NoDevice and Budget end the search.
  virtual moert::Status check(const Choice &choice) = 0;

  /// Microseconds of the block, over some 15 ms: a card's clock hardly moves meanwhile (see
  /// FairTimer.h). Failures as in `check`.
  virtual moert::Result<double> measure(const Choice &choice, Purpose purpose) = 0;
};

} // namespace moec

#endif // MOEC_COMPILER_TUNE_MEASURER_H
