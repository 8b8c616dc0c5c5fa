//===- TuneProcessTest.cpp - The program that tunes, as a child of the host -===//

#include "test/unit/Embed/TuneTest.h"

#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

using namespace moec::test;

namespace {

TEST_F(TuneTest, FailuresAreCountedAndLogged) {
  moec::Context context;
  moec::Package block = moec::Package::fromText(context, text);
  const std::pair<const char *, const char *> cases[] = {
      {"echo 'T=1 us'; echo 'moec: error: no CUDA driver' >&2; exit 6",
       "tuning for 64 tokens failed: moec tune ended with code 6: no CUDA driver"},
      {"kill -SEGV $$", "tuning for 64 tokens failed: moec tune died of signal 11"},
      {"exit 77", "tuning for 64 tokens failed: moec tune ended with code 77"},
      {"exec 1>&- 2>&-; sleep 0.2; exit 3", "moec tune ended with code 3"},
      // The last error is the reason, without what follows it, however much went before.
      {"echo 'moec: error: first'; echo 'moec: error: second'; echo afterwards; exit 6",
       "moec tune ended with code 6: second"},
      {"head -c 131070 /dev/zero | tr '\\0' x; echo; echo 'moec: error: late' >&2; exit 6",
       "moec tune ended with code 6: late"},
  };
  uint64_t failed = 0;
  for (auto [body, reason] : cases) {
    logged.clear();
    writeTool(body);
    tune(block, {64});
    EXPECT_EQ(block.counters().tune_failed, ++failed);
    EXPECT_NE(logged.find(reason), std::string::npos) << logged;
    EXPECT_EQ(logged.find("afterwards"), std::string::npos) << logged;
  }
  EXPECT_EQ(block.counters().tuned, 0u);
  block.prepare({64});
  launch(block, 64);
}

/// Whether a process is there that is not dead, collected by whoever started it or not.
bool runs(const std::string &pid) {
  std::ifstream file("/proc/" + std::to_string(std::stoi(pid)) + "/status");
  std::stringstream all;
  all << file.rdbuf();
  return !all.str().empty() && all.str().find("State:\tZ") == std::string::npos;
}
/// Waits for its end for 10 seconds.
bool ends(const std::string &pid) {
  for (int i = 0; i < 1000 && runs(pid); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return !runs(pid);
}

TEST_F(TuneTest, ClosingEndsTheProgram) {
  moec::Context context;
  moec::Package block = moec::Package::fromText(context, text);
  writeTool("echo $$ > pid; exec sleep 600");
  std::atomic<int> told{0};
  block.tune({64, 128}, options(), [&](size_t, size_t) { ++told; });
  while (read("pid").empty())
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  pid_t pid = std::stoi(read("pid"));
  EXPECT_EQ(::kill(pid, 0), 0);
  auto start = std::chrono::steady_clock::now();
  { moec::Package closing = std::move(block); }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
  EXPECT_NE(::kill(pid, 0), 0);
  EXPECT_EQ(told, 0);
  EXPECT_EQ(calls(), 1u);
}

TEST_F(TuneTest, ClosingEndsWhatTheProgramStarted) {
  // As its workers, which hold memory of the device.
  moec::Context context;
  moec::Package block = moec::Package::fromText(context, text);
  writeTool("sleep 600 & echo $! > worker.new; mv worker.new worker; wait");
  block.tune({64}, options());
  while (read("worker").empty())
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_TRUE(runs(read("worker")));
  { moec::Package closing = std::move(block); }
  EXPECT_TRUE(ends(read("worker")));
}

TEST_F(TuneTest, TheProgramEndsAfterAHostThatDied) {
  writeTool("echo $$ > pid; while true; do echo row; sleep 0.05; done");
  pid_t host = ::fork();
  if (host == 0) {
    moec::Context context;
    moec::Package block = moec::Package::fromText(context, text);
    block.tune({64}, options());
    ::pause();
    ::_exit(0);
  }
  ASSERT_GT(host, 0);
  while (read("pid").empty())
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  ::kill(host, SIGKILL);
  ASSERT_EQ(::waitpid(host, nullptr, 0), host);
  EXPECT_TRUE(ends(read("pid")));
}

TEST_F(TuneTest, TheProgramDoesNotNoticeTheHost) {
  // A descriptor that is left open to children, an ignored signal, a device of its own.
  int leaked = ::dup(0);
  auto former = std::signal(SIGPIPE, SIG_IGN);
  ::setenv("MOEC_DEVICE", "7", 1);
  moec::Context context(1);
  moec::Package block = moec::Package::fromText(context, text);
  // By the shell itself, as it unblocks signals for every command that it starts.
  writeTool("ls /proc/$$/fd > descriptors\necho $MOEC_DEVICE > device",
            "while read -r line; do case $line in SigBlk*|SigIgn*) echo \"$line\";; esac; done "
            "< /proc/$$/status > signals");
  tune(block, {64});
  std::signal(SIGPIPE, former);
  ::unsetenv("MOEC_DEVICE");
  ::close(leaked);
  // Signals that the C library keeps to itself have numbers above 31.
  EXPECT_EQ(read("signals").find("SigBlk:\t0000000000000000\n"), 0u) << read("signals");
  size_t ignored = read("signals").find("SigIgn:\t");
  ASSERT_NE(ignored, std::string::npos);
  EXPECT_EQ(std::stoull(read("signals").substr(ignored + 8), nullptr, 16) & 0x7fffffff, 0u)
      << read("signals");
  EXPECT_EQ(read("descriptors").find(std::to_string(leaked) + "\n"), std::string::npos)
      << leaked << " in " << read("descriptors");
  EXPECT_EQ(read("device"), "1\n") << "where the block runs";
}

} // namespace
