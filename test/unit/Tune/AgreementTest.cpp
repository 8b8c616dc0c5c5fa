#include "compiler/Tune/Agreement.h"

#include <gtest/gtest.h>

#include <cmath>

using namespace moec;
using moert::DType;
using moert::HostTensor;

namespace {

HostTensor tensor(int64_t rows, int64_t columns) {
  HostTensor result = *HostTensor::allocate(DType::BF16, {rows, columns});
  for (int64_t i = 0; i < result.numElements(); ++i)
    result.set(i, i % 7 - 3.0);
  return result;
}

TEST(AgreementTest, AcceptsEqualAndNearlyEqualResults) {
  HostTensor a = tensor(40, 16), b = tensor(40, 16);
  EXPECT_TRUE(checkAgreement(a, b, 1e-2, 2).isOk());
  a.set(100, a.at(100) + 0.05);
  EXPECT_TRUE(checkAgreement(a, b, 1e-2, 2).isOk());
}

TEST(AgreementTest, FindsOneWrongElement) {
  HostTensor a = tensor(40, 16), b = tensor(40, 16);
  a.set(21 * 16 + 5, 30.0);
  moert::Status status = checkAgreement(a, b, 1e-2, 2);
  EXPECT_EQ(status.code(), moert::StatusCode::Mismatch);
  EXPECT_NE(status.message().find("1 of 640 elements"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("[21, 5]: 30"), std::string::npos) << status.message();
}

TEST(AgreementTest, PoisonIsWrongUnlessTheBaselineHasIt) {
  HostTensor a = tensor(3, 8), b = tensor(3, 8);
  a.set(9, NAN);
  EXPECT_FALSE(checkAgreement(a, b, 1e-2, 1).isOk());
  b.set(9, NAN);
  EXPECT_TRUE(checkAgreement(a, b, 1e-2, 1).isOk());
  a.set(9, 0);
  EXPECT_FALSE(checkAgreement(a, b, 1e-2, 1).isOk());
}

TEST(AgreementTest, RefusesOtherShapesAndAcceptsEmptyOnes) {
  EXPECT_FALSE(checkAgreement(tensor(3, 8), tensor(4, 8), 1e-2, 1).isOk());
  EXPECT_TRUE(checkAgreement(tensor(0, 8), tensor(0, 8), 1e-2, 1).isOk());
}

} // namespace
