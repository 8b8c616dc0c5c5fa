//===- StubDriver.h - The test's end of the stub driver -------------------===//

#ifndef MOEC_TEST_UNIT_RUNTIME_STUBDRIVER_H
#define MOEC_TEST_UNIT_RUNTIME_STUBDRIVER_H

#include "runtime/Exec/CudaExecutor.h"
#include "test/unit/Runtime/StubCuda.h"
#include "test/unit/Runtime/TestPackage.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <vector>

namespace moert::test {

/// The state of the loaded stub library.
StubCuda &stub();

/// What the kernel of TestPackage.h does, over as many elements as the grid has threads.
void scaleBody(const StubLaunch &launch);

/// Resets the stub driver before each test and checks after it that everything was released.
class StubDriverTest : public testing::Test {
protected:
  void SetUp() override;
  void TearDown() override;

  static std::shared_ptr<const cuda::Device> openDevice(int ordinal = 0) {
    Result<std::shared_ptr<const cuda::Device>> device = cuda::Device::open(ordinal);
    EXPECT_TRUE(device.isOk()) << device.status().message();
    return device ? *device : nullptr;
  }
  static std::shared_ptr<const LoadedPackage> load(const Package &package = makePackage()) {
    Result<std::shared_ptr<const LoadedPackage>> loaded =
        LoadedPackage::load(openDevice(), package);
    EXPECT_TRUE(loaded.isOk()) << loaded.status().message();
    return loaded ? *loaded : nullptr;
  }
};

/// Expects a failure of that code whose message holds `text`.
#define EXPECT_FAILURE(expression, expectedCode, text)                                             \
  do {                                                                                             \
    ::moert::Status failure_ = (expression);                                                       \
    EXPECT_EQ(failure_.code(), ::moert::StatusCode::expectedCode) << failure_.message();           \
    EXPECT_NE(failure_.message().find(text), std::string::npos) << failure_.message();             \
  } while (false)

} // namespace moert::test

#endif // MOEC_TEST_UNIT_RUNTIME_STUBDRIVER_H
