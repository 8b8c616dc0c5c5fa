//===- ManifestJson.cpp - The manifest as JSON ----------------------------===//
//
// The reader and the writer of manifest.json, field by field in the same order. What a field may
// hold beyond its JSON type is checked in ManifestValidate.cpp, for both directions.
//
//===----------------------------------------------------------------------===//

#include "runtime/Package/Json.h"
#include "runtime/Package/Manifest.h"
#include "runtime/Package/ManifestNames.h"

#include <fmt/format.h>

#include <limits>

namespace moert {

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

template <typename T, typename Function>
static Json toArray(const T &range, Function function) {
  Json array = Json::array();
  for (const auto &element : range)
    array.push_back(function(element));
  return array;
}

static Json exprs(const std::vector<Expr> &list) {
  return toArray(list, [](const Expr &expr) { return toJson(expr); });
}

template <typename T>
static Json numbers(const T &list) {
  return toArray(list, [](uint32_t value) { return Json(value); });
}

static Json toJson(const FileRecord &record) {
  Json json = Json::object();
  json["file"] = record.file;
  json["bytes"] = record.bytes;
  json["checksum"] = record.checksum;
  return json;
}

static Json toJson(const Argument &argument) {
  Json json = Json::object();
  json["name"] = argument.name;
  json["dtype"] = std::string(name(argument.dtype));
  json["shape"] = exprs(argument.shape);
  json["output"] = argument.isOutput;
  return json;
}

static Json toJson(const Kernel &kernel) {
  Json json = Json::object();
  json["name"] = kernel.name;
  json["entry"] = kernel.entry;
  json["parameters"] =
      toArray(kernel.parameters, [](ParameterKind kind) { return Json(std::string(name(kind))); });
  json["threads"] = kernel.threads;
  json["registers"] = kernel.registers;
  json["spill_bytes"] = kernel.spillBytes;
  json["static_shared_bytes"] = kernel.staticSharedBytes;
  json["dynamic_shared_bytes"] = kernel.dynamicSharedBytes;
  for (auto [key, record] : {std::pair{"source", &kernel.source}, std::pair{"ptx", &kernel.ptx},
                             std::pair{"cubin", &kernel.cubin}})
    if (record->isPresent())
      json[key] = toJson(*record);
  return json;
}

static Json toJson(const TensorMap &map) {
  Json json = Json::object();
  json[map.fromBuffer ? "buffer" : "tensor"] = map.index;
  json["offset"] = map.offset;
  json["dtype"] = std::string(name(map.dtype));
  json["dims"] = exprs(map.dims);
  json["strides"] = exprs(map.strides);
  json["box"] = numbers(map.box);
  json["swizzle"] = std::string(name(map.swizzle));
  json["l2_promotion"] = std::string(name(map.l2Promotion));
  return json;
}

static Json toJson(const LaunchArgument &argument) {
  Json json = Json::object();
  switch (argument.kind) {
  case LaunchArgument::Kind::Tokens:
    return "tokens";
  case LaunchArgument::Kind::Tensor:
    json["tensor"] = argument.index;
    break;
  case LaunchArgument::Kind::Buffer:
    json["buffer"] = argument.index;
    break;
  case LaunchArgument::Kind::I32:
    json["i32"] = argument.value;
    break;
  case LaunchArgument::Kind::TensorMap:
    json["tensormap"] = toJson(argument.tensorMap);
    break;
  }
  return json;
}

static Json toJson(const Launch &launch) {
  Json json = Json::object();
  json["kernel"] = launch.kernel;
  json["grid"] = toArray(launch.grid, [](const Expr &expr) { return toJson(expr); });
  json["block"] = numbers(launch.block);
  json["cluster"] = numbers(launch.cluster);
  json["dynamic_shared_bytes"] = launch.dynamicSharedBytes;
  json["overlaps_previous"] = launch.overlapsPrevious;
  json["arguments"] =
      toArray(launch.arguments, [](const LaunchArgument &argument) { return toJson(argument); });
  return json;
}

static Json toJson(const Buffer &buffer) {
  Json json = Json::object();
  json["name"] = buffer.name;
  json["dtype"] = std::string(name(buffer.dtype));
  json["shape"] = exprs(buffer.shape);
  return json;
}

static Json toJson(const Variant &variant) {
  Json json = Json::object();
  json["min_tokens"] = variant.minTokens;
  json["max_tokens"] = variant.maxTokens;
  json["deterministic"] = variant.deterministic;
  json["buffers"] = toArray(variant.buffers, [](const Buffer &buffer) { return toJson(buffer); });
  json["launches"] = toArray(variant.launches, [](const Launch &launch) { return toJson(launch); });
  return json;
}

std::string writeManifest(const Manifest &manifest) {
  Json json = Json::object();
  json["format"] = std::string(kPackageMagic);
  json["version"] = kPackageFormatVersion;
  json["producer"] = manifest.producer;
  json["block"] = manifest.block;
  json["target"] = manifest.targetArch;
  json["max_tokens"] = manifest.maxTokens;
  json["arguments"] =
      toArray(manifest.arguments, [](const Argument &argument) { return toJson(argument); });
  json["kernels"] = toArray(manifest.kernels, [](const Kernel &kernel) { return toJson(kernel); });
  json["variants"] =
      toArray(manifest.variants, [](const Variant &variant) { return toJson(variant); });
  json["files"] = toArray(manifest.files, [](const FileRecord &record) { return toJson(record); });
  return prettyPrint(json);
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// How many kernels, variants or files a manifest may list.
static constexpr size_t kMaxListLength = 4096;

template <typename T, typename Function>
static std::vector<T> readList(const JsonCursor &array, size_t most, Function function) {
  std::vector<T> list;
  size_t size = array.arraySize(most);
  list.reserve(size);
  for (size_t i = 0; i < size && !array.failed(); ++i)
    list.push_back(function(array.element(i)));
  return list;
}

/// A value of a small enumeration by its name.
template <typename T>
static T readEnum(const JsonCursor &cursor, unsigned count) {
  std::string text = cursor.text();
  std::string names;
  for (unsigned i = 0; i < count; ++i) {
    if (name(static_cast<T>(i)) == text)
      return static_cast<T>(i);
    names += (i ? ", " : "") + std::string(name(static_cast<T>(i)));
  }
  cursor.fail(fmt::format("expects one of {}, but got '{}'", names, text));
  return static_cast<T>(0);
}

static DType readDType(const JsonCursor &cursor) { return readEnum<DType>(cursor, kNumDTypes); }

static std::vector<Expr> readExprs(const JsonCursor &cursor, size_t most) {
  return readList<Expr>(cursor, most, [](const JsonCursor &element) { return element.expr(); });
}

template <typename T, typename Function>
static std::array<T, 3> readTriple(const JsonCursor &cursor, Function function) {
  std::array<T, 3> triple{};
  if (size_t size = cursor.arraySize(3); size != 3) {
    cursor.fail(fmt::format("expects 3 elements, but got {}", size));
    return triple;
  }
  for (size_t i = 0; i < 3; ++i)
    triple[i] = function(cursor.element(i));
  return triple;
}

static uint32_t readU32(const JsonCursor &cursor) { return cursor.integerAs<uint32_t>(); }

static FileRecord readFileRecord(const JsonCursor &cursor) {
  cursor.expectObject({"file", "bytes", "checksum"});
  FileRecord record;
  record.file = cursor.field("file").text();
  record.bytes = static_cast<uint64_t>(cursor.field("bytes").integer(0));
  record.checksum = cursor.field("checksum").text();
  if (record.file.empty())
    cursor.field("file").fail("expects a file name, but got an empty one");
  return record;
}

static Argument readArgument(const JsonCursor &cursor) {
  cursor.expectObject({"name", "dtype", "shape", "output"});
  Argument argument;
  argument.name = cursor.field("name").text();
  argument.dtype = readDType(cursor.field("dtype"));
  argument.shape = readExprs(cursor.field("shape"), kMaxRank);
  argument.isOutput = cursor.field("output").boolean();
  return argument;
}

static Kernel readKernel(const JsonCursor &cursor) {
  cursor.expectObject({"name", "entry", "parameters", "threads", "registers", "spill_bytes",
                       "static_shared_bytes", "dynamic_shared_bytes", "source", "ptx", "cubin"});
  Kernel kernel;
  kernel.name = cursor.field("name").text();
  kernel.entry = cursor.field("entry").text();
  kernel.parameters = readList<ParameterKind>(
      cursor.field("parameters"), kMaxParameters, [](const JsonCursor &element) {
        return readEnum<ParameterKind>(element, kNumParameterKinds);
      });
  kernel.threads = readU32(cursor.field("threads"));
  kernel.registers = readU32(cursor.field("registers"));
  kernel.spillBytes = readU32(cursor.field("spill_bytes"));
  kernel.staticSharedBytes = readU32(cursor.field("static_shared_bytes"));
  kernel.dynamicSharedBytes = readU32(cursor.field("dynamic_shared_bytes"));
  for (auto [key, record] : {std::pair{"source", &kernel.source}, std::pair{"ptx", &kernel.ptx},
                             std::pair{"cubin", &kernel.cubin}})
    if (cursor.has(key))
      *record = readFileRecord(cursor.field(key));
  return kernel;
}

static TensorMap readTensorMap(const JsonCursor &cursor) {
  cursor.expectObject(
      {"tensor", "buffer", "offset", "dtype", "dims", "strides", "box", "swizzle", "l2_promotion"});
  TensorMap map;
  map.fromBuffer = cursor.has("buffer");
  if (map.fromBuffer && cursor.has("tensor"))
    cursor.fail("expects one of tensor and buffer, but got both");
  map.index = readU32(cursor.field(map.fromBuffer ? "buffer" : "tensor"));
  map.offset = cursor.field("offset").integerAs<int64_t>();
  map.dtype = readDType(cursor.field("dtype"));
  map.dims = readExprs(cursor.field("dims"), kMaxTensorMapRank);
  map.strides = readExprs(cursor.field("strides"), kMaxTensorMapRank);
  map.box = readList<uint32_t>(cursor.field("box"), kMaxTensorMapRank, readU32);
  map.swizzle = readEnum<TensorMap::Swizzle>(cursor.field("swizzle"), kNumSwizzles);
  map.l2Promotion =
      readEnum<TensorMap::L2Promotion>(cursor.field("l2_promotion"), kNumL2Promotions);
  return map;
}

static LaunchArgument readLaunchArgument(const JsonCursor &cursor) {
  if (cursor.isString()) {
    if (std::string text = cursor.text(); text != "tokens")
      cursor.fail(fmt::format("expects \"tokens\" or an object, but got '{}'", text));
    return LaunchArgument::tokens();
  }
  for (const char *key : {"tensor", "buffer", "i32", "tensormap"}) {
    if (!cursor.has(key))
      continue;
    cursor.expectObject({key});
    std::string_view kind = key;
    if (kind == "tensor")
      return LaunchArgument::tensor(readU32(cursor.field(key)));
    if (kind == "buffer")
      return LaunchArgument::buffer(readU32(cursor.field(key)));
    if (kind == "i32")
      return LaunchArgument::i32(cursor.field(key).integerAs<int32_t>(INT32_MIN));
    return LaunchArgument::map(readTensorMap(cursor.field(key)));
  }
  cursor.fail("expects \"tokens\" or an object with tensor, buffer, i32 or tensormap");
  return LaunchArgument::tokens();
}

static Launch readLaunch(const JsonCursor &cursor) {
  cursor.expectObject({"kernel", "grid", "block", "cluster", "dynamic_shared_bytes",
                       "overlaps_previous", "arguments"});
  Launch launch;
  launch.kernel = readU32(cursor.field("kernel"));
  launch.grid = readTriple<Expr>(cursor.field("grid"),
                                 [](const JsonCursor &element) { return element.expr(); });
  launch.block = readTriple<uint32_t>(cursor.field("block"), readU32);
  launch.cluster = readTriple<uint32_t>(cursor.field("cluster"), readU32);
  launch.dynamicSharedBytes = readU32(cursor.field("dynamic_shared_bytes"));
  launch.overlapsPrevious = cursor.field("overlaps_previous").boolean();
  launch.arguments =
      readList<LaunchArgument>(cursor.field("arguments"), kMaxParameters, readLaunchArgument);
  return launch;
}

static Buffer readBuffer(const JsonCursor &cursor) {
  cursor.expectObject({"name", "dtype", "shape"});
  Buffer buffer;
  buffer.name = cursor.field("name").text();
  buffer.dtype = readDType(cursor.field("dtype"));
  buffer.shape = readExprs(cursor.field("shape"), kMaxRank);
  return buffer;
}

static Variant readVariant(const JsonCursor &cursor) {
  cursor.expectObject({"min_tokens", "max_tokens", "deterministic", "buffers", "launches"});
  Variant variant;
  variant.minTokens = cursor.field("min_tokens").integer(0);
  variant.maxTokens = cursor.field("max_tokens").integer(-1);
  variant.deterministic = cursor.field("deterministic").boolean();
  variant.buffers = readList<Buffer>(cursor.field("buffers"), kMaxBuffers, readBuffer);
  variant.launches = readList<Launch>(cursor.field("launches"), kMaxLaunches, readLaunch);
  return variant;
}

Result<Manifest> parseManifest(std::string_view text) {
  MOERT_ASSIGN_OR_RETURN(Json document, parseJson(text));
  Status error;
  JsonCursor root(document, error);
  // The version decides what the other fields mean, so it comes first.
  if (root.isObject() && root.has("format") && root.field("format").isString() &&
      root.field("format").text() == kPackageMagic && root.has("version") &&
      root.field("version").isNumber()) {
    int64_t version = root.field("version").integer();
    if (!root.failed() && version != kPackageFormatVersion)
      return Status(
          StatusCode::InvalidInput,
          fmt::format("/version: expects package format {}, but got {}; compile the block "
                      "again with this version",
                      kPackageFormatVersion, version));
  } else {
    return Status(
        StatusCode::InvalidInput,
        fmt::format("/: expects an object with \"format\": \"{}\" and a number \"version\"",
                    kPackageMagic));
  }
  root.expectObject({"format", "version", "producer", "block", "target", "max_tokens", "arguments",
                     "kernels", "variants", "files"});
  Manifest manifest;
  manifest.producer = root.field("producer").text();
  manifest.block = root.field("block").text();
  manifest.targetArch = root.field("target").text();
  manifest.maxTokens = root.field("max_tokens").integer();
  manifest.arguments = readList<Argument>(root.field("arguments"), kMaxArguments, readArgument);
  manifest.kernels = readList<Kernel>(root.field("kernels"), kMaxListLength, readKernel);
  manifest.variants = readList<Variant>(root.field("variants"), kMaxListLength, readVariant);
  manifest.files = readList<FileRecord>(root.field("files"), kMaxListLength, readFileRecord);
  if (root.failed())
    return error;
  MOERT_RETURN_IF_ERROR(validate(manifest));
  MOERT_RETURN_IF_ERROR(validateFiles(manifest));
  return manifest;
}

} // namespace moert
