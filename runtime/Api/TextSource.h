//===- TextSource.h - The seam between the two libraries ------------------===//
//
// All that libmoec has and libmoert has not. libmoert links NoCompiler.cpp, libmoec the definitions
// in compiler/Embed; everything else of the C interface is the same code in both.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_API_TEXTSOURCE_H
#define MOEC_RUNTIME_API_TEXTSOURCE_H

#include "runtime/Cuda/Device.h"
#include "runtime/Serve/VariantSource.h"

#include <memory>
#include <string>

namespace moert::api {

/// moec_text_options with its defaults filled in.
struct TextOptions {
  std::string name = "block.mlir";
  const char *cacheDirectory = nullptr; ///< null: the environment's; empty: none
  std::string schedule;
  bool strictCache = false;
  bool accumulate = false;
  unsigned jobs = 0;
  std::string routing = "uniform";
};

bool hasCompiler();

/// The variants of the block `text` for the device. InvalidInput, Unsupported or Usage with
/// `location` set to a place in the text where there is one. Unsupported without a compiler.
Result<std::unique_ptr<VariantSource>> openText(const cuda::Device &device, std::string_view text,
                                                const TextOptions &options, std::string &location);

} // namespace moert::api

#endif // MOEC_RUNTIME_API_TEXTSOURCE_H
