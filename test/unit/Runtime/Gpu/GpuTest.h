//===- GpuTest.h - What the tests on a real device share ------------------===//

#ifndef MOEC_TEST_UNIT_RUNTIME_GPU_GPUTEST_H
#define MOEC_TEST_UNIT_RUNTIME_GPU_GPUTEST_H

#include "runtime/Exec/CudaExecutor.h"

#include <gtest/gtest.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace moert::test {

/// Opens the device of $MOEC_DEVICE, or device 0; skips the test where there is none.
class GpuTest : public testing::Test {
protected:
  void SetUp() override;
  std::shared_ptr<const cuda::Device> device;
};

template <typename T>
std::span<const std::byte> bytesOf(const std::vector<T> &values) {
  return std::as_bytes(std::span(values));
}

/// The content of an output.
std::vector<std::byte> downloadArgument(CudaExecutor &executor, size_t index);

/// Fails the test where the Status is a failure.
#define ASSERT_STATUS_OK(expression)                                                               \
  do {                                                                                             \
    ::moert::Status status_ = (expression);                                                        \
    ASSERT_TRUE(status_.isOk()) << status_.message();                                              \
  } while (false)

} // namespace moert::test

#endif // MOEC_TEST_UNIT_RUNTIME_GPU_GPUTEST_H
