//===- ToolchainTest.cpp - NVRTC's version, mostly without NVRTC --------------===//

#include "CompilerCacheTest.h"

#include <sys/wait.h>

using namespace moec;
using namespace moec::test;

using ToolchainTest = CompilerCacheTest;

TEST_F(ToolchainTest, TheVersionIsNotedAndNotAskedForAgain) {
  Toolchain first(cache());
  EXPECT_EQ(first.version(), "13.0.88");
  EXPECT_GT(first.loadSeconds(), 0);
  Toolchain second(cache());
  EXPECT_EQ(second.version(), "13.0.88");
  EXPECT_EQ(second.loadSeconds(), 0) << "NVRTC was loaded";
  EXPECT_TRUE(second.compiler());
  EXPECT_GT(second.loadSeconds(), 0);
}

TEST_F(ToolchainTest, AnotherPlaceIsAnotherNote) {
  EXPECT_EQ(Toolchain(cache()).version(), "13.0.88");
  useNvrtc(STUB_NVRTC_12);
  EXPECT_EQ(Toolchain(cache()).version(), "12.9.41");
  useNvrtc(STUB_NVRTC_13);
  Toolchain again(cache());
  EXPECT_EQ(again.version(), "13.0.88");
  EXPECT_EQ(again.loadSeconds(), 0);
  // So is whatever else decides where it is looked for.
  for (const char *name : {"CUDA_HOME", "CUDA_PATH", "LD_LIBRARY_PATH"}) {
    const char *value = std::getenv(name);
    std::optional<std::string> former;
    if (value)
      former = value;
    ::setenv(name, scratch.c_str(), 1);
    Toolchain moved(cache());
    EXPECT_EQ(moved.version(), "13.0.88");
    EXPECT_GT(moved.loadSeconds(), 0) << name;
    if (former)
      ::setenv(name, former->c_str(), 1);
    else
      ::unsetenv(name);
  }
}

TEST_F(ToolchainTest, AnUpgradeInPlaceIsNoticed) {
  // In processes of their own, as a process keeps the library of a name that it has loaded.
  auto versionIs = [&](const std::string &version, bool isLoaded) {
    pid_t child = ::fork();
    if (child == 0) {
      Toolchain tools(cache());
      ::_exit(tools.version() == version && (tools.loadSeconds() > 0) == isLoaded ? 0 : 1);
    }
    int status = 1;
    return ::waitpid(child, &status, 0) == child && status == 0;
  };
  fs::path library = scratch / "libnvrtc.so.13";
  fs::copy_file(STUB_NVRTC_12, library);
  useNvrtc(library);
  EXPECT_TRUE(versionIs("12.9.41", true));
  EXPECT_TRUE(versionIs("12.9.41", false));
  fs::remove(library);
  EXPECT_TRUE(versionIs("", false));
  fs::copy_file(STUB_NVRTC_13, library);
  EXPECT_TRUE(versionIs("13.0.88", true));
  EXPECT_TRUE(versionIs("13.0.88", false));
  // Package managers keep the time of a file: then another size or another file tells.
  fs::file_time_type time = fs::last_write_time(library);
  std::ofstream(library, std::ios::app) << "more";
  fs::last_write_time(library, time);
  EXPECT_TRUE(versionIs("13.0.88", true));
  EXPECT_TRUE(versionIs("13.0.88", false));
  fs::copy_file(library, scratch / "new");
  fs::last_write_time(scratch / "new", time);
  fs::rename(scratch / "new", library);
  EXPECT_TRUE(versionIs("13.0.88", true));
}

TEST_F(ToolchainTest, ANoteOfALayerThatIsNoLongerTrueHidesNoOther) {
  fs::path library = scratch / "libnvrtc.so.13", layer = scratch / "layer";
  fs::copy_file(STUB_NVRTC_12, library);
  useNvrtc(library);
  auto isLoaded = [&](std::vector<fs::path> layers) {
    pid_t child = ::fork();
    if (child == 0) {
      Toolchain tools(cache(std::move(layers)));
      ::_exit(tools.version() == "" ? 2 : tools.loadSeconds() > 0);
    }
    int status = -1;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  EXPECT_EQ(isLoaded({}), 1);
  fs::rename(scratch / "cache", layer);
  EXPECT_EQ(isLoaded({layer}), 0) << "a layer's note serves as long as it is true";
  fs::remove(library);
  fs::copy_file(STUB_NVRTC_13, library);
  EXPECT_EQ(isLoaded({layer}), 1);
  EXPECT_EQ(isLoaded({layer}), 0) << "NVRTC is loaded again and again";
}

TEST_F(ToolchainTest, ANoteAboutAnotherLibraryIsCorrected) {
  // A newer library appears beside the one that was noted.
  fs::path folder = scratch / "lib64";
  fs::create_directory(folder);
  fs::copy_file(STUB_NVRTC_12, folder / "libnvrtc.so.12");
  useNvrtc(folder);
  std::vector<moert::CompileRequest> requests = {request("a"), request("b")};
  CachedCompiler(cache()).compileAll(std::span(requests).first(1), 1);
  fs::copy_file(STUB_NVRTC_13, folder / "libnvrtc.so.13");
  CachedCompiler compiler(cache());
  EXPECT_EQ(compiler.toolVersion(), "12.9.41");
  auto kernels = compiler.compileAll(requests, 1);
  EXPECT_EQ(compiler.toolVersion(), "13.0.88");
  for (const auto &kernel : kernels)
    EXPECT_NE(kernel->compiled.ptx.find("V13.0.88"), std::string::npos);
  CachedCompiler again(cache());
  EXPECT_EQ(again.toolVersion(), "13.0.88");
  EXPECT_TRUE(again.compileAll(requests, 1)[1]->wasCached);
  EXPECT_EQ(again.loadSeconds(), 0);
  // "a" of both, "b" of the new one: nothing of it is kept as the former's.
  EXPECT_EQ(again.storage()->store()->list("k").size(), 3u);
}

TEST_F(ToolchainTest, WithoutNvrtcAndWithoutACache) {
  useNvrtc("/nowhere/libnvrtc.so");
  Toolchain missing(cache());
  EXPECT_EQ(missing.version(), "");
  EXPECT_EQ(missing.compiler().status().code(), moert::StatusCode::Toolchain);
  useNvrtc(STUB_NVRTC_13);
  EXPECT_EQ(Toolchain(nullptr).version(), "13.0.88");
  // One that was installed meanwhile is found.
  EXPECT_EQ(missing.version(), "13.0.88");
  EXPECT_TRUE(missing.compiler());
  useNvrtc("/nowhere/libnvrtc.so");
  Toolchain later(nullptr);
  EXPECT_FALSE(later.compiler());
  useNvrtc(STUB_NVRTC_13);
  EXPECT_TRUE(later.compiler());
}
