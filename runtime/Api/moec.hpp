//===- moec.hpp - The C interface of libmoec and libmoert for C++ ---------===//
//
// Header-only, C++17: owners for the objects of moec.h, and failures as exceptions of the host's
// own making (none crosses the library). A host without exceptions uses moec.h. Contracts are in
// moec.h; objects here may be moved, and used by any thread as those there.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_API_MOEC_HPP
#define MOEC_RUNTIME_API_MOEC_HPP

#include "moec.h"

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moec {

/// Why a call failed.
class Error : public std::runtime_error {
public:
  Error(moec_status status, const char *message, const char *location)
      : std::runtime_error(message), code(status), place(location) {}
  moec_status status() const { return code; }
  /// Where in the text of the block, such as "block.mlir:12:8"; empty where it is nowhere.
  const std::string &location() const { return place; }

private:
  moec_status code;
  std::string place;
};

/// Calls `function(arguments..., &error)` and throws what it reports.
template <typename Function, typename... Arguments>
void check(Function function, Arguments... arguments) {
  moec_error *error = nullptr;
  moec_status status = function(arguments..., &error);
  if (status == MOEC_OK)
    return;
  std::unique_ptr<moec_error, decltype(&moec_error_destroy)> owner(error, moec_error_destroy);
  throw Error(status, moec_error_message(error), moec_error_location(error));
}

/// A device.
class Context {
public:
  explicit Context(int32_t ordinal = 0) : handle(nullptr, moec_context_destroy) {
    moec_context *created = nullptr;
    check(moec_context_create, ordinal, &created);
    handle.reset(created);
  }
  moec_context *get() const { return handle.get(); }

private:
  std::unique_ptr<moec_context, decltype(&moec_context_destroy)> handle;
};

/// A block with its variants.
class Package {
public:
  using Progress = std::function<void(size_t done, size_t total)>;

  static Package open(const Context &context, const std::string &path) {
    moec_package *opened = nullptr;
    check(moec_package_open, context.get(), path.c_str(), &opened);
    return Package(opened);
  }
  /// Needs libmoec; `options.size` is set here.
  static Package fromText(const Context &context, std::string_view text,
                          moec_text_options options = {}) {
    moec_package *opened = nullptr;
    options.size = sizeof options;
    check(moec_package_from_text, context.get(), text.data(), text.size(),
          static_cast<const moec_text_options *>(&options), &opened);
    return Package(opened);
  }

  Package(Package &&) = default;
  Package &operator=(Package &&other) noexcept {
    handle = std::move(other.handle); // closes first what may still call back
    callbacks = std::move(other.callbacks);
    return *this;
  }

  moec_package *get() const { return handle.get(); }
  std::string name() const { return moec_package_name(get()); }
  std::string target() const { return moec_package_target(get()); }
  int64_t maxTokens() const { return moec_package_max_tokens(get()); }
  bool isDeterministic() const { return moec_package_is_deterministic(get()) != 0; }

  size_t argumentCount() const { return moec_package_argument_count(get()); }
  moec_argument argument(size_t index) const {
    moec_argument result = {};
    check(moec_package_argument, get(), index, &result);
    return result;
  }
  size_t findArgument(const std::string &argumentName) const {
    size_t index = 0;
    check(moec_package_find_argument, get(), argumentName.c_str(), &index);
    return index;
  }
  std::vector<int64_t> dims(size_t index, int64_t tokens) const {
    int64_t extents[MOEC_MAX_RANK];
    check(moec_package_argument_dims, get(), index, tokens, extents + 0);
    return std::vector<int64_t>(extents, extents + argument(index).rank);
  }
  /// The size of an argument.
  uint64_t bytes(size_t index, int64_t tokens) const {
    uint64_t result = moec_dtype_bytes(argument(index).dtype);
    for (int64_t extent : dims(index, tokens))
      result *= static_cast<uint64_t>(extent);
    return result;
  }
  uint64_t workspaceBytes(int64_t tokens) const {
    uint64_t result = 0;
    check(moec_package_workspace_bytes, get(), tokens, &result);
    return result;
  }

  std::vector<moec_variant> variants() const {
    std::vector<moec_variant> result(moec_package_variant_count(get()));
    for (size_t i = 0; i < result.size(); ++i)
      check(moec_package_variant, get(), i, &result[i]);
    return result;
  }
  bool isReady(int64_t tokens) const { return moec_package_is_ready(get(), tokens) != 0; }
  void setPolicy(moec_policy policy) { check(moec_package_set_policy, get(), policy); }
  void keepReplays(uint32_t launches) { check(moec_package_keep_replays, get(), launches); }
  /// Without tokens: every variant. `progress` must not throw. One thread at a time where it is kept
  /// for the background.
  void prepare(const std::vector<int64_t> &tokens = {}, moec_prepare_mode mode = MOEC_PREPARE_WAIT,
               Progress progress = nullptr) {
    Progress *kept = &progress;
    if (progress && mode == MOEC_PREPARE_BACKGROUND)
      kept = &callbacks.emplace_back(std::move(progress));
    check(moec_package_prepare, get(), tokens.data(), tokens.size(), mode, callbackOf(*kept),
          static_cast<void *>(kept));
  }
  /// `options.size` is set here. `progress` as above.
  void tune(const std::vector<int64_t> &tokens, moec_tune_options options = {},
            Progress progress = nullptr) {
    options.size = sizeof options;
    Progress &kept = callbacks.emplace_back(std::move(progress));
    check(moec_package_tune, get(), tokens.data(), tokens.size(),
          static_cast<const moec_tune_options *>(&options), callbackOf(kept),
          static_cast<void *>(&kept));
  }
  moec_counters counters() const {
    moec_counters result = {};
    result.size = sizeof result;
    check(moec_package_counters, get(), &result);
    return result;
  }

  void launch(int64_t tokens, void *const *tensors, size_t count, void *workspace,
              uint64_t workspaceSize, moec_stream stream) const {
    check(moec_package_launch, get(), tokens, tensors, count, workspace, workspaceSize, stream);
  }
  /// `Tensor` is moec_tensor or DLPack's DLTensor.
  template <typename Tensor>
  void launch(int64_t tokens, const Tensor *const *tensors, size_t count, void *workspace,
              uint64_t workspaceSize, moec_stream stream) const {
    static_assert(sizeof(Tensor) == sizeof(moec_tensor), "expects moec_tensor or DLTensor");
    check(moec_package_launch_tensors, get(), tokens,
          reinterpret_cast<const moec_tensor *const *>(tensors), count, workspace, workspaceSize,
          stream);
  }

private:
  explicit Package(moec_package *package) : handle(package, moec_package_close) {}
  static moec_progress_callback callbackOf(const Progress &progress) {
    if (!progress)
      return nullptr;
    return [](size_t done, size_t total, void *user) noexcept {
      (*static_cast<Progress *>(user))(done, total);
    };
  }
  std::list<Progress> callbacks; ///< goes after the package, which may call them until then
  std::unique_ptr<moec_package, decltype(&moec_package_close)> handle;
};

} // namespace moec

#endif // MOEC_RUNTIME_API_MOEC_HPP
