//===- HuggingFaceConfig.cpp - config.json of a model to an MoE block ------===//

#include "compiler/Import/HuggingFaceConfig.h"

#include "compiler/Support/Json.h"
#include "runtime/Support/Text.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <optional>

using namespace moec;
using llvm::StringRef;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace {

/// How one model_type spells the block. Defaults are those of the model's class in the
/// `transformers` library (configuration_mixtral.py, configuration_qwen3_moe.py,
/// configuration_olmoe.py, configuration_gpt_oss.py).
struct ModelFamily {
  StringRef modelType;
  ExpertForm form;
  StringRef experts;
  StringRef intermediate;
  /// The field that switches renormalisation; empty: always the default.
  StringRef renormalize;
  bool renormalizeDefault;
};

constexpr ModelFamily kFamilies[] = {
    {"gpt_oss", ExpertForm::GptOss, "num_local_experts", "intermediate_size", "", false},
    {"mixtral", ExpertForm::SiluGate, "num_local_experts", "intermediate_size", "", true},
    {"olmoe", ExpertForm::SiluGate, "num_experts", "intermediate_size", "norm_topk_prob", false},
    {"qwen3_moe", ExpertForm::SiluGate, "num_experts", "moe_intermediate_size", "norm_topk_prob",
     false},
};

constexpr StringRef kModelType = "model_type";
constexpr StringRef kTopK = "num_experts_per_tok";
constexpr StringRef kHidden = "hidden_size";
constexpr StringRef kActivation = "hidden_act";
constexpr StringRef kQuantization = "quantization_config";

/// Constants of gpt-oss's activation that a configuration may name, and what gpt_oss_swiglu has.
struct Constant {
  StringRef field;
  double value;
};
constexpr Constant kGptOssConstants[] = {{"swiglu_alpha", 1.702}, {"swiglu_limit", 7.0}};

/// No published model comes near it, and three such sizes still multiply within 63 bits.
constexpr int64_t kMaxSize = int64_t{1} << 20;
/// What moe.route selects at most (its constraint C1).
constexpr int64_t kMaxTopK = 32;

/// Reads fields of a config.json; a missing or wrong one is an error that names it.
class Fields {
public:
  explicit Fields(const llvm::json::Object &object) : object(object) {}

  /// The value; null where the field is absent or JSON null.
  const llvm::json::Value *find(StringRef field) const {
    const llvm::json::Value *value = object.get(field);
    return value && value->kind() != llvm::json::Value::Null ? value : nullptr;
  }

  Result<int64_t> size(StringRef field) const {
    std::string expected = llvm::formatv("an integer from 1 to {0}", kMaxSize);
    const llvm::json::Value *value = find(field);
    if (!value)
      return missing(field, expected);
    std::optional<int64_t> number = value->getAsInteger();
    if (!number || *number < 1 || *number > kMaxSize)
      return wrong(field, expected, *value);
    return *number;
  }

  Result<std::string> string(StringRef field) const {
    const llvm::json::Value *value = find(field);
    if (!value)
      return missing(field, "a string");
    std::optional<StringRef> text = value->getAsString();
    if (!text)
      return wrong(field, "a string", *value);
    return text->str();
  }

  Result<bool> flag(StringRef field, bool otherwise) const {
    return optional(field, otherwise, "true or false", &llvm::json::Value::getAsBoolean);
  }
  Result<double> number(StringRef field, double otherwise) const {
    return optional(field, otherwise, "a number", &llvm::json::Value::getAsNumber);
  }

private:
  /// A field that may be absent, by one of the value's accessors.
  template <class T>
  Result<T> optional(StringRef field, T otherwise, StringRef expected,
                     std::optional<T> (llvm::json::Value::*get)() const) const {
    const llvm::json::Value *value = find(field);
    if (!value)
      return T(otherwise);
    std::optional<T> found = (value->*get)();
    if (!found)
      return wrong(field, expected, *value);
    return T(*found);
  }

  static Status missing(StringRef field, StringRef expected) {
    return Status(
        StatusCode::InvalidInput,
        llvm::formatv("expects field '{0}' to be {1}, but it is missing", field, expected));
  }

  static Status wrong(StringRef field, StringRef expected, const llvm::json::Value &value) {
    std::string text = moert::shortened(llvm::formatv("{0}", value));
    return Status(
        StatusCode::InvalidInput,
        llvm::formatv("expects field '{0}' to be {1}, but got {2}", field, expected, text));
  }

  const llvm::json::Object &object;
};

} // namespace

std::string moec::supportedModelTypes() {
  std::vector<StringRef> names;
  for (const ModelFamily &family : kFamilies)
    names.push_back(family.modelType);
  return llvm::join(names, ", ");
}

static const ModelFamily *findFamily(StringRef modelType) {
  for (const ModelFamily &family : kFamilies)
    if (family.modelType == modelType)
      return &family;
  return nullptr;
}

/// Rules that tie several fields together.
static Status checkBlock(const BlockConfig &block, const ModelFamily &family) {
  if (block.topK > block.experts)
    return Status(StatusCode::InvalidInput,
                  llvm::formatv("expects field '{0}' to be at most '{1}' = {2}, but got {3}", kTopK,
                                family.experts, block.experts, block.topK));
  if (block.topK > kMaxTopK)
    return Status(StatusCode::Unsupported,
                  llvm::formatv("field '{0}' is {1}, but at most {2} experts a token are supported",
                                kTopK, block.topK, kMaxTopK));
  return Status::ok();
}

static Status checkActivation(const Fields &fields) {
  if (!fields.find(kActivation))
    return Status::ok(); // every supported family defaults to silu
  MOERT_ASSIGN_OR_RETURN(std::string activation, fields.string(kActivation));
  if (activation == "silu" || activation == "swish") // two names of one function
    return Status::ok();
  return Status(
      StatusCode::Unsupported,
      llvm::formatv("field '{0}' is '{1}', but only 'silu' is supported", kActivation, activation));
}

static Status checkConstants(const Fields &fields) {
  for (const Constant &constant : kGptOssConstants) {
    MOERT_ASSIGN_OR_RETURN(double value, fields.number(constant.field, constant.value));
    if (value != constant.value)
      return Status(StatusCode::Unsupported,
                    llvm::formatv("field '{0}' is {1}, but only {2} is supported", constant.field,
                                  llvm::json::Value(value), llvm::json::Value(constant.value)));
  }
  return Status::ok();
}

Result<BlockConfig> moec::parseHuggingFaceConfig(StringRef text) {
  MOERT_ASSIGN_OR_RETURN(llvm::json::Value root, parseJson(text));
  const llvm::json::Object *object = root.getAsObject();
  if (!object)
    return Status(StatusCode::InvalidInput, "expects a JSON object, but got another value");

  Fields fields(*object);
  BlockConfig block;
  MOERT_ASSIGN_OR_RETURN(block.modelType, fields.string(kModelType));
  const ModelFamily *family = findFamily(block.modelType);
  if (!family)
    return Status(StatusCode::Unsupported,
                  llvm::formatv("field '{0}' is '{1}', but supported are: {2}", kModelType,
                                block.modelType, supportedModelTypes()));

  block.form = family->form;
  MOERT_ASSIGN_OR_RETURN(block.experts, fields.size(family->experts));
  MOERT_ASSIGN_OR_RETURN(block.topK, fields.size(kTopK));
  MOERT_ASSIGN_OR_RETURN(block.hidden, fields.size(kHidden));
  MOERT_ASSIGN_OR_RETURN(block.intermediate, fields.size(family->intermediate));
  block.renormalize = family->renormalizeDefault;
  if (!family->renormalize.empty()) {
    MOERT_ASSIGN_OR_RETURN(block.renormalize,
                           fields.flag(family->renormalize, family->renormalizeDefault));
  }
  MOERT_RETURN_IF_ERROR(checkActivation(fields));
  if (block.form == ExpertForm::GptOss) {
    MOERT_RETURN_IF_ERROR(checkConstants(fields));
  }
  MOERT_RETURN_IF_ERROR(checkBlock(block, *family));
  if (fields.find(kQuantization))
    block.notes.push_back(llvm::formatv(
        "field '{0}' is ignored: the block takes weights of its own element type", kQuantization));
  return block;
}
