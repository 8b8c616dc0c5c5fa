//===- Override.cpp - schedules written by hand ---------------------------===//

#include "compiler/Schedule/Override.h"

#include "mlir/AsmParser/AsmParser.h"

using namespace mlir;

namespace moec::schedule {

kernel::ScheduleAttr Overrides::find(unsigned matmul) const {
  auto it = matmuls.find(matmul);
  return it == matmuls.end() ? all : it->second;
}

FailureOr<Overrides> parseOverrides(MLIRContext *context, StringRef text,
                                    llvm::function_ref<InFlightDiagnostic()> emitError) {
  Overrides overrides;
  SmallVector<StringRef> entries;
  text.split(entries, ';', -1, /*KeepEmpty=*/false);
  for (StringRef entry : entries) {
    auto [key, body] = entry.split(':');
    key = key.trim();
    body = body.trim();
    unsigned index = 0;
    if (body.empty() || (key != "*" && key.getAsInteger(10, index)))
      return emitError() << "expects a schedule override 'N: mma, block_m = ...', but got '"
                         << entry.trim() << '\'';
    Attribute parsed = parseAttribute(("#moe_kernel.schedule<" + body + ">").str(), context);
    auto schedule = dyn_cast_or_null<kernel::ScheduleAttr>(parsed);
    if (!schedule)
      return emitError() << "expects the inside of a #moe_kernel.schedule for matmul " << key
                         << ", but got '" << body << '\'';
    if (key == "*")
      overrides.all = schedule;
    else
      overrides.matmuls[index] = schedule;
  }
  return overrides;
}

} // namespace moec::schedule
