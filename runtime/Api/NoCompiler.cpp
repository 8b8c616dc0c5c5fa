//===- NoCompiler.cpp - libmoert's side of the seam -----------------------===//

#include "runtime/Api/TextSource.h"

namespace moert::api {

bool hasCompiler() { return false; }

Result<std::unique_ptr<VariantSource>> openText(const cuda::Device &, std::string_view,
                                                const TextOptions &, std::string &) {
  return Status(StatusCode::Unsupported,
                "expects libmoec to compile a block from its text: libmoert has no compiler");
}

} // namespace moert::api
