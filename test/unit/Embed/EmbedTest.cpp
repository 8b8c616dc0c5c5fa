//===- EmbedTest.cpp - libmoec.so through its C++ wrapper -----------------===//

#include "test/unit/Embed/EmbedTest.h"

#include <atomic>
#include <cstddef>
#include <mutex>
#include <thread>

using namespace moec::test;

namespace {

TEST_F(EmbedTest, TuningRecordsMakeVariantsOfTheirOwn) {
  fs::path record =
      writeRecord(1024, "mma, block_m = 64, block_n = 64, block_k = 32, stages = 2, warps_m = 2");
  std::string import = importCommand(record) + " > " + (scratch / "log").string();
  ASSERT_EQ(std::system(import.c_str()), 0);
  moec::Context context;
  auto begins = [&](moec::Package block) {
    std::vector<int64_t> tokens;
    for (const moec_variant &variant : block.variants())
      tokens.push_back(variant.min_tokens);
    return tokens;
  };
  std::vector<int64_t> tuned = begins(moec::Package::fromText(context, text));
  EXPECT_EQ(std::count(tuned.begin(), tuned.end(), 768), 1);
  EXPECT_EQ(std::count(tuned.begin(), tuned.end(), 1536), 1);
  // Schedules of the host's own are left alone.
  moec_text_options own = {};
  own.schedule = "0: mma, block_m = 64, block_n = 64, block_k = 32, stages = 2, warps_m = 2";
  std::vector<int64_t> given = begins(moec::Package::fromText(context, text, own));
  EXPECT_EQ(std::count(given.begin(), given.end(), 768), 0);
}

TEST_F(EmbedTest, ABlockFromTextIsReadyWhenPrepared) {
  EXPECT_EQ(moec_has_compiler(), 1);
  moec::Context context;
  moec::Package block = moec::Package::fromText(context, text);
  EXPECT_EQ(block.name(), "moe_block");
  EXPECT_EQ(block.target(), "sm_80");
  EXPECT_TRUE(block.isDeterministic());
  EXPECT_EQ(block.dims(block.findArgument("hidden"), 5), (std::vector<int64_t>{5, 64}));
  EXPECT_EQ(compiles(), 0u) << "nothing is compiled before it is wanted";

  // The variants cover every number of tokens once.
  std::vector<moec_variant> variants = block.variants();
  ASSERT_GT(variants.size(), 1u);
  int64_t next = 0;
  for (const moec_variant &variant : variants) {
    EXPECT_EQ(variant.min_tokens, next);
    EXPECT_EQ(variant.state, MOEC_VARIANT_ABSENT);
    next = variant.max_tokens + 1;
  }
  EXPECT_EQ(next, block.maxTokens() + 1);

  uint64_t before = block.workspaceBytes(100);
  size_t last = 0, total = 0;
  block.prepare({1}, MOEC_PREPARE_WAIT, [&](size_t done, size_t all) {
    EXPECT_EQ(done, last + 1) << "each kernel is told";
    last = done;
    total = all;
  });
  EXPECT_EQ(last, total);
  EXPECT_TRUE(block.isReady(1));
  EXPECT_FALSE(block.isReady(4096));
  EXPECT_EQ(compiles(), block.counters().compiled_kernels);
  block.prepare();
  EXPECT_TRUE(block.isReady(4096));
  EXPECT_EQ(block.workspaceBytes(100), before);
  EXPECT_EQ(block.counters().prepared, variants.size());

  // Another block of the same text takes every kernel from the cache.
  size_t compiled = compiles();
  moec::Package again = moec::Package::fromText(context, text);
  again.prepare();
  EXPECT_EQ(compiles(), compiled);
  EXPECT_EQ(again.counters().compiled_kernels, 0u);
  // They are kept once in the process, so that no file is needed while one of them is open.
  fs::remove_all(scratch / "cache");
  moec::Package::fromText(context, text).prepare();
  EXPECT_EQ(compiles(), compiled);
}

TEST_F(EmbedTest, InvalidTextSaysWhere) {
  moec::Context context;
  std::string message, location;
  auto open = [&](const std::string &source, moec_text_options options = {}) {
    return statusOf([&] { moec::Package::fromText(context, source, options); }, message, location);
  };
  EXPECT_EQ(open("module {\n  moe.nonsense\n}\n"), MOEC_INVALID_INPUT);
  EXPECT_EQ(location.substr(0, 13), "block.mlir:2:") << location << ": " << message;
  EXPECT_NE(message.find("moe.nonsense"), std::string::npos) << message;

  // A wrong attribute of an op deep inside, in a text with a name.
  std::string wrong = text;
  size_t op = wrong.find("moe.route", wrong.find("func.func"));
  size_t attribute = wrong.find("top_k(2)", op);
  ASSERT_NE(attribute, std::string::npos);
  wrong.replace(attribute, 8, "top_k(99)");
  moec_text_options options = {};
  options.name = "layer7.mlir";
  EXPECT_EQ(open(wrong, options), MOEC_INVALID_INPUT);
  size_t line = 1 + static_cast<size_t>(std::count(wrong.begin(), wrong.begin() + long(op), '\n'));
  EXPECT_EQ(location.find("layer7.mlir:" + std::to_string(line) + ":"), 0u) << location;

  // An op that remembers where it came from: no line of this text.
  std::string moved = wrong;
  size_t types = moved.find("-> (", op);
  moved.insert(moved.find('\n', types), R"( loc("model.py":7:1))");
  EXPECT_EQ(open(moved, options), MOEC_INVALID_INPUT);
  EXPECT_NE(message.find("top_k"), std::string::npos) << message;
  EXPECT_EQ(location, "");

  EXPECT_EQ(open("", options), MOEC_INVALID_INPUT);
  EXPECT_EQ(location, "") << "there is no line to name";
  options.schedule = "0: nonsense";
  EXPECT_EQ(open(text, options), MOEC_USAGE) << message;
  EXPECT_EQ(location, "");
  EXPECT_EQ(moec_package_from_text(context.get(), nullptr, 0, nullptr, nullptr, nullptr),
            MOEC_USAGE);
  moec_package *package = nullptr;
  moec_text_options unset = {};
  EXPECT_EQ(moec_package_from_text(context.get(), "", 0, &unset, &package, nullptr), MOEC_USAGE);
}

TEST_F(EmbedTest, TextThatNestsDeeplyIsRefused) {
  moec::Context context;
  std::string message, location;
  auto open = [&](const std::string &source) {
    message = location = "";
    return statusOf([&] { moec::Package::fromText(context, source); }, message, location);
  };
  auto repeat = [](const char *what, int times) {
    std::string all;
    for (int i = 0; i < times; ++i)
      all += what;
    return all;
  };
  const char *refusal = "expects brackets and signs to nest at most 256 deep";
  for (const char *what : {"module {\n", "[", "(", "tuple<", "{a = ["}) {
    EXPECT_EQ(open("module attributes {a = " + repeat(what, 20000)), MOEC_INVALID_INPUT) << what;
    EXPECT_NE(message.find(refusal), std::string::npos) << what << message.substr(0, 200);
  }
  EXPECT_EQ(open("#map = affine_map<(d0) -> (" + repeat("- ", 50000) + "d0)>"), MOEC_INVALID_INPUT);
  EXPECT_NE(message.find(refusal), std::string::npos) << message.substr(0, 200);
  EXPECT_EQ(open(repeat("module {\n", 5000)), MOEC_INVALID_INPUT);
  EXPECT_EQ(location, "block.mlir:257:8") << message;
  EXPECT_EQ(message.find(refusal), message.rfind(refusal)) << "said once: " << message;
  // 256 are the parser's business, and so is what is no bracket.
  EXPECT_EQ(open(repeat("module {", 256)), MOEC_INVALID_INPUT);
  EXPECT_EQ(message.find(refusal), std::string::npos) << message;
  std::string harmless = "// " + repeat("([{<", 300) + "\n" + "module attributes {test.a = \"\\\"" +
                         repeat("([{<", 300) + "\", test.b = [" +
                         repeat("(i32) -> (i32), -1, ", 300) + "i1]} {\n";
  size_t body = text.find("func.func");
  ASSERT_NE(body, std::string::npos);
  body = text.rfind('\n', body) + 1;
  EXPECT_EQ(open(harmless + text.substr(body) + "}\n"), MOEC_OK) << message << " at " << location;
  // Arrows close nothing.
  EXPECT_EQ(open("module attributes {a = " + repeat("() -> [", 300)), MOEC_INVALID_INPUT);
  EXPECT_NE(message.find(refusal), std::string::npos) << message;
}

TEST_F(EmbedTest, ARelativeCacheFolderIsThatOfTheTimeOfOpening) {
  fs::path former = fs::current_path();
  fs::create_directory(scratch / "a");
  fs::create_directory(scratch / "b");
  moec::Context context;
  moec_text_options options = {};
  options.cache_dir = "kernels";
  {
    fs::current_path(scratch / "a");
    moec::Package first = moec::Package::fromText(context, text, options);
    fs::current_path(scratch / "b");
    moec::Package second = moec::Package::fromText(context, text, options);
    first.prepare({1});
    EXPECT_TRUE(fs::exists(scratch / "a/kernels"));
    EXPECT_TRUE(fs::exists(scratch / "b/kernels")) << "it shares the folder of the first";
    size_t before = compiles();
    second.prepare({1});
    EXPECT_GT(compiles(), before);
  }
  fs::current_path(former);
}

TEST_F(EmbedTest, SizesInsideOfAMemberAreRefused) {
  moec::Context context;
  moec_text_options options = {};
  options.name = "block";
  moec_package *package = nullptr;
  for (size_t size : {sizeof(size_t) + 4, sizeof options - 1}) {
    options.size = size;
    EXPECT_EQ(moec_package_from_text(context.get(), text.data(), text.size(), &options, &package,
                                     nullptr),
              MOEC_USAGE);
  }
  options.size = offsetof(moec_text_options, cache_dir);
  EXPECT_EQ(
      moec_package_from_text(context.get(), text.data(), text.size(), &options, &package, nullptr),
      MOEC_OK);
  moec_package_close(package);
}

TEST_F(EmbedTest, ACallbackLaunchesWhileVariantsAreMade) {
  ::setenv("STUB_NVRTC_MS", "5", 1);
  moec::Context context;
  moec::Package block = moec::Package::fromText(context, text);
  std::vector<void *> nothing(block.argumentCount());
  std::atomic<int> others{0}, missed{0};
  block.prepare({}, MOEC_PREPARE_WAIT, [&](size_t, size_t) {
    // Every variant: one is being made by this very thread, others wait for its locks.
    for (const moec_variant &variant : block.variants()) {
      moec_error *error = nullptr;
      moec_status status = moec_package_launch(block.get(), variant.min_tokens, nothing.data(),
                                               nothing.size(), nullptr, 0, nullptr, &error);
      // A ready one refuses these tensors.
      missed += status == MOEC_CACHE_MISS;
      others += status != MOEC_CACHE_MISS && status != MOEC_USAGE;
      moec_error_destroy(error);
    }
  });
  EXPECT_GT(missed, 0);
  EXPECT_EQ(others, 0);
  EXPECT_EQ(block.counters().waits, 0u);
}

TEST_F(EmbedTest, AMissingNvrtcIsAnErrorOfPrepare) {
  ::setenv("MOEC_NVRTC", "/nonexistent/libnvrtc.so", 1);
  moec::Context context;
  moec::Package block = moec::Package::fromText(context, text);
  std::string message, location;
  EXPECT_EQ(statusOf([&] { block.prepare({64}); }, message, location), MOEC_TOOLCHAIN);
  EXPECT_NE(message.find("/nonexistent/libnvrtc.so"), std::string::npos) << message;
  EXPECT_FALSE(block.isReady(64));
  bool failed = false;
  for (const moec_variant &variant : block.variants())
    failed |= variant.state == MOEC_VARIANT_FAILED;
  EXPECT_TRUE(failed);
  ::setenv("MOEC_NVRTC", MOEC_STUB_NVRTC, 1);
  block.prepare({64});
  EXPECT_TRUE(block.isReady(64)) << "it is looked for again";
}

TEST_F(EmbedTest, APackageMayBeReplacedWhileItPrepares) {
  ::setenv("STUB_NVRTC_MS", "5", 1);
  moec::Context context;
  std::atomic<int> calls{0};
  moec::Package block = moec::Package::fromText(context, text);
  block.prepare({}, MOEC_PREPARE_BACKGROUND, [&](size_t, size_t) { ++calls; });
  block = moec::Package::fromText(context, text);
  int after = calls;
  block.prepare({1});
  EXPECT_EQ(calls, after) << "a closed package calls nobody";
  EXPECT_TRUE(block.isReady(1));
}

TEST_F(EmbedTest, KernelsOfAnotherNvrtcAreNotTaken) {
  moec::Context context;
  moec::Package::fromText(context, text).prepare({64});
  size_t before = compiles();
  EXPECT_GT(before, 0u);
  ::setenv("MOEC_NVRTC", MOEC_STUB_NVRTC_12, 1);
  moec_text_options strict = {};
  strict.strict_cache = 1;
  std::string message, location;
  EXPECT_EQ(statusOf([&] { moec::Package::fromText(context, text, strict).prepare({64}); }, message,
                     location),
            MOEC_CACHE_MISS);
  EXPECT_NE(message.find("nvrtc"), std::string::npos) << message;
  moec::Package::fromText(context, text).prepare({64});
  EXPECT_EQ(compiles(), 2 * before);
}

TEST_F(EmbedTest, AStrictCacheCompilesNothing) {
  moec::Context context;
  moec_text_options strict = {};
  strict.strict_cache = 1;
  std::string message, location;
  {
    moec::Package block = moec::Package::fromText(context, text, strict);
    EXPECT_EQ(statusOf([&] { block.prepare(); }, message, location), MOEC_CACHE_MISS);
    EXPECT_EQ(compiles(), 0u);
    // Without a cache there is nothing to be strict about.
    strict.cache_dir = "";
    moec::Package none = moec::Package::fromText(context, text, strict);
    EXPECT_EQ(statusOf([&] { none.prepare(); }, message, location), MOEC_CACHE_MISS);
    strict.cache_dir = nullptr;
    // Nor does it while a block is open that may compile.
    moec::Package compiling = moec::Package::fromText(context, text);
    moec::Package second = moec::Package::fromText(context, text, strict);
    EXPECT_EQ(statusOf([&] { second.prepare(); }, message, location), MOEC_CACHE_MISS);
    EXPECT_EQ(compiles(), 0u);
    compiling.prepare();
    EXPECT_GT(compiles(), 0u);
  }
  moec::Package block = moec::Package::fromText(context, text, strict);
  block.prepare();
  EXPECT_TRUE(block.isReady(4096));
  // A folder of its own is used instead of the environment's.
  size_t before = compiles();
  std::string folder = (scratch / "other").string();
  moec_text_options other = {};
  other.cache_dir = folder.c_str();
  moec::Package::fromText(context, text, other).prepare({1});
  EXPECT_GT(compiles(), before);
  EXPECT_TRUE(fs::exists(folder));
}

TEST_F(EmbedTest, AWgmmaKernelThatSpillsIsRefused) {
  int former = std::exchange(stub().ccMajor, 9);
  int formerBytes = std::exchange(stub().sharedBytesPerBlock, 232448);
  ::setenv("STUB_NVRTC_SPILL", "24", 1);
  {
    std::ifstream file(MOEC_EXAMPLES "/olmoe.mlir");
    std::stringstream large;
    large << file.rdbuf();
    moec::Context context;
    moec::Package block = moec::Package::fromText(context, large.str());
    EXPECT_STREQ(moec_package_target(block.get()), "sm_90a");
    std::string message, location;
    EXPECT_EQ(statusOf([&] { block.prepare({4096}); }, message, location), MOEC_TOOLCHAIN);
    EXPECT_NE(message.find("expects a wgmma kernel to spill nothing"), std::string::npos)
        << message;
  }
  ::unsetenv("STUB_NVRTC_SPILL");
  stub().ccMajor = former;
  stub().sharedBytesPerBlock = formerBytes;
}

TEST_F(EmbedTest, KernelsAreThoseThatTheToolCompiles) {
  std::string compile = std::string(MOEC_TOOL) + " compile " MOEC_EXAMPLES "/tiny.mlir -o " +
                        (scratch / "tiny.moepkg").string() + " --target sm_80 --tokens 64 > " +
                        (scratch / "log").string() + " 2>&1";
  ASSERT_EQ(std::system(compile.c_str()), 0);
  size_t compiled = compiles();
  EXPECT_GT(compiled, 0u);
  moec::Context context;
  moec_text_options strict = {};
  strict.strict_cache = 1;
  moec::Package::fromText(context, text, strict).prepare({64});
  EXPECT_EQ(compiles(), compiled);
}

TEST_F(EmbedTest, WithoutACacheNothingIsKept) {
  moec::Context context;
  moec_text_options options = {};
  options.cache_dir = "";
  moec::Package first = moec::Package::fromText(context, text, options);
  first.prepare({1});
  size_t compiled = compiles();
  EXPECT_GT(compiled, 0u);
  moec::Package::fromText(context, text, options).prepare({1});
  EXPECT_EQ(compiles(), 2 * compiled);
  EXPECT_FALSE(fs::exists(scratch / "cache"));
}

TEST_F(EmbedTest, BlocksAreCompiledByManyThreads) {
  moec::Context context;
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      try {
        moec::Package block = moec::Package::fromText(context, text);
        if (t % 2) {
          std::atomic<bool> finished{false};
          block.prepare({}, MOEC_PREPARE_BACKGROUND,
                        [&](size_t done, size_t total) { finished = done == total; });
          block.prepare({1});
          while (t == 1 && !finished)
            std::this_thread::yield();
          // `finished` outlives the package: it is closed here.
          { moec::Package closing = std::move(block); }
        } else {
          block.prepare();
          wrong += !block.isReady(1) || !block.isReady(100000);
        }
      } catch (const moec::Error &error) {
        ADD_FAILURE() << error.what();
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(wrong, 0);
}

} // namespace
