//===- moec.cpp - The C interface: errors, contexts, what a package is ----===//
//
// Translates between the C types and the C++ runtime; decides nothing.
//
//===----------------------------------------------------------------------===//

#include "runtime/Api/Handles.h"
#include "runtime/Api/TextSource.h"
#include "runtime/Exec/BundleChoice.h"
#include "runtime/Support/Log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <thread>

using namespace moert;
using namespace moert::api;

static_assert(MOEC_WORKSPACE_ALIGNMENT == kWorkspaceAlignment);
static_assert(MOEC_TENSOR_ALIGNMENT == kTensorAlignment);
static_assert(MOEC_MAX_RANK == kMaxRank);
static_assert(MOEC_I64 == static_cast<int>(DType::I64) && kNumDTypes == MOEC_I64 + 1);
static_assert(MOEC_INTERNAL == static_cast<int>(StatusCode::Internal));
static_assert(MOEC_LOG_ERROR == static_cast<int>(LogLevel::Error));

/// Threads that prepare variants, of each context; every one compiles the kernels of its variant at
/// once.
static constexpr unsigned kWorkers = 4;

moec_status api::report(Status status, moec_error **error, std::string location) {
  auto code = static_cast<moec_status>(status.exitCode());
  if (error)
    *error = status.isOk() ? nullptr : new moec_error{std::move(status), std::move(location)};
  return code;
}

Status api::nullParameter(const char *call, const char *parameter) {
  return Status(StatusCode::Usage,
                fmt::format("{}: expects {} to be no null pointer", call, parameter));
}

Status api::checkStructSize(size_t size, size_t known, const char *type) {
  // Every member so far ends, or is padded, at a multiple of this; another size is inside of one.
  constexpr size_t kStep = sizeof(uint64_t);
  if (size >= sizeof(size_t) && size <= known && size % kStep == 0)
    return Status::ok();
  return Status(StatusCode::Usage,
                fmt::format("expects the size of {} to be a multiple of {} from {} to {}, but got "
                            "{}",
                            type, kStep, sizeof(size_t), known, size));
}

extern "C" {

uint32_t moec_abi_version(void) { return MOEC_ABI_VERSION; }
const char *moec_version(void) { return MOEC_VERSION; }
int32_t moec_has_compiler(void) { return hasCompiler() ? 1 : 0; }

moec_status moec_error_status(const moec_error *error) {
  return error ? static_cast<moec_status>(error->status.exitCode()) : MOEC_OK;
}
const char *moec_error_message(const moec_error *error) {
  return error ? error->status.message().c_str() : "";
}
const char *moec_error_location(const moec_error *error) {
  return error ? error->location.c_str() : "";
}
void moec_error_destroy(moec_error *error) { delete error; }

static bool isDType(moec_dtype dtype) {
  return static_cast<int>(dtype) >= 0 && static_cast<unsigned>(dtype) < kNumDTypes;
}
const char *moec_dtype_name(moec_dtype dtype) {
  // The names are literals and so NUL-terminated.
  return isDType(dtype) ? name(static_cast<DType>(dtype)).data() : nullptr;
}
size_t moec_dtype_bytes(moec_dtype dtype) {
  return isDType(dtype) ? byteSize(static_cast<DType>(dtype)) : 0;
}

void moec_set_log_callback(moec_log_callback callback, void *user, moec_log_level minimum) {
  // The two callback types differ in the name of an enumeration of the same values.
  setLogCallback(reinterpret_cast<LogCallback>(callback), user, static_cast<LogLevel>(minimum));
}

int32_t moec_device_count(void) { return cuda::Device::count(); }

moec_status moec_context_create(int32_t ordinal, moec_context **context, moec_error **error) {
  MOEC_REQUIRE(context);
  *context = nullptr;
  Result<std::shared_ptr<const cuda::Device>> device = cuda::Device::open(ordinal);
  if (!device)
    return report(std::move(device).status(), error);
  unsigned cores = std::max(std::thread::hardware_concurrency(), 1u);
  *context =
      new moec_context{*std::move(device), std::make_shared<Workers>(std::min(kWorkers, cores)),
                       std::make_shared<Workers>(1)};
  return report(Status::ok(), error);
}
void moec_context_destroy(moec_context *context) { delete context; }

moec_status moec_package_open(moec_context *context, const char *path, moec_package **package,
                              moec_error **error) {
  MOEC_REQUIRE(package);
  *package = nullptr;
  MOEC_REQUIRE(context);
  MOEC_REQUIRE(path);
  Result<Package> read = readPackageFor(path, context->device->properties());
  if (!read)
    return report(std::move(read).status(), error);
  Result<std::shared_ptr<const LoadedPackage>> loaded = LoadedPackage::load(context->device, *read);
  if (!loaded)
    return report(std::move(loaded).status().withContext(fmt::format("package '{}'", path)), error);
  *package = new moec_package{ServedBlock::of(*std::move(loaded))};
  return report(Status::ok(), error);
}

/// The options of a caller that may know fewer of them.
static Result<TextOptions> readTextOptions(const moec_text_options *given) {
  TextOptions result;
  if (!given)
    return result;
  moec_text_options options = {};
  MOERT_RETURN_IF_ERROR(checkStructSize(given->size, sizeof options, "moec_text_options"));
  std::memcpy(&options, given, given->size);
  if (options.name)
    result.name = options.name;
  if (options.schedule)
    result.schedule = options.schedule;
  result.cacheDirectory = options.cache_dir;
  result.strictCache = options.strict_cache != 0;
  result.accumulate = options.accumulate != 0;
  result.jobs = options.jobs;
  if (options.routing)
    result.routing = options.routing;
  return result;
}

moec_status moec_package_from_text(moec_context *context, const char *text, size_t bytes,
                                   const moec_text_options *options, moec_package **package,
                                   moec_error **error) {
  MOEC_REQUIRE(package);
  *package = nullptr;
  MOEC_REQUIRE(context);
  MOEC_REQUIRE(text);
  Result<TextOptions> read = readTextOptions(options);
  if (!read)
    return report(std::move(read).status(), error);
  std::string location;
  Result<std::unique_ptr<VariantSource>> source =
      openText(*context->device, std::string_view(text, bytes), *read, location);
  if (!source)
    return report(std::move(source).status(), error, std::move(location));
  Result<std::shared_ptr<ServedBlock>> block =
      ServedBlock::open(context->device, *std::move(source), context->workers, context->tuners);
  if (!block)
    return report(std::move(block).status(), error);
  *package = new moec_package{*std::move(block)};
  return report(Status::ok(), error);
}
void moec_package_close(moec_package *package) { delete package; }

const char *moec_package_name(const moec_package *package) {
  return package ? package->block->manifest().block.c_str() : "";
}
const char *moec_package_target(const moec_package *package) {
  return package ? package->block->manifest().targetArch.c_str() : "";
}
int64_t moec_package_max_tokens(const moec_package *package) {
  return package ? package->block->maxTokens() : -1;
}
int32_t moec_package_is_deterministic(const moec_package *package) {
  if (!package)
    return 0;
  for (size_t i = 0; i < package->block->variantCount(); ++i)
    if (!package->block->variant(i).deterministic)
      return 0;
  return 1;
}
size_t moec_package_argument_count(const moec_package *package) {
  return package ? package->block->manifest().arguments.size() : 0;
}

/// Whether `index` names an argument.
static Status checkIndex(const moec_package *package, size_t index) {
  size_t count = package->block->manifest().arguments.size();
  if (index < count)
    return Status::ok();
  return Status(StatusCode::Usage,
                fmt::format("expects an argument index below {}, but got {}", count, index));
}

moec_status moec_package_argument(const moec_package *package, size_t index,
                                  moec_argument *argument, moec_error **error) {
  MOEC_REQUIRE(package);
  MOEC_REQUIRE(argument);
  if (Status status = checkIndex(package, index); !status.isOk())
    return report(std::move(status), error);
  const Argument &info = package->block->manifest().arguments[index];
  *argument = {info.name.c_str(), static_cast<moec_dtype>(info.dtype),
               static_cast<int32_t>(info.shape.size()), info.isOutput ? 1 : 0};
  return report(Status::ok(), error);
}

moec_status moec_package_find_argument(const moec_package *package, const char *name, size_t *index,
                                       moec_error **error) {
  MOEC_REQUIRE(package);
  MOEC_REQUIRE(name);
  MOEC_REQUIRE(index);
  const std::vector<Argument> &arguments = package->block->manifest().arguments;
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i].name == name) {
      *index = i;
      return report(Status::ok(), error);
    }
  return report(Status(StatusCode::Usage, fmt::format("the package has no argument '{}'", name)),
                error);
}

moec_status moec_package_argument_dims(const moec_package *package, size_t index, int64_t tokens,
                                       int64_t *dims, moec_error **error) {
  MOEC_REQUIRE(package);
  MOEC_REQUIRE(dims);
  // Also checks the index and T.
  Result<uint64_t> bytes = package->block->argumentBytes(index, tokens);
  if (!bytes)
    return report(std::move(bytes).status(), error);
  for (const Expr &extent : package->block->manifest().arguments[index].shape) {
    Result<int64_t> value = extent.evaluate(tokens);
    if (!value)
      return report(std::move(value).status(), error);
    *dims++ = *value;
  }
  return report(Status::ok(), error);
}

moec_status moec_package_workspace_bytes(const moec_package *package, int64_t tokens,
                                         uint64_t *bytes, moec_error **error) {
  MOEC_REQUIRE(package);
  MOEC_REQUIRE(bytes);
  Result<uint64_t> result = package->block->workspaceBytes(tokens);
  if (!result)
    return report(std::move(result).status(), error);
  *bytes = *result;
  return report(Status::ok(), error);
}

} // extern "C"
