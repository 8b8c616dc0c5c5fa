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

/// How a family of models computes its experts, and how it holds their weights.
enum class ExpertForm {
  /// silu(gate) * up; `gate_up` [E, 2I, H], gate rows before up rows, and `down` [E, H, I]; a
  /// softmax over all experts, then the k largest.
  SiluGate,
  /// gpt-oss: clamped, with biases; `gate_up` [E, H, 2I], gate and up in turn, and `down`
  /// [E, I, H]; the k largest, then a softmax over these.
  GptOss,
};

/// An MoE block as its model's configuration describes it.
struct BlockConfig {
  std::string modelType;
  ExpertForm form = ExpertForm::SiluGate;
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
/// the activation or one of its constants, or top-k is one that moec does not serve.
moert::Result<BlockConfig> parseHuggingFaceConfig(llvm::StringRef text);

} // namespace moec

#endif // MOEC_COMPILER_IMPORT_HUGGINGFACECONFIG_H
