//===- ManifestTest.cpp - The package format, and who tries to break it ---===//

#include "runtime/Package/Manifest.h"
#include "runtime/Package/Json.h"
#include "test/unit/Runtime/TestPackage.h"

#include <gtest/gtest.h>

#include <fstream>

using namespace moert;

namespace {

std::string validText() {
  Package package = test::makePackage();
  Status status = sealPackage(package);
  EXPECT_TRUE(status.isOk()) << status.message();
  return writeManifest(package.manifest);
}

TEST(Manifest, RoundTripsExactly) {
  std::string text = validText();
  Result<Manifest> manifest = parseManifest(text);
  ASSERT_TRUE(manifest.isOk()) << manifest.status().message();
  EXPECT_EQ(writeManifest(*manifest), text);
  EXPECT_EQ(manifest->block, "scale_block");
  EXPECT_EQ(manifest->arguments[1].shape[0], Expr::tokens());
  EXPECT_TRUE(manifest->arguments[1].isOutput);
  EXPECT_EQ(manifest->variants[1].launches[1].dynamicSharedBytes, 512u);
  EXPECT_TRUE(manifest->variants[1].launches[1].overlapsPrevious);
  EXPECT_EQ(manifest->variants[1].launches[2].grid[0].str(), "floordiv(T, 64)");
  EXPECT_EQ(manifest->kernels[0].cubin.file, "kernels/scale.cubin");
}

TEST(Manifest, RoundTripsTensorMaps) {
  Manifest manifest = test::makeManifest();
  manifest.kernels[0].parameters[0] = ParameterKind::TensorMap;
  TensorMap map = test::makeTensorMap();
  for (Variant &variant : manifest.variants)
    for (Launch &launch : variant.launches)
      launch.arguments[0] = LaunchArgument::map(map);
  ASSERT_TRUE(validate(manifest).isOk()) << validate(manifest).message();
  manifest.kernels[0].cubin = {"kernels/scale.cubin", "xxh3:0", 1};
  std::string text = writeManifest(manifest);
  Result<Manifest> back = parseManifest(text);
  ASSERT_TRUE(back.isOk()) << back.status().message();
  EXPECT_EQ(writeManifest(*back), text);
  const TensorMap &read = back->variants[0].launches[0].arguments[0].tensorMap;
  EXPECT_EQ(read.box, map.box);
  EXPECT_EQ(read.swizzle, TensorMap::Swizzle::B32);

  // A box whose rows are longer than the swizzle is refused.
  manifest.variants[0].launches[0].arguments[0].tensorMap.box = {16, 64};
  EXPECT_NE(validate(manifest).message().find("/arguments/0/tensormap/box/0"), std::string::npos);
}

/// A manifest with one tensor map, changed by `change`: what is said about it.
std::string mapMessage(const std::function<void(TensorMap &)> &change) {
  Manifest manifest = test::makeManifest();
  manifest.kernels[0].parameters[0] = ParameterKind::TensorMap;
  const TensorMap map = test::makeTensorMap();
  TensorMap changed = map;
  change(changed);
  for (Variant &variant : manifest.variants)
    for (Launch &launch : variant.launches)
      launch.arguments[0] = LaunchArgument::map(map);
  manifest.variants[1].launches[0].arguments[0] = LaunchArgument::map(changed);
  return std::string(validate(manifest).message());
}

TEST(Manifest, TensorMapsKeepTheDriversRules) {
  EXPECT_EQ(mapMessage([](TensorMap &) {}), "");
  struct {
    const char *message;
    void (*change)(TensorMap &);
  } const cases[] = {
      {"/tensor: expects an index below 2, but got 2", [](TensorMap &map) { map.index = 2; }},
      {"/buffer: expects an index below 3, but got 3",
       [](TensorMap &map) { map.fromBuffer = true, map.index = 3; }},
      {"/dtype: expects elements of the size of f32",
       [](TensorMap &map) { map.dtype = DType::BF16; }},
      {"/offset: expects a multiple of 16 bytes, but got 8",
       [](TensorMap &map) { map.offset = 8; }},
      {"/dims: expects 1 to 5 elements, but got 0", [](TensorMap &map) { map.dims.clear(); }},
      {"/dims: expects 1 to 5 elements, but got 6",
       [](TensorMap &map) {
         map.dims.resize(6, Expr(1)), map.strides.resize(5, Expr(32)), map.box.resize(6, 1);
       }},
      {"/strides: expects 1 elements, but got 0", [](TensorMap &map) { map.strides.clear(); }},
      {"/box: expects 2 elements, but got 1", [](TensorMap &map) { map.box.pop_back(); }},
      {"/dims/1: expects a value that is never negative",
       [](TensorMap &map) { map.dims[1] = Expr(8) - Expr::tokens(); }},
      {"/strides/0: expects a value that is never negative",
       [](TensorMap &map) { map.strides[0] = Expr(-32); }},
      {"/box/1: expects 1 to 256, but got 257", [](TensorMap &map) { map.box[1] = 257; }},
      {"/box/1: expects 1 to 256, but got 0", [](TensorMap &map) { map.box[1] = 0; }},
      {"/box/0: expects a multiple of 16 bytes, but got 8", [](TensorMap &map) { map.box[0] = 2; }},
  };
  for (const auto &[message, change] : cases)
    EXPECT_NE(mapMessage(change).find(std::string("/variants/1/launches/0/arguments/0/tensormap") +
                                      message),
              std::string::npos)
        << message << " is not in: " << mapMessage(change);
}

/// What the lists of a text do not hold, and limits that no mutation of the one kernel reaches.
TEST(Manifest, LimitsHoldForWhatIsMadeByHand) {
  auto message = [](auto change) {
    Manifest manifest = test::makeManifest();
    change(manifest);
    return std::string(validate(manifest).message());
  };
  auto expect = [&](const char *text, auto change) {
    EXPECT_NE(message(change).find(text), std::string::npos) << text << ": " << message(change);
  };
  expect("/block: expects 1 to 256 characters, but got 257",
         [](Manifest &m) { m.block = std::string(257, 'b'); });
  expect("/block: expects printable ASCII", [](Manifest &m) { m.block = "a\x7f"; });
  expect("/kernels/0/static_shared_bytes: expects at most",
         [](Manifest &m) { m.kernels[0].staticSharedBytes = (1u << 20) + 1; });
  expect("/kernels/1/name: expects a name of its own",
         [](Manifest &m) { m.kernels.push_back(m.kernels[0]); });
  expect("/arguments: expects at most 64 elements, but got 65", [](Manifest &m) {
    while (m.arguments.size() <= kMaxArguments)
      m.arguments.push_back({"a" + std::to_string(m.arguments.size()), DType::F32, {}, false});
  });
  expect("/variants/1/buffers: expects at most 64 elements, but got 65", [](Manifest &m) {
    m.variants[1].buffers.resize(kMaxBuffers + 1, m.variants[1].buffers[0]);
  });
  expect("/variants/1/launches: expects at most 64 elements, but got 65", [](Manifest &m) {
    m.variants[1].launches.resize(kMaxLaunches + 1, m.variants[1].launches[0]);
  });
  expect("/kernels/0/parameters: expects at most 64 elements, but got 65", [](Manifest &m) {
    m.kernels[0].parameters.resize(kMaxParameters + 1, ParameterKind::I32);
    for (Variant &variant : m.variants)
      for (Launch &launch : variant.launches)
        launch.arguments.resize(kMaxParameters + 1, LaunchArgument::i32(0));
  });
  // As many as a launch has room for on the stack.
  auto maps = [](Manifest &m, unsigned count) {
    m.kernels[0].parameters[0] = ParameterKind::TensorMap;
    TensorMap map;
    map.dtype = DType::F32;
    map.dims = {Expr(8)};
    map.box = {8};
    for (Variant &variant : m.variants) {
      variant.launches.resize(1);
      variant.launches[0].arguments[0] = LaunchArgument::map(map);
    }
    m.variants[1].launches.resize(count, m.variants[1].launches[0]);
  };
  EXPECT_EQ(message([&](Manifest &m) { maps(m, kMaxTensorMaps); }), "");
  expect("/variants/1/launches: expects at most 32 tensor maps, but got 33",
         [&](Manifest &m) { maps(m, kMaxTensorMaps + 1); });
  EXPECT_NE(validateFiles(test::makeManifest()).message().find("expects a cubin or a ptx"),
            std::string::npos);
}

TEST(Manifest, GoldenFileOfFormat1StaysReadable) {
  // When this fails, the format changed: raise kPackageFormatVersion.
  std::ifstream file(MOEC_TEST_DATA "/manifest-v1.json");
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  ASSERT_FALSE(text.empty());
  Result<Manifest> manifest = parseManifest(text);
  ASSERT_TRUE(manifest.isOk()) << manifest.status().message();
  EXPECT_EQ(writeManifest(*manifest), text);
}

struct Mutation {
  const char *pointer;
  const char *value; ///< JSON, or null to remove the field
  const char *message;
};

const Mutation kMutations[] = {
    {"/format", "\"other\"", "expects an object with \"format\": \"moec-package\""},
    {"/format", nullptr, "\"format\""},
    {"/version", "2", "/version: expects package format 1, but got 2"},
    {"/version", "\"1\"", "a number \"version\""},
    {"/version", "1.5", "/version: expects an integer"},
    {"/surprise", "1", "has an unknown field 'surprise'"},
    {"/producer", "7", "/producer: expects a string, but got 7"},
    {"/producer", "\"\"", "/producer: expects 1 to 256 characters"},
    {"/block", "\"a\\nb\"", "/block: expects printable ASCII"},
    {"/block", nullptr, "/: expects a field 'block'"},
    {"/target", "\"gfx942\"", "/target: expects an architecture such as sm_90a, but got 'gfx942'"},
    {"/target", "\"sm_\"", "/target"},
    {"/target", "\"sm_9999\"", "/target"},
    {"/target", "\"sm_90ax\"", "/target"},
    {"/max_tokens", "-1", "/max_tokens: expects 0 to 2147483647, but got -1"},
    {"/max_tokens", "2147483648", "/max_tokens"},
    {"/max_tokens", "99999999999999999999", "/max_tokens: expects an integer of 64 bits"},
    {"/arguments", "{}", "/arguments: expects an array"},
    {"/arguments", "[]", "/arguments: expects at least one output"},
    {"/arguments/0", "null", "/arguments/0: expects an object, but got null"},
    {"/arguments/0/name", "\"output\"", "/arguments/1/name: expects a name of its own"},
    {"/arguments/0/dtype", "\"fp16\"", "/arguments/0/dtype: expects one of bf16, f16"},
    {"/arguments/0/shape/0", "[\"sub\", \"T\", 1]", "/arguments/0/shape/0: expects an extent that"},
    {"/arguments/0/shape/0", "[\"mod\", \"T\", 4]", "never shrinks as T grows"},
    {"/arguments/0/shape/1", "-8", "/arguments/0/shape/1"},
    {"/arguments/0/shape", "[1,1,1,1,1,1,1,1,1]", "/arguments/0/shape: expects at most 8 elements"},
    {"/arguments/1/output", "0", "/arguments/1/output: expects true or false"},
    {"/arguments/1/output", "false", "/arguments: expects at least one output"},
    {"/kernels/0/name", "\"../evil\"", "/kernels/0/name: expects an identifier"},
    {"/kernels/0/name", "\"9lives\"", "/kernels/0/name: expects an identifier"},
    {"/kernels/0/entry", "\"a b\"", "/kernels/0/entry: expects an identifier"},
    {"/kernels/0/parameters/0", "\"f64\"", "/kernels/0/parameters/0: expects one of pointer"},
    {"/kernels/0/parameters", "[\"pointer\"]", "/arguments: expects the 1 parameters of kernel"},
    {"/kernels/0/parameters/0", "\"i32\"",
     "/variants/0/launches/0/arguments/0: expects the i32 of kernel 'scale', but got a pointer"},
    {"/kernels/0/threads", "0", "/kernels/0/threads: expects 1 to 1024, but got 0"},
    {"/kernels/0/threads", "64", "/variants/0/launches/0/block: expects at most the kernel's 64"},
    {"/kernels/0/threads", "4294967296", "/kernels/0/threads: expects an integer from 0"},
    {"/kernels/0/dynamic_shared_bytes", "4294967295", "/kernels/0/dynamic_shared_bytes"},
    {"/kernels/0/dynamic_shared_bytes", "100",
     "/variants/1/launches/1/dynamic_shared_bytes: expects at most the kernel's 100, but got 512"},
    {"/kernels/0/cubin/file", "\"../../etc/passwd\"",
     "/kernels/0/cubin/file: expects a path below"},
    {"/kernels/0/cubin/file", "\"/etc/passwd\"", "/kernels/0/cubin/file: expects a path below"},
    {"/kernels/0/cubin/file", "\"kernels/./x\"", "'.' or '..' component"},
    {"/kernels/0/cubin/file", "\"kernels//x\"", "empty component"},
    {"/kernels/0/cubin/file", "\"kernels/a\\\\b\"", "backslash"},
    {"/kernels/0/cubin/file", "\"kernels/a\\u0000b\"", "NUL"},
    {"/kernels/0/cubin/file", "\"kernels/\"", "empty component"},
    {"/kernels/0/cubin/file", "\"manifest.json\"", "expects a file below kernels/"},
    {"/kernels/0/cubin/file", "\"kernels/scale.ptx\"", "expects a file of its own"},
    {"/kernels/0/cubin/file", "\"\"", "/kernels/0/cubin/file: expects a file name"},
    {"/kernels/0/cubin/bytes", "-1", "/kernels/0/cubin/bytes"},
    {"/kernels/0/cubin/bytes", "1073741825",
     "/kernels/0/cubin/bytes: expects at most 1073741824, but got 1073741825"},
    {"/kernels/0/cubin/checksum", "null", "/kernels/0/cubin/checksum: expects a string"},
    {"/files/0/file", "\"kernels/x.cu\"", "/files/0/file: expects a file below include/ or ir/"},
    {"/variants", "[]", "/variants: expects at least one element"},
    {"/variants/0/min_tokens", "1", "/variants/0/min_tokens: expects 0"},
    {"/variants/0/max_tokens", "-1", "/variants/0/max_tokens: expects at least min_tokens"},
    {"/variants/0/max_tokens", "14", "/variants/1/min_tokens: expects 15"},
    {"/variants/0/max_tokens", "16", "/variants/1/min_tokens: expects 17"},
    {"/variants/0/max_tokens", "9223372036854775807", "/variants/0/max_tokens"},
    {"/variants/1/max_tokens", "4096", "/variants/1/max_tokens: expects -1 (unbounded)"},
    {"/variants/0/deterministic", "\"yes\"", "/variants/0/deterministic"},
    {"/variants/1/buffers/0/shape/0", "[\"add\", \"T\"]", "/variants/1/buffers/0/shape/0"},
    {"/variants/1/buffers/0/shape/0", "[\"sub\", 9, \"T\"]", "/variants/1/buffers/0/shape/0"},
    {"/variants/1/buffers/0/name", "\"\"", "/variants/1/buffers/0/name"},
    {"/variants/0/launches/0/kernel", "1",
     "/variants/0/launches/0/kernel: expects an index below 1"},
    {"/variants/0/launches/0/kernel", "-1", "/variants/0/launches/0/kernel"},
    {"/variants/0/launches/0/grid", "[1, 1]", "/variants/0/launches/0/grid: expects 3 elements"},
    {"/variants/0/launches/0/grid", "[1, 1, 1, 1]",
     "/variants/0/launches/0/grid: expects at most 3"},
    {"/variants/0/launches/0/grid/0", "\"N\"", "/variants/0/launches/0/grid/0: expects a number"},
    {"/variants/0/launches/0/block/0", "0", "/variants/0/launches/0/block/0: expects 1 to 1024"},
    {"/variants/0/launches/0/block", "[1, 1, 65]", "/variants/0/launches/0/block/2"},
    {"/variants/0/launches/0/block", "[1024, 1024, 64]", "/variants/0/launches/0/block"},
    {"/variants/0/launches/0/cluster", "[16, 2, 1]", "expects at most 16 blocks, but got 32"},
    {"/variants/0/launches/0/cluster/1", "0", "/variants/0/launches/0/cluster/1"},
    {"/variants/0/launches/0/arguments/0", "{\"tensor\": 2}",
     "/arguments/0/tensor: expects an index below 2"},
    {"/variants/0/launches/0/arguments/0", "{\"buffer\": 0}",
     "/arguments/0/buffer: expects an index below 0"},
    {"/variants/0/launches/0/arguments/0", "{\"tensor\": 0, \"buffer\": 0}",
     "has an unknown field"},
    {"/variants/0/launches/0/arguments/0", "{}", "expects \"tokens\" or an object"},
    {"/variants/0/launches/0/arguments/0", "\"T\"", "expects \"tokens\" or an object, but got 'T'"},
    {"/variants/0/launches/0/arguments/3", "{\"i32\": 2147483648}", "/arguments/3/i32"},
    {"/variants/0/launches/0/arguments/3", "{\"tensormap\": {}}", "/arguments/3/tensormap"},
    {"/variants/0/launches/0/arguments/0", "\"tokens\"",
     "/arguments/0: expects the pointer of kernel 'scale', but got a i32"},
};

TEST(Manifest, RefusesEveryMutationByItsPath) {
  const Json valid = *parseJson(validText());
  for (const Mutation &mutation : kMutations) {
    Json json = valid;
    Json::json_pointer pointer(mutation.pointer);
    if (mutation.value)
      json[pointer] = *parseJson(mutation.value);
    else
      json[pointer.parent_pointer()].erase(pointer.back());
    Result<Manifest> manifest = parseManifest(json.dump());
    ASSERT_FALSE(manifest.isOk()) << mutation.pointer << " = " << mutation.value;
    EXPECT_EQ(manifest.status().code(), StatusCode::InvalidInput);
    EXPECT_NE(manifest.status().message().find(mutation.message), std::string::npos)
        << mutation.pointer << ": " << manifest.status().message();
  }
}

TEST(Manifest, NeedsEveryField) {
  // Removing any one field, at any depth, is an error that names it.
  const Json valid = *parseJson(validText());
  unsigned removed = 0;
  std::function<void(const Json &, const std::string &)> visit = [&](const Json &node,
                                                                     const std::string &path) {
    for (auto it = node.begin(); it != node.end(); ++it) {
      std::string key = node.is_object() ? it.key() : std::to_string(it - node.begin());
      if (it->is_structured())
        visit(*it, path + "/" + key);
      if (!node.is_object() || key == "source" || key == "ptx" || key == "cubin" ||
          key == "tensor" || key == "buffer" || key == "i32")
        continue;
      Json json = valid;
      json[Json::json_pointer(path)].erase(key);
      Result<Manifest> manifest = parseManifest(json.dump());
      EXPECT_FALSE(manifest.isOk()) << path << "/" << key;
      EXPECT_NE(manifest.status().message().find(key), std::string::npos)
          << manifest.status().message();
      ++removed;
    }
  };
  visit(valid, "");
  EXPECT_GT(removed, 60u);
}

TEST(Manifest, SurvivesDamage) {
  const std::string text = validText();
  // Every prefix is incomplete.
  for (size_t length = 0; length + 2 < text.size(); length += 7)
    EXPECT_FALSE(parseManifest(text.substr(0, length)).isOk()) << length;
  // A changed byte gives a valid manifest or a clean error.
  unsigned refused = 0;
  for (size_t i = 0; i < text.size(); i += 2)
    for (char replacement : {'"', '9', '-', '[', '}', '\0', '\xff', ' '}) {
      std::string damaged = text;
      damaged[i] = replacement;
      Result<Manifest> manifest = parseManifest(damaged);
      if (manifest)
        continue;
      ++refused;
      EXPECT_EQ(manifest.status().code(), StatusCode::InvalidInput);
      EXPECT_FALSE(manifest.status().message().empty());
    }
  EXPECT_GT(refused, 1000u);
  EXPECT_FALSE(parseManifest("").isOk());
  EXPECT_FALSE(parseManifest("[]").isOk());
  EXPECT_FALSE(parseManifest("nul").isOk());
  EXPECT_FALSE(parseManifest(std::string(1 << 20, '[')).isOk());
}

TEST(Manifest, FindsTheVariantOfEveryT) {
  Manifest manifest = test::makeManifest();
  EXPECT_EQ(variantFor(manifest, 0), 0u);
  EXPECT_EQ(variantFor(manifest, 15), 0u);
  EXPECT_EQ(variantFor(manifest, 16), 1u);
  EXPECT_EQ(variantFor(manifest, INT64_MAX), 1u);
}

TEST(Manifest, SizesOverflowCleanly) {
  std::vector<Expr> shape = {Expr::tokens(), Expr(int64_t(1) << 40), Expr(1 << 20)};
  EXPECT_EQ(*byteSizeAt(DType::BF16, shape, 1), uint64_t(1) << 61);
  EXPECT_FALSE(byteSizeAt(DType::BF16, shape, 4).isOk());
  EXPECT_EQ(*byteSizeAt(DType::F32, {}, 7), 4u);
}

TEST(Manifest, ParsesArchitectures) {
  Result<Architecture> arch = Architecture::parse("sm_90a");
  ASSERT_TRUE(arch.isOk());
  EXPECT_EQ(arch->major, 9);
  EXPECT_EQ(arch->minor, 0);
  EXPECT_EQ(arch->suffix, 'a');
  EXPECT_EQ(Architecture::parse("sm_120")->major, 12);
  EXPECT_EQ(Architecture::parse("sm_100f")->suffix, 'f');
  for (const char *bad : {"", "sm_", "sm_9", "sm_a", "compute_90", "sm_90b", "sm_-90", "sm_9000"})
    EXPECT_FALSE(Architecture::parse(bad).isOk()) << bad;
}

} // namespace
