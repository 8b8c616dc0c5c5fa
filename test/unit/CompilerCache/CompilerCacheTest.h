//===- CompilerCacheTest.h - a cache and an NVRTC of its own for each test ----===//

#ifndef MOEC_TEST_UNIT_COMPILERCACHE_COMPILERCACHETEST_H
#define MOEC_TEST_UNIT_COMPILERCACHE_COMPILERCACHETEST_H

#include "compiler/Cache/CachedCompiler.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace moec::test {

namespace fs = std::filesystem;

class CompilerCacheTest : public ::testing::Test {
protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "moec-cache-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    scratch = pattern;
    log = scratch / "compiled";
    ::setenv("STUB_NVRTC_LOG", log.c_str(), 1);
    useNvrtc(STUB_NVRTC_13);
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(scratch, ignored);
  }
  static void useNvrtc(const fs::path &path) { ::setenv("MOEC_NVRTC", path.c_str(), 1); }

  /// As another process would open it: with nothing in memory.
  std::shared_ptr<moert::Cache> cache(std::vector<fs::path> layers = {}) {
    moert::CacheOptions options;
    options.directory = scratch / "cache";
    options.layers = std::move(layers);
    return moert::Cache::open(std::move(options));
  }
  /// How many kernels were compiled, by any process.
  size_t compiles() const {
    std::ifstream file(log);
    return static_cast<size_t>(
        std::count(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>(), '\n'));
  }

  fs::path scratch, log;
};

inline moert::CompileRequest request(const std::string &name, const std::string &body = "") {
  moert::CompileRequest request;
  request.name = name;
  request.source = "extern \"C\" __global__ void " + name + "(int *p) {" + body + "}\n";
  return request;
}

} // namespace moec::test

#endif // MOEC_TEST_UNIT_COMPILERCACHE_COMPILERCACHETEST_H
