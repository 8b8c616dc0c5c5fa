//===- BundleTest.cpp - Packages for several architectures ----------------===//

#include "runtime/Exec/BundleChoice.h"
#include "test/unit/Runtime/StubDriver.h"

#include <fstream>

using namespace moert;
using namespace moert::test;

namespace {

class BundleTest : public StubDriverTest {
protected:
  static Package packageFor(const char *target) {
    Package package = makePackage();
    package.manifest.targetArch = target;
    return package;
  }
  std::filesystem::path path() const { return temporary.path() / "block.moepkg"; }
  /// The target of the part that a device gets, or the message of the failure.
  std::string choice(int major, int minor) {
    cuda::DeviceProperties device;
    device.ccMajor = major;
    device.ccMinor = minor;
    Result<Package> package = readPackageFor(path(), device);
    return package ? package->manifest.targetArch : package.status().message();
  }
  void replaceManifest(const std::string &text) { std::ofstream(path() / "manifest.json") << text; }

  TemporaryDirectory temporary;
};

TEST_F(BundleTest, ADeviceGetsThePartThatServesItBest) {
  ASSERT_TRUE(writeBundle(path(), {packageFor("sm_80"), packageFor("sm_90a"), packageFor("sm_89")})
                  .isOk());
  EXPECT_TRUE(isPackage(path()));
  EXPECT_EQ(*readBundleTargets(path()), (std::vector<std::string>{"sm_80", "sm_90a", "sm_89"}));
  EXPECT_EQ(choice(9, 0), "sm_90a");
  EXPECT_EQ(choice(8, 9), "sm_89");
  EXPECT_EQ(choice(8, 6), "sm_80");
  EXPECT_EQ(choice(10, 0), "sm_89") << "later devices take the newest PTX that runs there";
  EXPECT_NE(choice(7, 5).find("expects a device that runs code for sm_80 or sm_90a or sm_89, but "
                              "got compute capability 7.5"),
            std::string::npos)
      << choice(7, 5);
  // A part is a package of its own, and a package is its only part.
  EXPECT_TRUE(readPackage(bundlePart(path(), "sm_80")).isOk());
  ASSERT_TRUE(writePackage(path(), packageFor("sm_80")).isOk()) << "may replace a bundle";
  EXPECT_TRUE(readBundleTargets(path())->empty());
  EXPECT_EQ(choice(8, 0), "sm_80");
  EXPECT_FALSE(std::filesystem::exists(path() / "sm_90a"));
}

TEST_F(BundleTest, CodeForExactlyTheDeviceComesBeforeGenericCode) {
  for (auto order : {std::pair("sm_90", "sm_90a"), std::pair("sm_90a", "sm_90")}) {
    ASSERT_TRUE(writeBundle(path(), {packageFor(order.first), packageFor(order.second)}).isOk());
    EXPECT_EQ(choice(9, 0), "sm_90a");
  }
}

TEST_F(BundleTest, ReadersSeeOneVersionOrTheOther) {
  auto write = [&](int version) {
    std::vector<Package> parts = {packageFor("sm_80"), packageFor("sm_90a")};
    for (Package &part : parts) {
      part.manifest.block = "version_" + std::to_string(version);
      for (int i = 0; i < 20; ++i)
        part.files.push_back({"ir/" + std::to_string(i), part.manifest.block});
    }
    return writeBundle(path(), std::move(parts));
  };
  cuda::DeviceProperties device;
  device.ccMajor = 9;
  test::readWhileReplaced(15, write, [&] {
    Result<Package> read = readPackageFor(path(), device);
    ASSERT_TRUE(read.isOk()) << read.status().message();
    EXPECT_EQ(read->files.back().content, read->manifest.block);
  });
}

TEST_F(BundleTest, PartsMustBeOneBlock) {
  EXPECT_FAILURE(writeBundle(path(), {packageFor("sm_80"), packageFor("sm_80")}), Usage,
                 "expects each architecture once, but got sm_80 twice");
  Package other = packageFor("sm_90a");
  other.manifest.arguments[0].dtype = DType::BF16;
  EXPECT_FAILURE(writeBundle(path(), {packageFor("sm_80"), other}), Internal, "not the same block");
  for (auto change : std::initializer_list<void (*)(Manifest &)>{
           [](Manifest &manifest) { manifest.arguments[0].isOutput = true; },
           [](Manifest &manifest) { manifest.arguments[0].name = "other"; },
           [](Manifest &manifest) { manifest.block = "other"; },
           [](Manifest &manifest) { manifest.arguments[0].shape.pop_back(); }}) {
    other = packageFor("sm_90a");
    change(other.manifest);
    EXPECT_FAILURE(writeBundle(path(), {packageFor("sm_80"), other}), Internal,
                   "not the same block");
  }
  EXPECT_FAILURE(writeBundle(path(), {}), Usage, "expects 1 to 32 architectures, but got 0");
  std::filesystem::create_directories(path() / "precious");
  EXPECT_FAILURE(writeBundle(path(), {packageFor("sm_80")}), Usage, "which is no package");
}

TEST_F(BundleTest, NothingInAManifestIsTrusted) {
  ASSERT_TRUE(writeBundle(path(), {packageFor("sm_80"), packageFor("sm_90a")}).isOk());
  auto expect = [&](const std::string &manifest, const char *text) {
    replaceManifest(manifest);
    std::string got = choice(8, 0);
    EXPECT_NE(got.find(text), std::string::npos) << got;
  };
  const std::string head = R"({"format": "moec-bundle", "version": )";
  const std::string rest = R"(, "producer": "p", "block": "b", "targets": )";
  expect(head + "1" + rest + R"(["../sm_80"]})", "/targets/0");
  expect(head + "1" + rest + R"([]})", "/targets: expects an architecture");
  expect(head + "1" + rest + R"([8]})", "/targets/0");
  expect(head + "1" + rest + R"("sm_80"})", "/targets");
  expect(head + "2" + rest + R"(["sm_80"]})", "expects bundle format 1, but got 2");
  expect(head + "1" + rest + R"(["sm_80"], "more": 1})", "more");
  expect(head + "1" + rest + R"(["sm_89"]})", "sm_89");
  expect("[\"moec-bundle\"]", "expects an object with");
  expect("{\"moec-bundle\": ", "manifest.json");
  std::filesystem::rename(path() / "sm_90a", path() / "sm_89");
  expect(head + "1" + rest + R"(["sm_89"]})", "expects the part sm_89 to be for sm_89, but it is");
}

} // namespace
