//===- SupportTest.cpp - Status, element types, environment, log ----------===//

#include "runtime/Support/DType.h"
#include "runtime/Support/Env.h"
#include "runtime/Support/Log.h"
#include "runtime/Support/Status.h"
#include "runtime/Support/Text.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <vector>

using namespace moert;

namespace {

Result<std::unique_ptr<int>> half(int value) {
  if (value % 2)
    return Status(StatusCode::Usage, "expects an even number");
  return std::make_unique<int>(value / 2);
}

Result<int> quarter(int value) {
  MOERT_ASSIGN_OR_RETURN(std::unique_ptr<int> once, half(value));
  MOERT_ASSIGN_OR_RETURN(std::unique_ptr<int> twice, half(*once));
  return *twice;
}

TEST(Status, TravelsThroughResults) {
  EXPECT_EQ(*quarter(12), 3);
  Result<int> failure = quarter(6);
  ASSERT_FALSE(failure.isOk());
  EXPECT_EQ(failure.status().code(), StatusCode::Usage);
  EXPECT_EQ(failure.status().exitCode(), 2);
  EXPECT_EQ(std::move(failure).status().withContext("quarter").message(),
            "quarter: expects an even number");
  EXPECT_TRUE(Status::ok().withContext("nothing").isOk());
  EXPECT_EQ(Status::ok().withContext("nothing").message(), "");
}

TEST(Text, IsCutBetweenCharacters) {
  EXPECT_EQ(shortened(""), "");
  EXPECT_EQ(shortened(std::string(40, 'a')), std::string(40, 'a'));
  EXPECT_EQ(shortened(std::string(41, 'a')), std::string(37, 'a') + "...");
  // Three bytes each: the 37th byte may begin one, or be its second or third.
  for (size_t before : {0, 1, 2}) {
    std::string text(before, 'a'), expected;
    for (int i = 0; i < 20; ++i) {
      text += "\u516b";
      if (text.size() <= 37)
        expected = text;
    }
    EXPECT_EQ(shortened(text), expected + "...");
  }
  EXPECT_EQ(shortened(std::string(50, '\x80')), "...") << "no character at all";
}

TEST(DType, NamesAndSizesAgree) {
  for (unsigned i = 0; i < kNumDTypes; ++i) {
    auto dtype = static_cast<DType>(i);
    EXPECT_EQ(parseDType(name(dtype)), dtype);
    EXPECT_GE(byteSize(dtype), 1u);
  }
  EXPECT_EQ(name(DType::F8E4M3), "f8e4m3");
  EXPECT_EQ(byteSize(DType::BF16), 2u);
  EXPECT_EQ(parseDType("float"), std::nullopt);
}

TEST(Env, TableIsInTheOrderOfTheEnumeration) {
  size_t index = 0;
  for (const EnvVarInfo &info : environmentTable()) {
    EXPECT_EQ(static_cast<size_t>(info.variable), index++);
    EXPECT_FALSE(info.description.empty());
  }
  setenv("MOEC_JOBS", "", 1);
  EXPECT_EQ(readEnv(EnvVar::Jobs), std::nullopt);
  setenv("MOEC_JOBS", "7", 1);
  EXPECT_EQ(readEnv(EnvVar::Jobs), "7");
  unsetenv("MOEC_JOBS");
  EXPECT_EQ(readEnv(EnvVar::Jobs), std::nullopt);
}

TEST(Log, ReachesTheCallbackFromItsLevelOn) {
  std::vector<std::string> messages;
  EXPECT_FALSE(isLogged(LogLevel::Error));
  setLogCallback(
      [](LogLevel level, const char *component, const char *message, void *user) {
        static_cast<std::vector<std::string> *>(user)->push_back(std::string(name(level)) + " " +
                                                                 component + " " + message);
      },
      &messages, LogLevel::Warning);
  log(LogLevel::Info, "exec", "{}", 1);
  log(LogLevel::Warning, "exec", "{}", 2);
  setLogCallback(nullptr, nullptr);
  log(LogLevel::Error, "exec", "{}", 3);
  EXPECT_EQ(messages, std::vector<std::string>{"warning exec 2"});
  EXPECT_EQ(parseLogLevel("info"), LogLevel::Info);
  EXPECT_EQ(parseLogLevel("loud"), std::nullopt);
}

} // namespace
