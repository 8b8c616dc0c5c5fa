//===- CApiTest.cpp - libmoert.so through its C interface -----------------===//

#include "runtime/Api/moec.h"
#include "test/unit/Runtime/CApiFromC.h"
#include "test/unit/Runtime/StubDriver.h"

#include <fstream>

using namespace moert;
using namespace moert::test;

namespace {

using CApi = StubDriverTest;

/// An error of the C interface that releases itself.
struct Error {
  moec_error *error = nullptr;
  ~Error() { moec_error_destroy(error); }
  std::string message() const { return moec_error_message(error); }
};

TEST_F(CApi, WorksFromC) {
  TemporaryDirectory temporary;
  std::string path = (temporary.path() / "block.moepkg").string();
  ASSERT_TRUE(writePackage(path, makePackage()).isOk());
  constexpr uint64_t kWorkspaceBytes = 256 + 1280 + 200;
  std::shared_ptr<const cuda::Device> device = openDevice();
  Result<cuda::DeviceMemory> hidden = cuda::DeviceMemory::allocate(device, 1280);
  Result<cuda::DeviceMemory> output = cuda::DeviceMemory::allocate(device, 1280);
  Result<cuda::DeviceMemory> workspace = cuda::DeviceMemory::allocate(device, kWorkspaceBytes);
  ASSERT_TRUE(hidden && output && workspace);
  std::vector<float> values(320, 7.0f);
  ASSERT_TRUE(hidden->upload(std::as_bytes(std::span(values))).isOk());
  EXPECT_EQ(useMoecFromC(path.c_str(), reinterpret_cast<void *>(hidden->address()),
                         reinterpret_cast<void *>(output->address()),
                         reinterpret_cast<void *>(workspace->address()), kWorkspaceBytes),
            0);
  ASSERT_TRUE(output->download(std::as_writable_bytes(std::span(values))).isOk());
  EXPECT_EQ(values, std::vector<float>(320, 42.0f));
}

TEST_F(CApi, ReportsErrorsAsObjects) {
  TemporaryDirectory temporary;
  std::string path = (temporary.path() / "block.moepkg").string();
  moec_context *context = nullptr;
  moec_package *package = nullptr;
  {
    Error error;
    EXPECT_EQ(moec_context_create(9, &context, &error.error), MOEC_NO_DEVICE);
    EXPECT_EQ(context, nullptr);
    EXPECT_EQ(moec_error_status(error.error), MOEC_NO_DEVICE);
    EXPECT_EQ(error.message(), "expects a device ordinal below 2, but got 9");
  }
  ASSERT_EQ(moec_context_create(0, &context, nullptr), MOEC_OK);
  {
    Error error;
    EXPECT_EQ(moec_package_open(context, path.c_str(), &package, &error.error), MOEC_INVALID_INPUT);
    EXPECT_EQ(error.message(), "package '" + path + "': expects a folder with a manifest.json");
  }
  ASSERT_TRUE(writePackage(path, makePackage()).isOk());
  std::ofstream(path + "/kernels/scale.cubin", std::ios::app) << "x";
  EXPECT_EQ(moec_package_open(context, path.c_str(), &package, nullptr), MOEC_INVALID_INPUT);
  EXPECT_EQ(package, nullptr);
  ASSERT_TRUE(writePackage(path, makePackage()).isOk());
  stub().ccMajor = 7;
  moec_context *old = nullptr;
  ASSERT_EQ(moec_context_create(0, &old, nullptr), MOEC_OK);
  EXPECT_EQ(moec_package_open(old, path.c_str(), &package, nullptr), MOEC_NO_DEVICE);
  moec_context_destroy(old);

  ASSERT_EQ(moec_package_open(context, path.c_str(), &package, nullptr), MOEC_OK);
  {
    Error error;
    EXPECT_EQ(moec_package_launch(package, 4, nullptr, 2, nullptr, 0, nullptr, &error.error),
              MOEC_USAGE);
    EXPECT_NE(error.message().find("expects tensors"), std::string::npos) << error.message();
  }
  void *many[100] = {};
  for (size_t count : {size_t(0), size_t(1), size_t(3), size_t(100)}) {
    Error error;
    EXPECT_EQ(moec_package_launch(package, 4, many, count, nullptr, 0, nullptr, &error.error),
              MOEC_USAGE);
    EXPECT_EQ(error.message(), "expects 2 tensors, but got " + std::to_string(count));
  }
  moec_argument argument;
  int64_t dims[MOEC_MAX_RANK];
  uint64_t bytes = 0;
  size_t index = 0;
  EXPECT_EQ(moec_package_argument(package, 2, &argument, nullptr), MOEC_USAGE);
  EXPECT_EQ(moec_package_argument_dims(package, 0, -1, dims, nullptr), MOEC_USAGE);
  EXPECT_EQ(moec_package_argument_dims(package, 5, 1, dims, nullptr), MOEC_USAGE);
  EXPECT_EQ(moec_package_workspace_bytes(package, -1, &bytes, nullptr), MOEC_USAGE);
  EXPECT_EQ(moec_package_find_argument(package, "nothing", &index, nullptr), MOEC_USAGE);
  EXPECT_EQ(moec_package_launch(nullptr, 0, nullptr, 0, nullptr, 0, nullptr, nullptr), MOEC_USAGE);
  moec_package *second = package;
  EXPECT_EQ(moec_package_open(nullptr, "x", &second, nullptr), MOEC_USAGE);
  EXPECT_EQ(second, nullptr) << "a failed open leaves null";
  EXPECT_EQ(moec_context_create(0, nullptr, nullptr), MOEC_USAGE);
  moec_package_close(package);
  moec_context_destroy(context);
  moec_context_destroy(nullptr);
  moec_package_close(nullptr);
  moec_error_destroy(nullptr);
}

TEST_F(CApi, LogsThroughTheCallback) {
  TemporaryDirectory temporary;
  std::string path = (temporary.path() / "block.moepkg").string();
  ASSERT_TRUE(writePackage(path, makePackage()).isOk());
  std::vector<std::string> messages;
  moec_set_log_callback(
      [](moec_log_level, const char *component, const char *message, void *user) {
        static_cast<std::vector<std::string> *>(user)->push_back(std::string(component) + ": " +
                                                                 message);
      },
      &messages, MOEC_LOG_INFO);
  moec_context *context = nullptr;
  moec_package *package = nullptr;
  ASSERT_EQ(moec_context_create(0, &context, nullptr), MOEC_OK);
  ASSERT_EQ(moec_package_open(context, path.c_str(), &package, nullptr), MOEC_OK);
  moec_set_log_callback(nullptr, nullptr, MOEC_LOG_ERROR);
  moec_package_close(package);
  moec_context_destroy(context);
  EXPECT_EQ(messages, std::vector<std::string>{
                          "exec: loaded package scale_block with 1 kernels on device 0"});
}

TEST_F(CApi, VariantsOfAPackageAreReady) {
  TemporaryDirectory temporary;
  std::string path = (temporary.path() / "block.moepkg").string();
  ASSERT_TRUE(writePackage(path, makePackage()).isOk());
  moec_context *context = nullptr;
  moec_package *package = nullptr;
  ASSERT_EQ(moec_context_create(0, &context, nullptr), MOEC_OK);
  ASSERT_EQ(moec_package_open(context, path.c_str(), &package, nullptr), MOEC_OK);
  ASSERT_EQ(moec_package_variant_count(package), 2u);
  moec_variant variant = {};
  ASSERT_EQ(moec_package_variant(package, 1, &variant, nullptr), MOEC_OK);
  EXPECT_EQ(variant.min_tokens, 16);
  EXPECT_EQ(variant.max_tokens, 1 << 20);
  EXPECT_EQ(variant.state, MOEC_VARIANT_READY);
  EXPECT_EQ(moec_package_variant(package, 2, &variant, nullptr), MOEC_USAGE);
  EXPECT_EQ(moec_package_is_ready(package, 64), 1);
  EXPECT_EQ(moec_package_is_ready(package, -1), 0);
  EXPECT_EQ(moec_package_prepare(package, nullptr, 0, MOEC_PREPARE_WAIT, nullptr, nullptr, nullptr),
            MOEC_OK);
  Error missing;
  EXPECT_EQ(moec_package_prepare(package, nullptr, 1, MOEC_PREPARE_WAIT, nullptr, nullptr,
                                 &missing.error),
            MOEC_USAGE);
  EXPECT_EQ(missing.message(), "moec_package_prepare: expects tokens to be no null pointer");
  EXPECT_EQ(moec_package_set_policy(package, MOEC_POLICY_STRICT, nullptr), MOEC_OK);
  EXPECT_EQ(moec_package_set_policy(package, static_cast<moec_policy>(3), nullptr), MOEC_USAGE);
  EXPECT_EQ(moec_package_keep_replays(package, 4, nullptr), MOEC_OK);
  EXPECT_EQ(moec_package_keep_replays(package, 5000, nullptr), MOEC_USAGE);
  // An older caller knows fewer counters; a size that was never set is noticed.
  struct {
    moec_counters counters;
    uint64_t beyond;
  } older = {{offsetof(moec_counters, waits), 1, 1, 77, 1, 1, 1, 1, 1, 1, 1, 1}, 1};
  EXPECT_EQ(moec_package_counters(package, &older.counters, nullptr), MOEC_OK);
  EXPECT_EQ(older.counters.launches, 0u);
  EXPECT_EQ(older.counters.waits, 77u);
  moec_counters unset = {};
  EXPECT_EQ(moec_package_counters(package, &unset, nullptr), MOEC_USAGE);
  // A size inside of a member would copy a part of it.
  for (size_t size : {size_t(7), size_t(12), size_t(15), sizeof unset - 4, sizeof unset + 8}) {
    Error wrong;
    unset.size = size;
    EXPECT_EQ(moec_package_counters(package, &unset, &wrong.error), MOEC_USAGE) << size;
    EXPECT_EQ(wrong.message(),
              "expects the size of moec_counters to be a multiple of 8 from 8 to " +
                  std::to_string(sizeof unset) + ", but got " + std::to_string(size));
  }

  Error error;
  int64_t tokens[] = {64};
  EXPECT_EQ(moec_package_tune(package, tokens, 1, nullptr, nullptr, nullptr, &error.error),
            MOEC_UNSUPPORTED);
  EXPECT_EQ(error.message(), "expects a block that was opened from its text: the schedules of a "
                             "package are fixed");
  moec_package_close(package);

  EXPECT_EQ(moec_has_compiler(), 0);
  EXPECT_EQ(moec_package_from_text(context, "module {}", 9, nullptr, &package, &error.error),
            MOEC_UNSUPPORTED);
  EXPECT_EQ(error.message(),
            "expects libmoec to compile a block from its text: libmoert has no compiler");
  moec_context_destroy(context);
}

TEST_F(CApi, ChecksTensors) {
  TemporaryDirectory temporary;
  std::string path = (temporary.path() / "block.moepkg").string();
  ASSERT_TRUE(writePackage(path, makePackage()).isOk());
  moec_context *context = nullptr;
  moec_package *package = nullptr;
  ASSERT_EQ(moec_context_create(0, &context, nullptr), MOEC_OK);
  ASSERT_EQ(moec_package_open(context, path.c_str(), &package, nullptr), MOEC_OK);
  std::shared_ptr<const cuda::Device> device = openDevice();
  Result<cuda::DeviceMemory> memory = cuda::DeviceMemory::allocate(device, 2048);
  ASSERT_TRUE(memory.isOk());
  int64_t shape[] = {4, 8}, strides[] = {8, 1}, wide[] = {16, 1}, large[] = {5, 8};
  const moec_tensor good = {reinterpret_cast<void *>(memory->address()),
                            {2, 0}, 2, {2, 32, 1}, shape, nullptr, 0};
  moec_tensor hidden = good, output = good;
  output.byte_offset = 1024;
  output.strides = strides;
  const moec_tensor *tensors[] = {&hidden, &output};
  auto launch = [&] {
    Error error;
    moec_status status = moec_package_launch_tensors(package, 4, tensors, 2, nullptr, 0, nullptr,
                                                     &error.error);
    return std::to_string(status) + " " + error.message();
  };
  auto expect = [&](auto change, const char *text) {
    hidden = good;
    change(hidden);
    std::string got = launch();
    EXPECT_EQ(got.substr(0, 2), "2 ") << got;
    EXPECT_NE(got.find(text), std::string::npos) << got;
    hidden = good;
  };
  std::vector<float> values(32, 3);
  ASSERT_TRUE(memory->upload(std::as_bytes(std::span(values))).isOk());
  EXPECT_EQ(launch(), "0 ");
  EXPECT_EQ(reinterpret_cast<const float *>(memory->address())[256 + 31], 18.0f);
  expect([](moec_tensor &t) { t.device.device_type = 1; }, "on a CUDA device");
  expect([](moec_tensor &t) { t.device.device_id = 1; }, "on device 0, but got device 1");
  expect([](moec_tensor &t) { t.dtype.code = 4; }, "to be f32");
  expect([](moec_tensor &t) { t.dtype.lanes = 4; }, "4 lanes");
  expect([](moec_tensor &t) { t.ndim = 3; }, "2 dimensions, but got 3");
  expect([](moec_tensor &t) { t.shape = nullptr; }, "expects a shape");
  expect([&](moec_tensor &t) { t.shape = large; },
         "dimension 0 of tensor 'hidden' to be 4 for 4 tokens, but got 5");
  expect([&](moec_tensor &t) { t.strides = wide; }, "stride 8 in dimension 0, but got 16");
  expect([](moec_tensor &t) { t.byte_offset = 4; }, "multiple of 16");
  expect([](moec_tensor &t) { t.data = nullptr; }, "got null");
  tensors[0] = nullptr;
  EXPECT_EQ(launch(), "2 expects a tensor for 'hidden', but got null");
  moec_package_close(package);
  moec_context_destroy(context);
}

} // namespace
