//===- Space.cpp - the schedules of one grouped matmul ----------------------===//

#include "compiler/Search/Space.h"

#include <algorithm>

using namespace mlir;
using llvm::StringLiteral;
using moert::Result;

namespace moec::search {

using kernel::MatmulForm;
using kernel::ScheduleAttr;

namespace {

/// One walk over the combinations of shapes of one form.
class Walk {
public:
  Walk(MatmulForm form, const Setting &setting, Space &space)
      : form(form), setting(setting), space(space) {}

  void run() { visit(0, ScheduleText(stringifyMatmulForm(form))); }

private:
  void visit(size_t axis, ScheduleText text);
  void add(const ScheduleText &text, std::string reason);

  MatmulForm form;
  const Setting &setting;
  Space &space;
};

} // namespace

/// Fixes the axes from `axis` on.
void Walk::visit(size_t axis, ScheduleText text) {
  if (axis == axes().size()) {
    ++space.points;
    Result<ScheduleAttr> schedule = legalSchedule(text, setting);
    if (schedule)
      space.legal.push_back(*schedule);
    else
      ++space.reasons[schedule.status().message()];
    return;
  }
  const Axis &current = axes()[axis];
  ArrayRef<StringLiteral> values = current.values(form);
  if (values.empty())
    return visit(axis + 1, std::move(text));
  if (current.kind == AxisKind::Shape) {
    for (StringLiteral value : values)
      visit(axis + 1, ScheduleText(text).set(current.parameter, value));
    return;
  }
  text.set(current.parameter, values.front());
  if (current.kind == AxisKind::Depth)
    for (StringLiteral value : values) {
      text.set(current.parameter, value);
      if (legalSchedule(text, setting))
        break;
    }
  visit(axis + 1, std::move(text));
}

Space enumerate(const Setting &setting) {
  Space space;
  for (MatmulForm form : {MatmulForm::Mma, MatmulForm::Wgmma, MatmulForm::WgmmaSwapped})
    Walk(form, setting, space).run();
  return space;
}

/// What `schedule` may change to along the axis, nearest first.
static SmallVector<StringLiteral> steps(const Axis &axis, ScheduleAttr schedule,
                                        const Setting &setting) {
  SmallVector<StringLiteral> found;
  ArrayRef<StringLiteral> values = axis.values(schedule.getForm());
  ScheduleText text(schedule);
  std::string now = text.get(axis.parameter).str();
  if (now.empty()) // the printer leaves default values out
    for (StringLiteral value : values)
      if (Result<ScheduleAttr> same =
              legalSchedule(ScheduleText(text).set(axis.parameter, value), setting);
          same && *same == schedule)
        now = value.str();
  if (axis.kind == AxisKind::Refinement) {
    llvm::copy_if(values, std::back_inserter(found), [&](StringRef v) { return v != now; });
    return found;
  }
  // Numbers and flags: the next ones on either side.
  auto number = [](StringRef text) {
    int64_t value = text == "true";
    (void)text.getAsInteger(10, value);
    return value;
  };
  std::optional<StringLiteral> below, above;
  for (StringLiteral value : values) {
    if (number(value) < number(now) && (!below || number(value) > number(*below)))
      below = value;
    if (number(value) > number(now) && (!above || number(value) < number(*above)))
      above = value;
  }
  for (std::optional<StringLiteral> value : {below, above})
    if (value)
      found.push_back(*value);
  return found;
}

std::vector<Neighbour> neighbours(ScheduleAttr schedule, const Setting &setting, bool shapes) {
  std::vector<std::vector<Neighbour>> found; // by axis, refinements first
  for (AxisKind kind : {AxisKind::Refinement, AxisKind::Depth, AxisKind::Shape}) {
    if (kind == AxisKind::Shape && !shapes)
      continue;
    for (const Axis &axis : axes()) {
      if (axis.kind != kind)
        continue;
      ScheduleText text(schedule);
      std::vector<Neighbour> &own = found.emplace_back();
      for (StringLiteral value : steps(axis, schedule, setting))
        if (Result<ScheduleAttr> legal =
                legalSchedule(ScheduleText(text).set(axis.parameter, value), setting);
            legal && *legal != schedule)
          own.push_back({axis.parameter, value, *legal});
    }
  }
  std::vector<Neighbour> result;
  for (size_t round = 0, more = 1; more != 0; ++round) {
    more = 0;
    for (const std::vector<Neighbour> &own : found)
      if (round < own.size()) {
        result.push_back(own[round]);
        ++more;
      }
  }
  return result;
}

} // namespace moec::search
