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

TEST(AgreementTest, NamesTheWorstOfSeveral) {
  HostTensor a = tensor(40, 16), b = tensor(40, 16);
  for (auto [index, value] : {std::pair(3, 20.0),
                              {21 * 16 + 4, 22.0},
                              {21 * 16 + 5, 50.0},
                              {21 * 16 + 6, 25.0},
                              {39 * 16, 30.0}})
    a.set(index, value);
  std::string message = checkAgreement(a, b, 1e-2, 1).message();
  EXPECT_NE(message.find("5 of 640 elements"), std::string::npos) << message;
  EXPECT_NE(message.find("[21, 5]: 50"), std::string::npos) << message;
}

TEST(AgreementTest, TheBandIsOfTheRowAndTheElement) {
  HostTensor a = *HostTensor::allocate(DType::F32, {2, 4});
  HostTensor b = *HostTensor::allocate(DType::F32, {2, 4});
  for (int64_t i = 0; i < 8; ++i) {
    b.set(i, i < 4 ? 1 : 100);
    a.set(i, b.at(i));
  }
  // 2 * 1e-2 * (4 * 1 + 1) in the first row, a hundred times that in the second.
  for (auto [index, off, agrees] :
       {std::tuple(1, 0.09, true), {1, 0.11, false}, {5, 9.0, true}, {5, 11.0, false}}) {
    a.set(index, b.at(index) + off);
    EXPECT_EQ(checkAgreement(a, b, 1e-2, 1).isOk(), agrees) << index << " by " << off;
    a.set(index, b.at(index));
  }
  // What is not finite does not widen it.
  a.set(0, INFINITY);
  b.set(0, INFINITY);
  a.set(1, 100);
  EXPECT_FALSE(checkAgreement(a, b, 1e-2, 1).isOk());
}

TEST(AgreementTest, HalvesAreReadAsSuch) {
  HostTensor a = *HostTensor::allocate(DType::F16, {1, 4});
  HostTensor b = *HostTensor::allocate(DType::F16, {1, 4});
  for (int64_t i = 0; i < 4; ++i) {
    a.set(i, 1.0);
    b.set(i, 1.0);
  }
  a.set(2, 1.03); // a quarter more, were the bits those of bf16
  EXPECT_TRUE(checkAgreement(a, b, 1e-2, 1).isOk());
}

TEST(AgreementTest, PoisonIsWrongUnlessTheBaselineHasIt) {
  HostTensor a = tensor(3, 8), b = tensor(3, 8);
  a.set(9, NAN);
  EXPECT_FALSE(checkAgreement(a, b, 1e-2, 1).isOk());
  b.set(9, NAN);
  EXPECT_TRUE(checkAgreement(a, b, 1e-2, 1).isOk());
  a.set(9, 0);
  EXPECT_FALSE(checkAgreement(a, b, 1e-2, 1).isOk());
  // Nothing is worse, wherever it is.
  for (int64_t other : {8, 10, 1, 20}) {
    a = tensor(3, 8), b = tensor(3, 8);
    a.set(9, NAN);
    a.set(other, 1e9);
    std::string message = checkAgreement(a, b, 1e-2, 1).message();
    EXPECT_NE(message.find("2 of 24 elements"), std::string::npos) << message;
    EXPECT_NE(message.find("worst at [1, 1]: nan"), std::string::npos) << message;
  }
  // Of equal ones the first is named, whichever thread looks first.
  HostTensor poison = tensor(200, 8), zeros = tensor(200, 8);
  for (int64_t i = 3; i < poison.numElements(); ++i)
    poison.set(i, NAN);
  for (int i = 0; i < 20; ++i) {
    std::string message = checkAgreement(poison, zeros, 1e-2, 8).message();
    EXPECT_NE(message.find("worst at [0, 3]: nan"), std::string::npos) << message;
  }
}

TEST(AgreementTest, RefusesOtherShapesAndAcceptsEmptyOnes) {
  EXPECT_FALSE(checkAgreement(tensor(3, 8), tensor(4, 8), 1e-2, 1).isOk());
  EXPECT_FALSE(checkAgreement(tensor(4, 8), tensor(3, 8), 1e-2, 1).isOk());
  EXPECT_TRUE(checkAgreement(tensor(0, 8), tensor(0, 8), 1e-2, 1).isOk());
}

} // namespace
