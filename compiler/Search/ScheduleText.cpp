//===- ScheduleText.cpp - schedules as lists of parameters ------------------===//

#include "compiler/Search/ScheduleText.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec::search {

ScheduleText ScheduleText::parse(StringRef text) {
  SmallVector<StringRef> pieces;
  text.split(pieces, ',', -1, /*KeepEmpty=*/false);
  ScheduleText result(pieces.empty() ? StringRef() : pieces.front());
  for (StringRef piece : ArrayRef(pieces).drop_front(!pieces.empty())) {
    auto [name, value] = piece.split('=');
    result.set(name.trim(), value.trim());
  }
  return result;
}

/// "#moe_kernel.schedule<INSIDE>".
static std::string insideOf(kernel::ScheduleAttr schedule) {
  std::string printed;
  llvm::raw_string_ostream(printed) << schedule;
  StringRef inside = StringRef(printed).split('<').second;
  inside.consume_back(">");
  return inside.str();
}

ScheduleText::ScheduleText(kernel::ScheduleAttr schedule)
    : ScheduleText(parse(insideOf(schedule))) {}

StringRef ScheduleText::get(StringRef parameter) const {
  if (parameter == kFormParameter)
    return form;
  for (const auto &[name, value] : parameters)
    if (name == parameter)
      return value;
  return "";
}

ScheduleText &ScheduleText::set(StringRef parameter, StringRef value) {
  if (parameter == kFormParameter) {
    form = value.str();
    return *this;
  }
  for (auto &[name, old] : parameters)
    if (name == parameter) {
      old = value.str();
      return *this;
    }
  parameters.emplace_back(parameter.str(), value.str());
  return *this;
}

std::string ScheduleText::str() const {
  std::string text = form;
  for (const auto &[name, value] : parameters)
    text += ", " + name + " = " + value;
  return text;
}

Result<kernel::ScheduleAttr> legalSchedule(const ScheduleText &text, const Setting &setting) {
  std::string reason;
  // The reason is a value here; nobody is to see it as an error of the block.
  ScopedDiagnosticHandler handler(setting.context, [&](Diagnostic &diagnostic) {
    if (reason.empty())
      reason = diagnostic.str();
    return success();
  });
  Attribute parsed = parseAttribute("#moe_kernel.schedule<" + text.str() + ">", setting.context);
  auto schedule = dyn_cast_or_null<kernel::ScheduleAttr>(parsed);
  auto emitError = [&] { return mlir::emitError(UnknownLoc::get(setting.context)); };
  if (schedule &&
      succeeded(verifyMatmulSchedule(schedule, setting.traits, setting.target, emitError)))
    return schedule;
  return Status(StatusCode::Unsupported, reason.empty() ? "is no schedule" : reason);
}

} // namespace moec::search
