#include "compiler/Engine/Subject.h"

#include "compiler/Cache/CachedCompiler.h"
#include "compiler/Engine/Tuned.h"
#include "runtime/Package/Bundle.h"
#include "test/unit/Runtime/StubDriver.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace moec;
using moert::test::stub;

namespace {

constexpr const char *kTile =
    "mma, block_m = 16, block_n = 32, block_k = 32, stages = 2, warps_m = 1, warps_n = 1";

/// On a Hopper GPU, with the block examples/models/tiny.mlir.
class SubjectTest : public moert::test::StubDriverTest {
protected:
  void SetUp() override {
    StubDriverTest::SetUp();
    setenv("MOEC_NVRTC", MOEC_STUB_NVRTC, 1);
    stub().ccMajor = 9;
    stub().sharedBytesPerBlock = 232448;
    auto loaded = loadIr(MOEC_EXAMPLES "/tiny.mlir", llvm::errs());
    ASSERT_TRUE(loaded.isOk()) << loaded.status().message();
    subject = *std::move(loaded);
    device = openDevice();
    options.tokens = {64};
  }
  void TearDown() override {
    device.reset();
    StubDriverTest::TearDown();
  }

  moert::Package make() {
    auto package = packageFor(subject, *device, options);
    EXPECT_TRUE(package.isOk()) << package.status().message();
    return package ? *std::move(package) : moert::Package();
  }
  /// The sources of its kernels, as text.
  std::string sources() {
    std::string text;
    for (const moert::KernelCode &code : make().code)
      text += code.source;
    return text;
  }

  /// Takes a record of that build, at T = 64 and for the routing, as what is known.
  void know(const FusionChoice &fusions, const std::string &routing = "uniform") {
    TunedFor who = tunedFor(device->properties());
    who.routing = routing;
    Record record;
    record.key = *recordKey(*subject.block, "any", options.combine, who, "sm_90a");
    record.tokens = 64;
    record.fusions = fusions;
    record.schedules = {kTile, kTile};
    record.microseconds = 90;
    record.defaultMicroseconds = 100;
    options.records = std::make_shared<Records>(std::nullopt, std::vector<Record>{record});
  }

  Subject subject;
  std::shared_ptr<const moert::cuda::Device> device;
  RunnerOptions options;
};

TEST_F(SubjectTest, EveryOptionOfARunReachesTheCompiler) {
  const std::string plain = sources();
  EXPECT_EQ(make().manifest.targetArch, "sm_90a");
  EXPECT_EQ(make().manifest.variants.size(), 1u);
  options.target = kNativeTarget;
  EXPECT_EQ(make().manifest.targetArch, "sm_90a");
  options.target = "sm_80";
  EXPECT_EQ(make().manifest.targetArch, "sm_80");
  options.target = "";
  options.tokens = {1, 4096};
  EXPECT_GT(make().manifest.variants.size(), 1u);
  options.tokens = {64};
  options.combine = CombineMode::Accumulate;
  EXPECT_FALSE(make().manifest.variants.front().deterministic);
  options.combine = CombineMode::Ordered;
  EXPECT_TRUE(make().manifest.variants.front().deterministic);
  options.schedule = std::string("*: ") + kTile;
  EXPECT_NE(sources(), plain);
  options.schedule = "";
  options.fusions.permute = false;
  EXPECT_NE(sources(), plain);
  options.fusions = {};
  options.cache = std::make_shared<CachedCompiler>(moert::Cache::open({})); // in memory
  EXPECT_EQ(sources(), plain);
  EXPECT_EQ(sources(), plain);
  EXPECT_EQ(options.cache->counters().packageHits, 1u);
}

TEST_F(SubjectTest, ARecordGivesWhatTheHostDoesNot) {
  const std::string plain = sources();
  options.schedule = std::string("*: ") + kTile;
  const std::string tile = sources();
  options.schedule = "";
  know({});
  EXPECT_EQ(sources(), tile);
  options.schedule = "0: mma, block_m = 32, block_n = 32, block_k = 32, stages = 2, warps_m = 1, "
                     "warps_n = 1";
  const std::string given = sources();
  options.records = nullptr;
  EXPECT_EQ(sources(), given) << "a schedule that the host gives is kept";
  options.schedule = "";
  // Of another routing.
  know({}, "zipf:1.2");
  EXPECT_EQ(sources(), plain);
  options.routing = "zipf:1.2";
  EXPECT_EQ(sources(), tile);
  EXPECT_FALSE(options.onOrigin);
  std::vector<std::string> origins;
  options.onOrigin = [&](const std::string &origin) { origins.push_back(origin); };
  EXPECT_EQ(sources(), tile);
  ASSERT_EQ(origins.size(), 1u);
  EXPECT_NE(origins[0].find("record of Stub GPU at T=64"), std::string::npos) << origins[0];
}

TEST_F(SubjectTest, ARecordGivesFusionsTheHostDoesNot) {
  FusionChoice separate;
  separate.permute = false;
  const std::string plain = sources();
  options.fusions = separate;
  options.schedule = std::string("*: ") + kTile;
  const std::string tile = sources();
  options.fusions = {};
  options.schedule = "";
  know(separate);
  EXPECT_EQ(sources(), tile);
  options.areFusionsGiven = true;
  EXPECT_EQ(sources(), plain);
  // Where other token counts are fused in another way, its own have a variant of their own.
  options.areFusionsGiven = false;
  options.tokens = {64, 4096};
  moert::Package package = make();
  auto launches = [&](int64_t tokens) {
    return package.manifest.variants[moert::variantFor(package.manifest, tokens)].launches.size();
  };
  EXPECT_EQ(launches(64), launches(4096) + 1) << "the permute";
}

TEST_F(SubjectTest, APackageWithoutIrSaysItsArguments) {
  Subject bare;
  bare.path = "bare.moepkg";
  bare.package = make();
  ASSERT_EQ(bare.inputs().size(), subject.inputs().size());
  for (auto [got, expected] : llvm::zip(bare.inputs(), subject.inputs())) {
    EXPECT_EQ(got.name, expected.name);
    EXPECT_EQ(got.dtype, expected.dtype);
    EXPECT_EQ(got.shape, expected.shape);
    EXPECT_EQ(got.rowsPerToken, 1);
  }
  ASSERT_EQ(bare.outputs().size(), 1u);
  EXPECT_EQ(bare.outputs()[0].name, "output");
  bare.package->manifest.arguments[0].shape[0] = moert::Expr::tokens() * moert::Expr(2);
  EXPECT_EQ(bare.inputs()[0].shape[0], kTokensDim);
  EXPECT_EQ(bare.inputs()[0].rowsPerToken, 2);
  // No other device can run it.
  for (DeviceKind kind : {DeviceKind::Cpu, DeviceKind::Reference}) {
    options.device = kind;
    auto runner = makeRunner(bare, options);
    ASSERT_FALSE(runner.isOk());
    EXPECT_EQ(runner.status().message(), "expects a package with its IR for --device " +
                                             name(kind).str() + ", but bare.moepkg holds none");
  }
}

TEST_F(SubjectTest, APackageIsThatOfItsIr) {
  moert::test::TemporaryDirectory folder;
  std::string path = folder.path() / "tiny.moepkg";
  moert::Package package = make();
  ASSERT_TRUE(moert::writePackage(path, package).isOk());
  auto loaded = loadSubject(path, DeviceKind::Cpu, llvm::errs());
  ASSERT_TRUE(loaded.isOk()) << loaded.status().message();
  EXPECT_TRUE(loaded->block && loaded->package);
  EXPECT_FAILURE(loadIr(path, llvm::errs()).status(), Usage, "is a package");
  package.manifest.arguments[0].name = "other";
  ASSERT_TRUE(moert::writePackage(path, package).isOk());
  EXPECT_FAILURE(loadSubject(path, DeviceKind::Cpu, llvm::errs()).status(), InvalidInput,
                 "expects the manifest's arguments to be those of ir/moe.mlir (hidden,");
}

TEST_F(SubjectTest, OfABundleTheGpuGetsItsPart) {
  moert::test::TemporaryDirectory folder;
  std::string path = folder.path() / "tiny.moepkg";
  std::vector<moert::Package> parts;
  for (const char *target : {"sm_80", "sm_90a"}) {
    options.target = target;
    parts.push_back(make());
  }
  ASSERT_TRUE(moert::writeBundle(path, parts).isOk());
  auto targetFor = [&](DeviceKind kind) {
    auto loaded = loadSubject(path, kind, llvm::errs());
    return loaded ? loaded->package->manifest.targetArch : loaded.status().message();
  };
  EXPECT_EQ(targetFor(DeviceKind::Cuda), "sm_90a");
  EXPECT_EQ(targetFor(DeviceKind::Cpu), "sm_80") << "any part has the IR";
  stub().ccMajor = 8;
  device.reset();
  EXPECT_EQ(targetFor(DeviceKind::Cuda), "sm_80");
}

TEST_F(SubjectTest, TheDeviceIsAnOrdinal) {
  for (const char *wrong : {"-1", "first", "0x"}) {
    setenv("MOEC_DEVICE", wrong, 1);
    EXPECT_FAILURE(moec::openDevice().status(), Usage,
                   std::string("expects MOEC_DEVICE to be an ordinal from 0 on, but got '") +
                       wrong);
  }
  setenv("MOEC_DEVICE", "1", 1);
  EXPECT_EQ((*moec::openDevice())->properties().ordinal, 1);
  unsetenv("MOEC_DEVICE");
  EXPECT_EQ((*moec::openDevice())->properties().ordinal, 0);
}

} // namespace
