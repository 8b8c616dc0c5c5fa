//===- LoadTest.cpp - Loading packages onto devices -----------------------===//

#include "runtime/Exec/KernelLoader.h"
#include "runtime/Exec/LaunchPlan.h"
#include "test/unit/Runtime/StubDriver.h"

#include <cstdlib>

#include <elf.h>

using namespace moert;
using namespace moert::test;

namespace {

/// Runs before any other test of the program has loaded the driver; a failure is tried again.
TEST(Driver, SaysWhatIsMissing) {
  setenv("MOEC_LIBCUDA", "/nowhere/libcuda.so.1", 1);
  EXPECT_EQ(cuda::Device::count(), 0);
  EXPECT_FAILURE(cuda::Device::open(0).status(), NoDevice,
                 "no CUDA driver: /nowhere/libcuda.so.1: cannot open shared object file");
  setenv("MOEC_LIBCUDA", "libm.so.6", 1);
  EXPECT_FAILURE(cuda::Device::open(0).status(), Toolchain, "'libm.so.6' has no symbol cuInit");
  setenv("MOEC_LIBCUDA", MOEC_STUB_CUDA, 1);
  stub().failingCall = "cuInit";
  stub().failingResult = 100;
  EXPECT_FAILURE(cuda::Device::open(0).status(), NoDevice,
                 "cuInit failed: CUDA_ERROR_STUB (100), as the test asked for");
  stub().failingCall = nullptr;
  EXPECT_EQ(cuda::Device::count(), 2);
}

using Load = StubDriverTest;

TEST_F(Load, ReadsTheDevice) {
  std::shared_ptr<const cuda::Device> device = openDevice(1);
  const cuda::DeviceProperties &props = device->properties();
  EXPECT_EQ(props.ordinal, 1);
  EXPECT_EQ(props.name, "Stub GPU");
  EXPECT_EQ(props.ccMajor, 8);
  EXPECT_EQ(props.smCount, 132);
  EXPECT_EQ(props.memoryBytes, uint64_t(1) << 36);
  EXPECT_EQ(props.smClockGHz, 0) << "a driver that does not tell the clock is no failure";
  EXPECT_EQ(device->architecture(), "sm_80");
  EXPECT_FAILURE(cuda::Device::open(2).status(), NoDevice,
                 "expects a device ordinal below 2, but got 2");
  EXPECT_FAILURE(cuda::Device::open(-1).status(), NoDevice, "but got -1");
  stub().failingCall = "cuDevicePrimaryCtxRetain";
  stub().failingResult = 999;
  EXPECT_FAILURE(cuda::Device::open(0).status(), Toolchain, "cuDevicePrimaryCtxRetain failed");
}

TEST(KernelForm, FollowsTheArchitecture) {
  struct {
    const char *target;
    int ccMajor, ccMinor;
    bool hasCubin, hasPtx;
    int expected; ///< 0 cubin, 1 PTX, -1 neither
  } const cases[] = {
      {"sm_90a", 9, 0, true, true, 0},    {"sm_90a", 9, 0, false, true, 1},
      {"sm_90a", 10, 0, true, true, -1},  {"sm_90a", 8, 0, true, true, -1},
      {"sm_80", 8, 0, true, true, 0},     {"sm_80", 8, 6, true, true, 0},
      {"sm_80", 9, 0, true, true, 1},     {"sm_80", 9, 0, true, false, -1},
      {"sm_80", 12, 0, true, true, 1},    {"sm_86", 8, 0, true, true, -1},
      {"sm_80", 7, 5, true, true, -1},    {"sm_100f", 10, 3, true, true, 0},
      {"sm_100f", 12, 0, true, true, -1},
  };
  for (const auto &[target, major, minor, hasCubin, hasPtx, expected] : cases) {
    Result<CodeForm> form =
        chooseForm(*Architecture::parse(target), target, major, minor, hasCubin, hasPtx);
    ASSERT_EQ(form.isOk(), expected >= 0) << target << " on " << major << "." << minor;
    if (form) {
      EXPECT_EQ(static_cast<int>(*form), expected) << target << " on " << major << "." << minor;
    } else {
      EXPECT_EQ(form.status().code(), StatusCode::NoDevice);
    }
  }
  EXPECT_EQ(
      chooseForm(*Architecture::parse("sm_90a"), "sm_90a", 8, 0, true, true).status().message(),
      "expects a device of compute capability 9.0 for sm_90a code, but got 8.0");
  EXPECT_EQ(
      chooseForm(*Architecture::parse("sm_80"), "sm_80", 9, 0, true, false).status().message(),
      "expects a device of compute capability 8.0 or later for sm_80 code and no PTX for other "
      "architectures, but got 9.0");
}

TEST_F(Load, TakesTheCubinOrThePtx) {
  load();
  EXPECT_TRUE(stub().lastImageWasElf);
  stub().ccMajor = 9;
  load();
  EXPECT_FALSE(stub().lastImageWasElf);
  Package package = makePackage();
  package.manifest.targetArch = "sm_90a";
  stub().ccMajor = 8;
  EXPECT_FAILURE(LoadedPackage::load(openDevice(), package).status(), NoDevice,
                 "kernel 'scale' on device 0 (Stub GPU): expects a device of compute capability "
                 "9.0 for sm_90a code, but got 8.0");
}

TEST_F(Load, ChecksTheCodeAgainstTheManifest) {
  Package package = makePackage();
  auto expect = [&](StatusCode code, const char *text) {
    Status status = LoadedPackage::load(openDevice(), package).status();
    EXPECT_EQ(status.code(), code) << status.message();
    EXPECT_NE(status.message().find(text), std::string::npos) << status.message();
    SetUp();
    package = makePackage();
  };
  package.manifest.kernels[0].entry = "other";
  expect(StatusCode::Toolchain, "cuModuleGetFunction failed");
  stub().function.numParameters = 3;
  expect(StatusCode::InvalidInput, "expects 4 parameters, but the code has 3");
  stub().function.numParameters = 5;
  expect(StatusCode::InvalidInput, "expects 4 parameters, but the code has more");
  stub().function.parameterBytes[3] = 8;
  expect(StatusCode::InvalidInput, "expects parameter 3 to have 4 bytes, but the code has 8");
  stub().function.maxThreads = 64;
  expect(StatusCode::InvalidInput, "expects 128 threads a block, but the code admits 64");
  stub().function.staticSharedBytes = 166000;
  expect(StatusCode::Unsupported,
         "expects 167024 bytes of shared memory a block, but the device grants 166912");
  package.code[0].cubin.resize(40);
  expect(StatusCode::InvalidInput, "expects the cubin to be a complete ELF file");
  package.code[0].cubin[40] = 1; // the offset of the sections
  package.code[0].cubin[60] = 9; // their count
  package.code[0].cubin[58] = 64;
  expect(StatusCode::InvalidInput, "expects the cubin to be a complete ELF file");
  package.code.clear();
  expect(StatusCode::InvalidInput, "expects the code of 1 kernels, but got 0");
  package.manifest.variants[0].launches[0].kernel = 7;
  expect(StatusCode::InvalidInput, "/variants/0/launches/0/kernel");
  stub().failingCall = "cuModuleLoadData";
  stub().failingResult = 218;
  expect(StatusCode::Toolchain, "cuModuleLoadData failed");
  stub().failingCall = "cuFuncLoad";
  stub().failingResult = 2;
  expect(StatusCode::Budget, "cuFuncLoad failed: CUDA_ERROR_OUT_OF_MEMORY (2)");
}

TEST_F(Load, SectionsOfACubinEndWithinIt) {
  Package package = makePackage();
  std::string &cubin = package.code[0].cubin;
  Elf64_Ehdr header;
  std::memcpy(&header, cubin.data(), sizeof header);
  header.e_shoff = sizeof header;
  header.e_shnum = 2;
  header.e_shentsize = sizeof(Elf64_Shdr);
  Elf64_Shdr sections[2] = {};
  auto loads = [&] {
    cubin.assign(reinterpret_cast<const char *>(&header), sizeof header);
    cubin.append(reinterpret_cast<const char *>(sections), sizeof sections);
    return LoadedPackage::load(openDevice(), package).status();
  };
  sections[1].sh_type = SHT_PROGBITS;
  sections[1].sh_offset = 64;
  sections[1].sh_size = 128;
  EXPECT_TRUE(loads().isOk());
  ++sections[1].sh_size;
  EXPECT_FAILURE(loads(), InvalidInput, "complete ELF file");
  sections[1].sh_type = SHT_NOBITS; // shared memory has no bytes in the file
  EXPECT_TRUE(loads().isOk()) << loads().message();
  header.e_shentsize = 0; // would be read as the first section over and over
  EXPECT_FAILURE(loads(), InvalidInput, "complete ELF file");
}

TEST_F(Load, GrantsSharedMemoryAndLargeClusters) {
  load();
  EXPECT_EQ(stub().function.maxDynamicSharedBytes, 1024);
  EXPECT_EQ(stub().function.nonPortableCluster, 0);
  Package package = makePackage();
  package.manifest.variants[0].launches[0].cluster = {16, 1, 1};
  load(package);
  EXPECT_EQ(stub().function.nonPortableCluster, 1);
  SetUp();
  package.manifest.variants[0].launches[0].cluster = {4, 4, 1};
  load(package);
  EXPECT_EQ(stub().function.nonPortableCluster, 1);
}

TEST_F(Load, BoundsTByTheWidthOfItsIntegers) {
  EXPECT_EQ(load()->maxTokens(), 1 << 20);
  // A route index of T * 3000 must fit an i32.
  Package package = makePackage();
  package.manifest.maxTokens = INT32_MAX;
  package.manifest.variants[1].buffers[0].shape = {Expr::tokens() * Expr(3000)};
  EXPECT_EQ(load(package)->maxTokens(), INT32_MAX / 3000);
  // A tensor whose size does not fit 62 bits.
  package = makePackage();
  package.manifest.arguments[0].shape = {Expr::tokens(), Expr(1 << 30), Expr(1 << 14)};
  EXPECT_EQ(load(package)->maxTokens(), (1 << 16));
  // A small variant that is cut off bounds T even though the next one would fit.
  package = makePackage();
  package.manifest.variants[0].buffers = {{"big", DType::U8, {Expr::tokens() * Expr(1 << 29)}}};
  EXPECT_EQ(load(package)->maxTokens(), 3);
  package.manifest.variants[0].buffers[0].shape = {Expr(int64_t(1) << 31)};
  EXPECT_FAILURE(LoadedPackage::load(openDevice(), package).status(), InvalidInput,
                 "too large even at T = 0");
}

TEST_F(Load, AsksForTheWorkspaceItUses) {
  std::shared_ptr<const LoadedPackage> package = load();
  EXPECT_EQ(*package->workspaceBytes(0), 0u);
  EXPECT_EQ(*package->workspaceBytes(15), 0u);
  // flags: 12 bytes at 0; half: T * 32 at 256; tail: ceil(T / 2) * 10 at the next multiple of 256.
  EXPECT_EQ(*package->workspaceBytes(16), 256u + 512u + 80u);
  EXPECT_EQ(*package->workspaceBytes(17), 256u + 768u + 90u);
  uint64_t previous = 0;
  for (int64_t tokens = 0; tokens <= 5000; ++tokens) {
    uint64_t bytes = *package->workspaceBytes(tokens);
    ASSERT_GE(bytes, previous);
    previous = bytes;
  }
  EXPECT_FAILURE(package->workspaceBytes(-1).status(), Usage,
                 "expects 0 to 1048576 tokens, but got -1");
  EXPECT_FAILURE(package->workspaceBytes((1 << 20) + 1).status(), Usage, "but got 1048577");
  EXPECT_EQ(*package->argumentBytes(1, 3), 96u);
  EXPECT_FAILURE(package->argumentBytes(2, 3).status(), Usage, "expects an argument index below 2");
}

TEST_F(Load, AWorkspaceForManyTokensServesFew) {
  // The variant for few tokens needs more than the other one at its beginning.
  Package package = makePackage();
  package.manifest.variants[0].buffers = {{"big", DType::U8, {Expr::tokens() * Expr(1000)}}};
  std::shared_ptr<const LoadedPackage> loaded = load(package);
  EXPECT_EQ(*loaded->workspaceBytes(15), 15000u);
  EXPECT_EQ(*loaded->workspaceBytes(16), 15000u);
  EXPECT_EQ(*loaded->workspaceBytes(15 * 16), 15000u);
  EXPECT_EQ(*loaded->workspaceBytes(1000), 256u + 32000u + 5000u);
}

} // namespace
