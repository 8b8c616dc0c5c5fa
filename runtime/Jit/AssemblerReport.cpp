//===- AssemblerReport.cpp - Reading the log of ptxas ---------------------===//
//
// With -Xptxas=-v the log holds for each entry point lines such as
//
//   ptxas info    : Compiling entry function 'k' for 'sm_90a'
//   ptxas info    : Function properties for k
//       0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
//   ptxas info    : Used 168 registers, used 1 barriers, 1024 bytes smem
//
//===----------------------------------------------------------------------===//

#include "runtime/Jit/NvrtcCompiler.h"

#include <charconv>

namespace moert {

/// The decimal number that ends where `before` starts in the line; 0 where there is none.
static uint32_t numberBefore(std::string_view line, std::string_view before) {
  size_t end = line.find(before);
  if (end == std::string_view::npos)
    return 0;
  size_t begin = end;
  while (begin > 0 && line[begin - 1] >= '0' && line[begin - 1] <= '9')
    --begin;
  uint32_t value = 0;
  std::from_chars(line.data() + begin, line.data() + end, value);
  return value;
}

/// Calls `function` with each line of the text.
template <typename Function>
static void forEachLine(std::string_view text, Function function) {
  while (!text.empty()) {
    size_t end = text.find('\n');
    function(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

std::vector<KernelResources> parseAssemblerReport(std::string_view log) {
  std::vector<KernelResources> entries;
  forEachLine(log, [&](std::string_view line) {
    constexpr std::string_view kEntry = "Compiling entry function '";
    if (size_t begin = line.find(kEntry); begin != std::string_view::npos) {
      std::string_view name = line.substr(begin + kEntry.size());
      entries.emplace_back().entry = name.substr(0, name.find('\''));
      return;
    }
    if (entries.empty())
      return;
    KernelResources &entry = entries.back();
    // Functions that an entry calls report their own frame; they count towards the entry.
    if (line.find(" bytes stack frame") != std::string_view::npos) {
      entry.stackBytes += numberBefore(line, " bytes stack frame");
      entry.spillStoreBytes += numberBefore(line, " bytes spill stores");
      entry.spillLoadBytes += numberBefore(line, " bytes spill loads");
    }
    if (line.find(" registers") != std::string_view::npos &&
        line.find("Used ") != std::string_view::npos) {
      entry.registers = numberBefore(line, " registers");
      entry.staticSharedBytes = numberBefore(line, " bytes smem");
    }
  });
  return entries;
}

std::string_view findFatalAdvisory(std::string_view log) {
  constexpr std::string_view kFatal[] = {"(C7504)", "(C7508)", "(C7510)",
                                         "(C7511)", "(C7512)", "(C7520)"};
  std::string_view found;
  forEachLine(log, [&](std::string_view line) {
    for (std::string_view code : kFatal)
      if (found.empty() && line.find(code) != std::string_view::npos)
        found = line;
  });
  return found;
}

} // namespace moert
