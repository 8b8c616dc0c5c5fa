//===- TuneTest.h - A block that is tuned in the background of a host -----===//
//
// The program that measures is a script: it writes down how it was called, and finds what the test
// wants found.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_TEST_UNIT_EMBED_TUNETEST_H
#define MOEC_TEST_UNIT_EMBED_TUNETEST_H

#include "test/unit/Embed/EmbedTest.h"

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include <dlfcn.h>

namespace moec::test {

/// What the host's log got.
inline std::mutex logMutex;
inline std::string logged;

class TuneTest : public EmbedTest {
protected:
  void SetUp() override {
    EmbedTest::SetUp();
    logged.clear();
    moec_set_log_callback(
        [](moec_log_level, const char *, const char *message, void *) {
          std::lock_guard<std::mutex> lock(logMutex);
          logged += std::string(message) + "\n";
        },
        nullptr, MOEC_LOG_INFO);
  }
  void TearDown() override {
    moec_set_log_callback(nullptr, nullptr, MOEC_LOG_ERROR);
    EmbedTest::TearDown();
  }

  /// A program that does `first`, keeps its arguments in "calls" and its input in "input" and then
  /// does `body`.
  void writeTool(const std::string &body, const std::string &first = "") {
    tool = (scratch / "tool").string();
    std::ofstream(tool) << "#!/bin/sh\ncd " << scratch.string() << "\n"
                        << first << "\necho \"$@\" >> calls\ncat > input\n"
                        << body << "\n";
    fs::permissions(tool, fs::perms::owner_all);
  }
  std::string read(const char *name) const {
    std::ifstream file(scratch / name);
    std::stringstream all;
    all << file.rdbuf();
    return all.str();
  }
  /// How often the program was called.
  size_t calls() const {
    std::string text = read("calls");
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  }
  moec_tune_options options() const {
    moec_tune_options result = {};
    result.tool = tool.c_str();
    return result;
  }
  /// Tunes and waits until all is done.
  void tune(moec::Package &block, const std::vector<int64_t> &tokens) {
    std::atomic<bool> over{false};
    block.tune(tokens, options(), [&](size_t done, size_t total) {
      EXPECT_EQ(total, tokens.size());
      over = done == total;
    });
    while (!over)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  void launch(moec::Package &block, int64_t tokens) {
    std::vector<void *> tensors;
    char *at = arena();
    auto take = [&](uint64_t bytes) { return std::exchange(at, at + (bytes + 255) / 256 * 256); };
    for (size_t i = 0; i < block.argumentCount(); ++i)
      tensors.push_back(take(block.bytes(i, tokens)));
    uint64_t bytes = block.workspaceBytes(tokens);
    void *workspace = take(bytes);
    ASSERT_LE(at, arena() + kArenaBytes);
    block.launch(tokens, tensors.data(), tensors.size(), workspace, bytes, nullptr);
  }
  /// Memory of the stub's device.
  static char *arena() {
    static char *memory = [] {
      void *stub = ::dlopen(MOEC_STUB_CUDA_ANY, RTLD_NOW | RTLD_LOCAL);
      auto push = reinterpret_cast<int (*)(void *)>(::dlsym(stub, "cuCtxPushCurrent_v2"));
      auto pop = reinterpret_cast<int (*)(void **)>(::dlsym(stub, "cuCtxPopCurrent_v2"));
      auto allocate = reinterpret_cast<int (*)(uint64_t *, size_t)>(::dlsym(stub, "cuMemAlloc_v2"));
      uint64_t address = 0;
      void *context = &address;
      push(context);
      EXPECT_EQ(allocate(&address, kArenaBytes), 0);
      pop(&context);
      return reinterpret_cast<char *>(address);
    }();
    return memory;
  }
  std::string failureOf(moec::Package &block, moec_tune_options given, std::vector<int64_t> tokens,
                        moec_status expected) {
    std::string message, location;
    EXPECT_EQ(statusOf([&] { block.tune(tokens, given); }, message, location), expected) << message;
    return message;
  }

  static constexpr size_t kArenaBytes = 4 << 20;
  static constexpr const char *kMma =
      "mma, block_m = 64, block_n = 64, block_k = 32, stages = 2, warps_m = 2";
  std::string tool;
};

} // namespace moec::test

#endif // MOEC_TEST_UNIT_EMBED_TUNETEST_H
