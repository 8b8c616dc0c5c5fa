// A worker that hangs, crashes and talks nonsense where the schedule says so.
#include "compiler/Tune/WorkerMeasurer.h"
#include "compiler/Tune/WorkerProtocol.h"
#include "test/unit/Runtime/TestPackage.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <thread>

#include <signal.h>
#include <sys/wait.h>

using namespace moec;
using moert::StatusCode;

namespace {

class WorkerTest : public testing::Test {
protected:
  void SetUp() override {
    std::ofstream(scratch / "worker.sh") << R"(while read -r line; do
  echo "$line" >> "$1/log"
  case "$line" in
  *lasting*'"op":"compile"'*) exec sleep 60;;
  *uncompilable*'"op":"compile"'*) kill -SEGV $$;;
  *'"op":"compile"'*) echo '{"code":0}';;
  *hang*) exec sleep 60;;
  *crash*) kill -SEGV $$;;
  *leave*) exit 3;;
  *nonsense*) echo "what?";;
  *wrong*) echo '{"code":1,"message":"is wrong: output"}';;
  *open*) test -e "$1/gone" && exit 5
          echo $$ > "$1/measuring"
          echo '{"code":0,"device":"Card"}';;
  *) echo '{"code":0,"us":5}';;
  esac
done
)";
    WorkerMeasurer::Options options;
    options.command = {"/bin/sh", (scratch / "worker.sh").string(), scratch.string()};
    options.open = llvm::json::Object{{"op", "open"}};
    options.candidateSeconds = 0.3;
    options.compilers = 2;
    auto created = WorkerMeasurer::create(std::move(options));
    ASSERT_TRUE(created.isOk()) << created.status().message();
    measurer = *std::move(created);
    ASSERT_TRUE(begin(64, {}, "default").isOk());
    ASSERT_TRUE(measurer->check(choice("default")).isOk());
  }
  moert::Status begin(int64_t tokens, const Routing &routing, const char *defaults) {
    measurer->aimAt(tokens, routing, 2, choice(defaults));
    return measurer->begin();
  }
  static Choice choice(const char *schedule) {
    Choice choice;
    choice.schedules = {schedule};
    return choice;
  }
  /// How often a request was sent.
  int requests(const std::string &operation) const {
    std::ifstream log(scratch / "log");
    int count = 0;
    for (std::string line; std::getline(log, line);)
      count += line.find("\"op\":\"" + operation + "\"") != std::string::npos;
    return count;
  }
  /// Kills the worker that measures while it has nothing to do.
  void killWorker() {
    pid_t process = 0;
    std::ifstream(scratch / "measuring") >> process;
    ASSERT_GT(process, 0);
    ASSERT_EQ(::kill(process, SIGKILL), 0);
    siginfo_t info;
    ASSERT_EQ(::waitid(P_PID, id_t(process), &info, WEXITED | WNOWAIT), 0);
  }
  void expectLost(const char *schedule, const std::string &reason) {
    moert::Status status = measurer->check(choice(schedule));
    EXPECT_EQ(status.code(), StatusCode::Toolchain);
    EXPECT_EQ(status.message(), reason);
    EXPECT_EQ(measurer->losses(), 1u);
    // The next one runs in a new worker, which was brought to where the last one was.
    EXPECT_TRUE(measurer->check(choice("fine")).isOk());
    EXPECT_EQ(requests("open"), 2);
    EXPECT_EQ(requests("begin"), 2);
    auto time = measurer->measure(choice("fine"), Measurer::Purpose::Look);
    ASSERT_TRUE(time.isOk());
    EXPECT_EQ(*time, 5);
  }

  moert::test::TemporaryDirectory folder;
  const std::filesystem::path &scratch = folder.path();
  std::unique_ptr<WorkerMeasurer> measurer;
};

TEST_F(WorkerTest, AnswersAreItsOwn) {
  EXPECT_EQ(measurer->opened().getString("device"), "Card");
  moert::Status status = measurer->check(choice("wrong"));
  EXPECT_EQ(status.code(), StatusCode::Mismatch);
  EXPECT_EQ(status.message(), "is wrong: output");
  EXPECT_EQ(measurer->losses(), 0u);
}

TEST_F(WorkerTest, AHangIsTheCandidates) {
  auto start = std::chrono::steady_clock::now();
  expectLost("hang", "hangs: no answer within 0.3 s");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

TEST_F(WorkerTest, ACrashIsTheCandidates) {
  expectLost("crash", "crashes: the process died of signal 11 (Segmentation fault)");
}

TEST_F(WorkerTest, AnEndIsTheCandidates) {
  expectLost("leave", "crashes: the process ended with code 3");
}

TEST_F(WorkerTest, NonsenseIsTheCandidates) {
  moert::Status status = measurer->check(choice("nonsense"));
  EXPECT_EQ(status.code(), StatusCode::Toolchain);
  EXPECT_TRUE(measurer->check(choice("fine")).isOk());
}

TEST_F(WorkerTest, ACompilerThatCrashesCostsOnlyTheCandidate) {
  measurer->prepare(std::vector<Choice>{choice("fine"), choice("uncompilable"), choice("other")});
  EXPECT_TRUE(measurer->check(choice("fine")).isOk());
  EXPECT_TRUE(measurer->check(choice("other")).isOk());
  EXPECT_EQ(measurer->check(choice("uncompilable")).code(), StatusCode::Toolchain);
  int compiles = requests("compile");
  for (const moert::Status &status :
       {measurer->check(choice("uncompilable")),
        measurer->measure(choice("uncompilable"), Measurer::Purpose::Look).status()}) {
    EXPECT_EQ(status.code(), StatusCode::Toolchain);
    EXPECT_EQ(status.message(),
              "crashes the compiler: the process died of signal 11 (Segmentation fault)");
  }
  // The worker that measures has not seen it, and nobody was asked to compile it again.
  EXPECT_EQ(measurer->losses(), 0u);
  EXPECT_EQ(requests("check"), 3);
  EXPECT_EQ(requests("measure"), 0);
  EXPECT_EQ(requests("compile"), compiles);
}

TEST_F(WorkerTest, WhatWasNotPreparedIsCompiledBeforeItIsMeasured) {
  int compiles = requests("compile");
  EXPECT_TRUE(measurer->measure(choice("fine"), Measurer::Purpose::Look).isOk());
  EXPECT_EQ(requests("compile"), compiles + 1);
  EXPECT_EQ(measurer->check(choice("uncompilable")).code(), StatusCode::Toolchain);
  EXPECT_EQ(measurer->losses(), 0u);
}

TEST_F(WorkerTest, WhatWasGivenUpIsCompiledAnewWhereItIsNeeded) {
  auto start = std::chrono::steady_clock::now();
  auto waitForCompiles = [&](int count) {
    while (requests("compile") < count &&
           std::chrono::steady_clock::now() - start < std::chrono::seconds(20))
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(requests("compile"), count);
  };
  int before = requests("compile");
  measurer->prepare(std::vector<Choice>{choice("lasting"), choice("fine")});
  EXPECT_TRUE(measurer->check(choice("fine")).isOk());
  waitForCompiles(before + 2);
  measurer->abandon();
  // Races wait for all compilers, of which none is left.
  EXPECT_TRUE(measurer->measure(choice("fine"), Measurer::Purpose::Race).isOk());
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
  measurer->prepare(std::vector<Choice>{choice("lasting"), choice("fine")});
  waitForCompiles(before + 3); // not the one that was done
  measurer->abandon();
}

TEST_F(WorkerTest, TellsWhatIsBuiltWithoutWaiting) {
  EXPECT_FALSE(measurer->isBuilt(choice("fine"))) << "nobody has asked for it";
  measurer->prepare(std::vector<Choice>{choice("lasting"), choice("fine")});
  auto start = std::chrono::steady_clock::now();
  while (!measurer->isBuilt(choice("fine")) &&
         std::chrono::steady_clock::now() - start < std::chrono::seconds(20))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_TRUE(measurer->isBuilt(choice("fine")));
  EXPECT_FALSE(measurer->isBuilt(choice("lasting")));
  measurer->abandon();
}

TEST_F(WorkerTest, InputsAreMadeWhileTheSearchChoosesWhatToTry) {
  int aims = requests("aim");
  measurer->aimAt(128, {}, 2, choice("default"));
  auto start = std::chrono::steady_clock::now();
  while (requests("aim") == aims &&
         std::chrono::steady_clock::now() - start < std::chrono::seconds(20))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(requests("aim"), aims + 1);
  EXPECT_TRUE(measurer->begin().isOk());
  EXPECT_EQ(requests("aim"), aims + 1);
  // An aim that is replaced by another is answered first.
  measurer->aimAt(64, {}, 2, choice("default"));
  EXPECT_TRUE(begin(32, {}, "default").isOk());
  EXPECT_EQ(requests("aim"), aims + 3);
  EXPECT_EQ(requests("begin"), 3);
  EXPECT_TRUE(measurer->check(choice("fine")).isOk());
}

TEST_F(WorkerTest, AWorkerThatWentAwayBetweenSearchesIsReplaced) {
  killWorker();
  moert::Status status = begin(32, {}, "default");
  EXPECT_TRUE(status.isOk()) << status.message();
  EXPECT_EQ(measurer->losses(), 1u);
  EXPECT_EQ(requests("open"), 2);
  EXPECT_EQ(requests("begin"), 2);
  EXPECT_TRUE(measurer->check(choice("fine")).isOk());
  EXPECT_EQ(measurer->losses(), 1u);
}

TEST_F(WorkerTest, WhatASearchLeftToCompilersIsNotCompiledBeforeTheNext) {
  int compiles = requests("compile");
  // The first two keep both compilers busy.
  measurer->prepare(std::vector<Choice>{choice("lasting"), choice("lasting, too"), choice("queued"),
                                        choice("queued, too")});
  ASSERT_TRUE(begin(32, {}, "default").isOk());
  EXPECT_LE(requests("compile"), compiles + 3);
  std::ifstream log(scratch / "log");
  for (std::string line; std::getline(log, line);)
    EXPECT_EQ(line.find("queued"), std::string::npos) << line;
}

TEST_F(WorkerTest, WaitsForCompilersNoLongerThanAskedTo) {
  measurer->prepare(std::vector<Choice>{choice("lasting")});
  measurer->waitForBuild(choice("lasting"), [] { return true; });
  measurer->waitForBuilds([] { return true; });
  EXPECT_FALSE(measurer->isBuilt(choice("lasting")));
  measurer->waitForBuilds([] { return false; });
  EXPECT_TRUE(measurer->isBuilt(choice("lasting"))) << "it was found to hang";
}

TEST_F(WorkerTest, ADefaultThatDoesNotCompileIsTheFailure) {
  moert::Status status = begin(32, {}, "uncompilable");
  EXPECT_EQ(status.message(),
            "crashes the compiler: the process died of signal 11 (Segmentation fault)");
  EXPECT_EQ(requests("begin"), 1);
}

TEST_F(WorkerTest, WithoutANewWorkerTheDeviceIsLost) {
  std::ofstream(scratch / "gone") << "";
  EXPECT_EQ(measurer->check(choice("crash")).code(), StatusCode::Toolchain);
  EXPECT_EQ(measurer->check(choice("fine")).code(), StatusCode::NoDevice);
}

TEST_F(WorkerTest, AHistogramGoesToANewWorkerAsItWasRead) {
  std::string path = (scratch / "h.json").string();
  std::ofstream(path) << R"({"counts": [1.5, 0, 7]})";
  auto routing = parseRouting("histogram:" + path);
  ASSERT_TRUE(routing.isOk());
  ASSERT_TRUE(begin(64, *routing, "default").isOk());
  std::filesystem::remove(path);
  EXPECT_EQ(measurer->check(choice("crash")).code(), StatusCode::Toolchain);
  EXPECT_TRUE(measurer->check(choice("fine")).isOk());
  std::ifstream log(scratch / "log");
  int begun = 0;
  for (std::string line; std::getline(log, line);)
    begun += line.find("\"aim\"") != std::string::npos &&
             line.find("\"counts\":[1.5,0,7]") != std::string::npos;
  EXPECT_EQ(begun, 2);
}

TEST(WorkerProtocolTest, ARoutingSurvives) {
  Routing recorded{Routing::Kind::Histogram};
  recorded.histogram = {"/nowhere/h.json", {0.1, 0, 12345678901}};
  for (const Routing &routing : {Routing(), Routing{Routing::Kind::Zipf, 1.2},
                                 Routing{Routing::Kind::OneExpert}, recorded}) {
    llvm::json::Object object = protocol::toJson(routing);
    auto read = protocol::routingFromJson(&object);
    ASSERT_TRUE(read.isOk()) << read.status().message();
    EXPECT_EQ(*read, routing);
  }
  EXPECT_FALSE(protocol::routingFromJson(nullptr));
  llvm::json::Object broken{{"histogram", llvm::json::Object{{"counts", {-1}}}}};
  EXPECT_FALSE(protocol::routingFromJson(&broken));
}

TEST(WorkerProtocolTest, AChoiceSurvives) {
  Choice choice;
  choice.fusions.permute = false;
  choice.combine = CombineMode::Accumulate;
  choice.schedules = {"a, b = 1", ""};
  llvm::json::Object object = protocol::toJson(choice);
  auto read = protocol::choiceFromJson(&object);
  ASSERT_TRUE(read.isOk());
  EXPECT_EQ(*read, choice);
  EXPECT_FALSE(protocol::choiceFromJson(nullptr));
}

TEST(WorkerStartTest, AProgramThatIsNotThere) {
  auto worker = Worker::start({"/nowhere/moec"});
  EXPECT_FALSE(worker.isOk());
}

TEST(WorkerStartTest, WhoIsGoneIsDescribedOnce) {
  auto worker = Worker::start({"/bin/sh", "-c", "exit 3"});
  ASSERT_TRUE(worker.isOk());
  while (!worker->receive().status().message().ends_with("code 3"))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  // Nothing is waited for or killed any more: the second time there is no number to do it by.
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(worker->send(llvm::json::Object()).message(), "the process ended with code 3");
    EXPECT_EQ(worker->receive().status().message(), "the process ended with code 3");
  }
}

} // namespace
