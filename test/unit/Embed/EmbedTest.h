//===- EmbedTest.h - libmoec.so on a stub driver and a stub NVRTC ---------===//

#ifndef MOEC_TEST_UNIT_EMBED_EMBEDTEST_H
#define MOEC_TEST_UNIT_EMBED_EMBEDTEST_H

#include "runtime/Api/moec.hpp"
#include "test/unit/Runtime/StubCuda.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include <dlfcn.h>

namespace moec::test {

namespace fs = std::filesystem;

/// The block examples/models/tiny.mlir, and a cache of its own.
class EmbedTest : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "moec-embed-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    scratch = pattern;
    ::setenv("MOEC_LIBCUDA", MOEC_STUB_CUDA_ANY, 1);
    ::setenv("MOEC_NVRTC", MOEC_STUB_NVRTC, 1);
    ::setenv("MOEC_CACHE_DIR", (scratch / "cache").c_str(), 1);
    ::setenv("STUB_NVRTC_LOG", (scratch / "compiled").c_str(), 1);
    ::unsetenv("STUB_NVRTC_MS");
    std::ifstream file(MOEC_EXAMPLES "/tiny.mlir");
    std::stringstream all;
    all << file.rdbuf();
    text = all.str();
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(scratch, ignored);
  }
  /// Kernels that NVRTC compiled, in any process.
  size_t compiles() const {
    std::ifstream file(scratch / "compiled");
    return static_cast<size_t>(
        std::count(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>(), '\n'));
  }
  /// The driver that the library loads.
  static moert::test::StubCuda &stub() {
    static void *library = ::dlopen(MOEC_STUB_CUDA_ANY, RTLD_NOW | RTLD_LOCAL);
    return *reinterpret_cast<moert::test::StubCuda *(*)()>(::dlsym(library, "stubCuda"))();
  }
  static moec_status statusOf(const std::function<void()> &body, std::string &message,
                              std::string &location) {
    try {
      body();
      return MOEC_OK;
    } catch (const moec::Error &error) {
      message = error.what();
      location = error.location();
      return error.status();
    }
  }

  /// A file of one record of the block at T = `tokens` on the stub's device; its path.
  fs::path writeRecord(int64_t tokens, const std::string &schedule,
                       const std::string &fusions = "all") const {
    fs::path path = scratch / ("record-" + std::to_string(tokens) + ".json");
    std::ofstream(path)
        << R"({"records": [{"format": 1, "tokens": )" << tokens
        << R"(,
    "key": {"combine": "ordered", "device": "Stub GPU", "fuse": "any", "multiprocessors": 132,
            "routing": "uniform", "target": "sm_80", "problem": "bf16: experts=8 columns=48 reduction=64)"
           R"( rows_per_token=2 gated gathered output_bytes=2; experts=8 columns=64 reduction=48)"
           R"( rows_per_token=2 weighted output_bytes=2"},
    "environment": {"clocks": "", "date": "2026-01-01T00:00:00Z", "driver": "", "effort": "quick",
                    "moec": "0.1.0", "nvrtc": ""},
    "fusions": ")"
        << fusions << R"(", "schedules": [)"
        << (schedule.empty() ? "" : "\"" + schedule + "\", \"" + schedule + "\"") << R"(],
    "us": 90.0, "default_us": 100.0, "ratio": 0.9}]})";
    return path;
  }
  /// The command that puts it beside the kernel cache.
  static std::string importCommand(const fs::path &record) {
    return std::string(MOEC_TOOL) + " cache import-records " + record.string();
  }

  fs::path scratch;
  std::string text;
};

} // namespace moec::test

#endif // MOEC_TEST_UNIT_EMBED_EMBEDTEST_H
