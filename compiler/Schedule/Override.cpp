//===- Override.cpp - schedules in place of the table's -------------------===//

#include "compiler/Schedule/Override.h"
#include "dialects/Moe/IR/MoeVerify.h"

#include "mlir/AsmParser/AsmParser.h"
#include "llvm/ADT/STLExtras.h"

#include <set>
#include <tuple>

using namespace mlir;

namespace moec::schedule {

kernel::ScheduleAttr Overrides::find(unsigned matmul, int64_t tokens) const {
  for (const Entry &entry : entries)
    if (entry.matmul.value_or(matmul) == matmul && tokens >= entry.first &&
        (entry.last == -1 || tokens <= entry.last))
      return entry.schedule;
  return {};
}

LogicalResult Overrides::verify(unsigned matmuls,
                                llvm::function_ref<InFlightDiagnostic()> emitError) const {
  for (const Entry &entry : entries)
    if (entry.matmul && *entry.matmul >= matmuls)
      return emitError() << "expects a schedule for a matmul below " << matmuls
                         << ", the number of grouped matmuls, but got one for " << *entry.matmul;
  return success();
}

std::vector<TokenRange> Overrides::ranges() const {
  std::set<int64_t> bounds;
  for (const Entry &entry : entries)
    if (!entry.isForAll())
      bounds.insert({entry.first, entry.last + 1});
  std::vector<TokenRange> ranges;
  for (auto first = bounds.begin(); first != bounds.end() && std::next(first) != bounds.end();
       ++first)
    if (llvm::any_of(entries, [&](const Entry &entry) {
          return !entry.isForAll() && entry.first <= *first && *first <= entry.last;
        }))
      ranges.push_back({*first, *std::next(first) - 1});
  return ranges;
}

/// The greatest end of a range: the variant behind it begins with a token count, too.
static constexpr int64_t kMaxLast = moe::kMaxIndex - 1;

/// Reads "FIRST-LAST" of token counts.
static bool parseRange(StringRef text, int64_t &first, int64_t &last) {
  auto [from, to] = text.split('-');
  return !from.getAsInteger(10, first) && !to.getAsInteger(10, last) && first >= 0 && last >= first;
}

FailureOr<Overrides> parseOverrides(MLIRContext *context, StringRef text,
                                    llvm::function_ref<InFlightDiagnostic()> emitError) {
  Overrides overrides;
  std::vector<Overrides::Entry> entries;
  std::multimap<std::tuple<bool, bool>, Overrides::Entry> ordered; // equal ones as they come
  SmallVector<StringRef> texts;
  text.split(texts, ';', -1, /*KeepEmpty=*/false);
  for (StringRef text : texts) {
    auto [key, body] = text.split(':');
    body = body.trim();
    auto [number, range] = key.trim().split('@');
    Overrides::Entry entry;
    unsigned index = 0;
    if (body.empty() || (number != "*" && number.getAsInteger(10, index)))
      return emitError() << "expects a schedule override 'N: mma, block_m = ...', but got '"
                         << text.trim() << '\'';
    if (key.contains('@') && !parseRange(range, entry.first, entry.last))
      return emitError() << "expects the first and the last token count after '@', such as "
                            "768-1535, but got '"
                         << range << '\'';
    if (entry.last > kMaxLast)
      return emitError() << "expects token counts up to " << kMaxLast << " after '@', but got '"
                         << range << '\'';
    Attribute parsed = parseAttribute(("#moe_kernel.schedule<" + body + ">").str(), context);
    entry.schedule = dyn_cast_or_null<kernel::ScheduleAttr>(parsed);
    if (!entry.schedule)
      return emitError() << "expects the inside of a #moe_kernel.schedule for matmul " << number
                         << ", but got '" << body << '\'';
    if (number != "*")
      entry.matmul = index;
    entries.push_back(entry);
  }
  overrides.entries.reserve(entries.size());
  // Of two entries for the same the last one counts.
  for (const Overrides::Entry &entry : llvm::reverse(entries))
    ordered.emplace(std::tuple(entry.isForAll(), !entry.matmul), entry);
  for (const auto &[rank, entry] : ordered)
    overrides.entries.push_back(entry);
  return overrides;
}

} // namespace moec::schedule
