//===- ScheduleText.h - schedules as lists of parameters --------------------===//
//
// The search handles schedules by the names and values of their parameters, as `--schedule` does,
// so that a member which the attribute gains is a row in the table of axes and nothing else.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_SEARCH_SCHEDULETEXT_H
#define MOEC_COMPILER_SEARCH_SCHEDULETEXT_H

#include "dialects/MoeKernel/IR/MatmulLegality.h"
#include "runtime/Support/Status.h"

#include <string>
#include <utility>
#include <vector>

namespace moec::search {

/// The parameter that a schedule starts with, without a name: "mma", "wgmma", "wgmma_swapped".
inline constexpr llvm::StringLiteral kFormParameter{"form"};

/// The inside of a #moe_kernel.schedule: its form, then `name = value` in the order of the text.
/// Parameters with their default value may be missing.
class ScheduleText {
public:
  /// A form and nothing else.
  explicit ScheduleText(llvm::StringRef form) : form(form.trim()) {}
  /// What the attribute prints.
  explicit ScheduleText(kernel::ScheduleAttr schedule);
  /// The inside of an attribute, legal or not.
  static ScheduleText parse(llvm::StringRef text);

  /// The value of a parameter; empty where it is missing.
  llvm::StringRef get(llvm::StringRef parameter) const;
  /// Sets a parameter, or adds it.
  ScheduleText &set(llvm::StringRef parameter, llvm::StringRef value);
  std::string str() const;

private:
  std::string form;
  std::vector<std::pair<std::string, std::string>> parameters;
};

/// The text of a schedule as `--schedule` takes it.
inline std::string toText(kernel::ScheduleAttr schedule) { return ScheduleText(schedule).str(); }

/// What the legality of a schedule is judged for.
struct Setting {
  mlir::MLIRContext *context = nullptr;
  kernel::MatmulTraits traits;
  kernel::TargetAttr target;
};

/// The schedule, where the attribute and `verifyMatmulSchedule` accept it; else Unsupported with
/// their reason.
moert::Result<kernel::ScheduleAttr> legalSchedule(const ScheduleText &text, const Setting &setting);

} // namespace moec::search

#endif // MOEC_COMPILER_SEARCH_SCHEDULETEXT_H
