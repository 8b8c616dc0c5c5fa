//===- HuggingFaceConfig.h - config.json of a model to an MoE block --------===//
//
// A Hugging Face config.json names the sizes of a model's MoE layers and, through its model_type,
// how they route. This file is the only one that knows those fields; BlockBuilder.h turns the
// result into IR.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_IMPORT_HUGGINGFACECONFIG_H
#define MOEC_COMPILER_IMPORT_HUGGINGFACECONFIG_H

#include "runtime/Support/Status.h"

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>
#include <vector>

namespace moec {

/// An MoE block as its model's configuration describes it. Gate is activated with SiLU and
/// multiplied by up; routing is a softmax over all experts, then the k largest.
struct BlockConfig {
  std::string modelType;
  int64_t experts = 0;      ///< E
  int64_t topK = 0;         ///< k
  int64_t hidden = 0;       ///< H
  int64_t intermediate = 0; ///< I
  bool renormalize = false; ///< the k weights are divided by their sum
  /// What the configuration says and the block leaves out, a sentence each, for the user to see.
  std::vector<std::string> notes;
};

/// The model types that `parseHuggingFaceConfig` reads, for messages: "mixtral, olmoe, ...".
std::string supportedModelTypes();

/// Reads the text of a config.json. InvalidInput where the text is no JSON or a field is missing,
/// of a wrong type or out of range (the message names the field); Unsupported where the model_type,
/// the activation or top-k is one that moec does not serve.
moert::Result<BlockConfig> parseHuggingFaceConfig(llvm::StringRef text);

} // namespace moec

#endif // MOEC_COMPILER_IMPORT_HUGGINGFACECONFIG_H
