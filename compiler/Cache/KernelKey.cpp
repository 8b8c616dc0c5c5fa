//===- KernelKey.cpp - what decides the code of one kernel ------------------===//

#include "compiler/Cache/KernelKey.h"

#include "compiler/Cache/KeyBuilder.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringExtras.h"

#include <fmt/format.h>

#include <map>

using llvm::StringRef;
using moert::CompiledKernel;
using moert::CompileRequest;

namespace moec {

/// What is not in source, headers and options but decides the result all the same: how a compile is
/// run and what is kept of it. Raise it with any change to that.
static constexpr StringRef kGeneratorVersion = "2";

/// The names in #include lines, wherever they stand: one too many only makes a key narrower.
static void collectIncludes(StringRef text, llvm::SmallVectorImpl<StringRef> &names) {
  while (!text.empty()) {
    auto [line, rest] = text.split('\n');
    text = rest;
    line = line.ltrim();
    if (!line.consume_front("#"))
      continue;
    line = line.ltrim();
    if (!line.consume_front("include"))
      continue;
    line = line.ltrim();
    if (line.consume_front("\""))
      names.push_back(line.take_until([](char c) { return c == '"'; }));
    else if (line.consume_front("<"))
      names.push_back(line.take_until([](char c) { return c == '>'; }));
  }
}

/// Names and texts of the given headers that the source reaches. Others are NVRTC's own, and its
/// version stands for them.
static std::string reachedHeaders(const CompileRequest &request) {
  std::map<StringRef, StringRef> texts, reached;
  for (const moert::SourceHeader &header : request.headers)
    texts.emplace(header.name, header.text);
  llvm::SmallVector<StringRef> pending;
  collectIncludes(request.source, pending);
  while (!pending.empty()) {
    auto header = texts.find(pending.pop_back_val());
    if (header != texts.end() && reached.insert(*header).second)
      collectIncludes(header->second, pending);
  }
  std::string all;
  for (auto [name, text] : reached)
    all += fmt::format("{}\n{}\n{}", std::string_view(name), text.size(), std::string_view(text));
  return all;
}

moert::CacheKey kernelKey(const CompileRequest &request, StringRef nvrtc) {
  std::vector<std::string> options = moert::NvrtcCompiler::standardOptions(request.arch);
  options.insert(options.end(), request.options.begin(), request.options.end());
  // The architecture is a part of its own, which explanations need say once.
  std::erase(options, "-arch=" + request.arch);
  return KeyBuilder(moert::EntryKind::Kernel)
      .add("generator", kGeneratorVersion)
      .add("kernel", request.name)
      .add("target", request.arch)
      .add("options", llvm::join(options, " "))
      .addDigest("source", request.source)
      .addDigest("headers", reachedHeaders(request))
      .build(nvrtc);
}

moert::Entry kernelToEntry(const moert::CacheKey &key, const CompiledKernel &kernel) {
  moert::Entry entry(key.text);
  entry.add("ptx", kernel.ptx);
  entry.add("cubin", kernel.cubin);
  entry.add("log", kernel.log);
  return entry;
}

moert::Result<CompiledKernel> kernelFromEntry(StringRef name, const moert::Entry &entry) {
  std::optional<std::string_view> ptx = entry.find("ptx"), cubin = entry.find("cubin"),
                                  log = entry.find("log");
  if (!ptx || !cubin || !log)
    return moert::Status(moert::StatusCode::Internal,
                         fmt::format("the cached kernel '{}' lacks a section", name.str()));
  CompiledKernel kernel;
  kernel.name = name;
  kernel.ptx = *ptx;
  kernel.cubin = *cubin;
  kernel.log = *log;
  kernel.entries = moert::parseAssemblerReport(kernel.log);
  return kernel;
}

} // namespace moec
