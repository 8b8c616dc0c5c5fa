//===- GpuTest.cpp - What the tests on a real device share ----------------===//

#include "test/unit/Runtime/Gpu/GpuTest.h"

#include "runtime/Support/Env.h"

#include <cstdlib>

namespace moert::test {

void GpuTest::SetUp() {
  int ordinal = std::atoi(readEnv(EnvVar::Device).value_or("0").c_str());
  Result<std::shared_ptr<const cuda::Device>> opened = cuda::Device::open(ordinal);
  if (!opened && opened.status().code() == StatusCode::NoDevice)
    GTEST_SKIP() << opened.status().message();
  ASSERT_TRUE(opened.isOk()) << opened.status().message();
  device = *std::move(opened);
}

std::vector<std::byte> downloadArgument(CudaExecutor &executor, size_t index) {
  std::vector<std::byte> content(executor.argumentBytes(index));
  Status status = executor.download(index, content);
  EXPECT_TRUE(status.isOk()) << status.message();
  return content;
}

} // namespace moert::test
