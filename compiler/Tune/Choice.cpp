//===- Choice.cpp - one way to build a block --------------------------------===//

#include "compiler/Tune/Choice.h"

#include <fmt/format.h>

namespace moec {

std::string Choice::scheduleText() const {
  std::string text;
  for (size_t i = 0; i < schedules.size(); ++i)
    text += fmt::format("{}{}: {}", i == 0 ? "" : "; ", i, schedules[i]);
  return text;
}

std::string Choice::options() const {
  std::string text;
  if (fusions != FusionChoice())
    text += "--fuse " + toString(fusions) + " ";
  if (combine == CombineMode::Accumulate)
    text += "--combine accumulate ";
  return text + "--schedule '" + scheduleText() + "'";
}

} // namespace moec
