//===- moec.cpp - The C interface of libmoert -----------------------------===//
//
// Translates between the C types and the C++ runtime; decides nothing.
//
//===----------------------------------------------------------------------===//

#include "runtime/Api/moec.h"

#include "runtime/Exec/LoadedPackage.h"
#include "runtime/Support/Log.h"

#include <fmt/format.h>

#include <array>
#include <memory>

using namespace moert;

struct moec_error {
  Status status;
};
struct moec_context {
  std::shared_ptr<const cuda::Device> device;
};
struct moec_package {
  std::shared_ptr<const LoadedPackage> loaded;
};

static_assert(MOEC_WORKSPACE_ALIGNMENT == kWorkspaceAlignment);
static_assert(MOEC_TENSOR_ALIGNMENT == kTensorAlignment);
static_assert(MOEC_MAX_RANK == kMaxRank);
static_assert(MOEC_I64 == static_cast<int>(DType::I64) && kNumDTypes == MOEC_I64 + 1);
static_assert(MOEC_INTERNAL == static_cast<int>(StatusCode::Internal));
static_assert(MOEC_LOG_ERROR == static_cast<int>(LogLevel::Error));
static_assert(sizeof(void *) == sizeof(cuda::DevicePtr));

/// Hands a Status to the caller.
static moec_status report(Status status, moec_error **error) {
  auto code = static_cast<moec_status>(status.exitCode());
  if (error)
    *error = status.isOk() ? nullptr : new moec_error{std::move(status)};
  return code;
}

/// The failure of a call that got a null pointer for a parameter that needs one.
static Status nullParameter(const char *call, const char *parameter) {
  return Status(StatusCode::Usage,
                fmt::format("{}: expects {} to be no null pointer", call, parameter));
}

#define MOEC_REQUIRE(parameter)                                                                    \
  if (!(parameter))                                                                                \
  return report(nullParameter(__func__, #parameter), error)

extern "C" {

uint32_t moec_abi_version(void) { return MOEC_ABI_VERSION; }
const char *moec_version(void) { return MOEC_VERSION; }

moec_status moec_error_status(const moec_error *error) {
  return error ? static_cast<moec_status>(error->status.exitCode()) : MOEC_OK;
}
const char *moec_error_message(const moec_error *error) {
  return error ? error->status.message().c_str() : "";
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
  *context = new moec_context{*std::move(device)};
  return report(Status::ok(), error);
}
void moec_context_destroy(moec_context *context) { delete context; }

moec_status moec_package_open(moec_context *context, const char *path, moec_package **package,
                              moec_error **error) {
  MOEC_REQUIRE(package);
  *package = nullptr;
  MOEC_REQUIRE(context);
  MOEC_REQUIRE(path);
  Result<Package> read = readPackage(path);
  if (!read)
    return report(std::move(read).status(), error);
  Result<std::shared_ptr<const LoadedPackage>> loaded = LoadedPackage::load(context->device, *read);
  if (!loaded)
    return report(std::move(loaded).status().withContext(fmt::format("package '{}'", path)), error);
  *package = new moec_package{*std::move(loaded)};
  return report(Status::ok(), error);
}
void moec_package_close(moec_package *package) { delete package; }

const char *moec_package_name(const moec_package *package) {
  return package ? package->loaded->manifest().block.c_str() : "";
}
const char *moec_package_target(const moec_package *package) {
  return package ? package->loaded->manifest().targetArch.c_str() : "";
}
int64_t moec_package_max_tokens(const moec_package *package) {
  return package ? package->loaded->maxTokens() : -1;
}
int32_t moec_package_is_deterministic(const moec_package *package) {
  if (!package)
    return 0;
  for (const Variant &variant : package->loaded->manifest().variants)
    if (!variant.deterministic)
      return 0;
  return 1;
}
size_t moec_package_argument_count(const moec_package *package) {
  return package ? package->loaded->manifest().arguments.size() : 0;
}

/// Whether `index` names an argument.
static Status checkIndex(const moec_package *package, size_t index) {
  size_t count = package->loaded->manifest().arguments.size();
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
  const Argument &info = package->loaded->manifest().arguments[index];
  *argument = {info.name.c_str(), static_cast<moec_dtype>(info.dtype),
               static_cast<int32_t>(info.shape.size()), info.isOutput ? 1 : 0};
  return report(Status::ok(), error);
}

moec_status moec_package_find_argument(const moec_package *package, const char *name, size_t *index,
                                       moec_error **error) {
  MOEC_REQUIRE(package);
  MOEC_REQUIRE(name);
  MOEC_REQUIRE(index);
  const std::vector<Argument> &arguments = package->loaded->manifest().arguments;
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
  Result<uint64_t> bytes = package->loaded->argumentBytes(index, tokens);
  if (!bytes)
    return report(std::move(bytes).status(), error);
  for (const Expr &extent : package->loaded->manifest().arguments[index].shape) {
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
  Result<uint64_t> result = package->loaded->workspaceBytes(tokens);
  if (!result)
    return report(std::move(result).status(), error);
  *bytes = *result;
  return report(Status::ok(), error);
}

moec_status moec_package_launch(const moec_package *package, int64_t tokens, void *const *tensors,
                                size_t count, void *workspace, uint64_t workspace_bytes,
                                moec_stream stream, moec_error **error) {
  MOEC_REQUIRE(package);
  MOEC_REQUIRE(tensors || count == 0);
  std::array<cuda::DevicePtr, kMaxArguments> addresses;
  // A count beyond the limit is a wrong count, which launch reports with both numbers.
  size_t copied = count < addresses.size() ? count : addresses.size();
  for (size_t i = 0; i < copied; ++i)
    addresses[i] = reinterpret_cast<cuda::DevicePtr>(tensors[i]);
  if (copied != count)
    return report(
        Status(StatusCode::Usage, fmt::format("expects {} tensors, but got {}",
                                              package->loaded->manifest().arguments.size(), count)),
        error);
  return report(package->loaded->launch(tokens, std::span(addresses).first(count),
                                        reinterpret_cast<cuda::DevicePtr>(workspace),
                                        workspace_bytes, stream),
                error);
}

} // extern "C"
