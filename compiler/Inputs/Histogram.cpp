//===- Histogram.cpp - recorded numbers of tokens of each expert ------------===//

#include "compiler/Inputs/Histogram.h"

#include "compiler/Support/Json.h"
#include "runtime/Support/File.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/BLAKE3.h"
#include "llvm/Support/FormatVariadic.h"

#include <fmt/format.h>

#include <cmath>

using namespace llvm;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

/// Far more than any router has experts.
static constexpr uint64_t kMaxBytes = 1 << 20;

std::string Histogram::digest() const {
  std::string text;
  for (double count : counts)
    text += fmt::format("{},", count); // the shortest digits that read back as the same number
  BLAKE3 hash;
  hash.update(text);
  return toHex(hash.final<16>(), /*LowerCase=*/true);
}

/// A value that is not what was expected.
static std::string describe(const json::Value *value) {
  if (!value)
    return "none";
  switch (value->kind()) {
  case json::Value::Array:
    return "an array";
  case json::Value::Object:
    return "an object";
  default:
    return formatv("{0}", *value).str();
  }
}

Result<Histogram> histogramFromJson(const json::Value &value, std::string path) {
  auto invalid = [&](const std::string &message) {
    return Status(StatusCode::InvalidInput, path + ": " + message);
  };
  const json::Object *object = value.getAsObject();
  if (!object)
    return invalid("expects an object with an array 'counts', but got " + describe(&value));
  const json::Value *member = object->get("counts");
  const json::Array *counts = member ? member->getAsArray() : nullptr;
  if (!counts)
    return invalid("expects 'counts' to be an array of numbers, but got " + describe(member));
  Histogram histogram;
  for (const json::Value &element : *counts) {
    std::optional<double> count = element.getAsNumber();
    if (!count || !std::isfinite(*count) || *count < 0)
      return invalid(fmt::format("expects counts[{}] to be a finite number from 0 on, but got {}",
                                 histogram.counts.size(), describe(&element)));
    histogram.counts.push_back(*count + 0.0); // -0 is 0
  }
  histogram.path = std::move(path);
  return histogram;
}

Result<Histogram> readHistogram(std::string path) {
  MOERT_ASSIGN_OR_RETURN(std::string text, moert::readFile(path, kMaxBytes));
  Result<json::Value> value = parseJson(text);
  if (!value)
    return std::move(value).status().withContext(path);
  return histogramFromJson(*value, std::move(path));
}

json::Object toJson(const Histogram &histogram) {
  return json::Object{{"counts", json::Array(histogram.counts)}};
}

} // namespace moec
