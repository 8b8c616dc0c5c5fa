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

} // namespace
