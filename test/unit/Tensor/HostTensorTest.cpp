// HostTensor: shapes, ownership, element access, limits.

#include "runtime/Tensor/HostTensor.h"
#include "runtime/Support/Parallel.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

using namespace moert;

namespace {

TEST(HostTensor, AllocatesZeroFilledAndAligned) {
  Result<HostTensor> tensor = HostTensor::allocate(DType::BF16, {3, 5});
  ASSERT_TRUE(tensor.isOk());
  EXPECT_EQ(tensor->numElements(), 15);
  EXPECT_EQ(tensor->byteSize(), 30u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor->data()) % 64, 0u);
  for (int64_t i = 0; i < 15; ++i)
    EXPECT_EQ(tensor->at(i), 0.0);
}

TEST(HostTensor, EmptyTensorsAreOrdinary) {
  Result<HostTensor> tensor = HostTensor::allocate(DType::F32, {0, 2048});
  ASSERT_TRUE(tensor.isOk());
  EXPECT_EQ(tensor->numElements(), 0);
  EXPECT_EQ(tensor->byteSize(), 0u);
  Result<HostTensor> none = tensor->gatherRows({});
  ASSERT_TRUE(none.isOk());
  EXPECT_EQ(none->dim(1), 2048);
}

TEST(HostTensor, RefusesWhatCannotExist) {
  EXPECT_EQ(HostTensor::allocate(DType::F32, {-1}).status().code(), StatusCode::Usage);
  Result<HostTensor> overflow =
      HostTensor::allocate(DType::F32, {int64_t{1} << 31, int64_t{1} << 30});
  EXPECT_EQ(overflow.status().code(), StatusCode::Unsupported);
  EXPECT_NE(overflow.status().message().find("f32[2147483648, 1073741824]"), std::string::npos);
  Result<HostTensor> huge = HostTensor::allocate(DType::U8, {int64_t{1} << 60});
  EXPECT_EQ(huge.status().code(), StatusCode::Unsupported);
}

TEST(HostTensor, CountElements) {
  int64_t shape[] = {0, INT64_MAX};
  EXPECT_EQ(countElements(shape, DType::U8), 0);
  EXPECT_EQ(countElements(shape, DType::F32), std::nullopt);
  EXPECT_EQ(countElements({}, DType::F32), 1);
}

TEST(HostTensor, CopiesShareElementsAndViewsAreReadOnly) {
  HostTensor tensor = *HostTensor::allocate(DType::F32, {4});
  HostTensor copy = tensor;
  copy.set(2, 1.5);
  EXPECT_EQ(tensor.at(2), 1.5);

  auto owner = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3});
  std::weak_ptr<std::vector<float>> alive = owner;
  {
    HostTensor view = HostTensor::view(DType::F32, {3}, owner->data(), owner);
    owner.reset();
    EXPECT_EQ(view.mutableData(), nullptr);
    EXPECT_EQ(view.at(1), 2.0);
    EXPECT_FALSE(alive.expired());
  }
  EXPECT_TRUE(alive.expired());
}

TEST(HostTensor, WrapWritesThrough) {
  int32_t buffer[2] = {7, 8};
  HostTensor tensor = HostTensor::wrap(DType::I32, {2}, buffer);
  tensor.set(0, -3.9);
  EXPECT_EQ(buffer[0], -3);
  EXPECT_EQ(tensor.at(1), 8.0);
}

TEST(HostTensor, EveryDTypeHoldsSmallIntegers) {
  for (unsigned i = 0; i < kNumDTypes; ++i) {
    HostTensor tensor = *HostTensor::allocate(static_cast<DType>(i), {4});
    for (int v = 0; v < 4; ++v)
      tensor.set(v, v);
    for (int v = 0; v < 4; ++v)
      EXPECT_EQ(tensor.at(v), v) << name(static_cast<DType>(i));
  }
}

TEST(HostTensor, IntegersSaturate) {
  HostTensor tensor = *HostTensor::allocate(DType::I32, {3});
  tensor.set(0, 1e300);
  tensor.set(1, -1e300);
  tensor.set(2, std::nan(""));
  EXPECT_EQ(tensor.as<int32_t>()[0], INT32_MAX);
  EXPECT_EQ(tensor.as<int32_t>()[1], INT32_MIN);
  EXPECT_EQ(tensor.as<int32_t>()[2], 0);
  HostTensor wide = *HostTensor::allocate(DType::I64, {1});
  wide.set(0, 0x1p63);
  EXPECT_EQ(wide.as<int64_t>()[0], INT64_MAX);
}

TEST(HostTensor, GatherRows) {
  HostTensor tensor = *HostTensor::allocate(DType::F16, {3, 2});
  for (int i = 0; i < 6; ++i)
    tensor.set(i, i);
  int64_t rows[] = {2, 0, 2};
  HostTensor gathered = *tensor.gatherRows(rows);
  double expected[] = {4, 5, 0, 1, 4, 5};
  for (int i = 0; i < 6; ++i)
    EXPECT_EQ(gathered.at(i), expected[i]);
  int64_t wrong[] = {3};
  EXPECT_EQ(tensor.gatherRows(wrong).status().code(), StatusCode::Usage);
}

TEST(Parallel, CoversEveryIndexOnce) {
  for (int64_t count : {0, 1, 7, 1000}) {
    for (int64_t grain : {0, 1, 3, 5000}) {
      std::vector<std::atomic<int>> hits(count);
      parallelFor(count, grain, 5, [&](int64_t begin, int64_t end) {
        ASSERT_LT(begin, end);
        for (int64_t i = begin; i < end; ++i)
          hits[i].fetch_add(1);
      });
      for (int64_t i = 0; i < count; ++i)
        ASSERT_EQ(hits[i].load(), 1);
    }
  }
}

} // namespace
