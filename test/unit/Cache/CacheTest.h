//===- CacheTest.h - Folders, keys and entries for tests of the cache -----===//

#ifndef MOEC_TEST_UNIT_CACHE_CACHETEST_H
#define MOEC_TEST_UNIT_CACHE_CACHETEST_H

#include "runtime/Cache/Cache.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <random>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace moert::test {

namespace fs = std::filesystem;

/// A test with a folder of its own, for one process's user alone.
class CacheTest : public ::testing::Test {
protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "moec-cache-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    scratch = pattern;
    root = scratch / "cache";
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(scratch, ignored);
  }

  Store store(CacheAccess access = CacheAccess::ReadWrite) {
    Result<Store> opened = Store::open(root, access);
    EXPECT_TRUE(opened) << opened.status().message();
    return *std::move(opened);
  }
  std::shared_ptr<Cache> cache() {
    CacheOptions options;
    options.directory = root;
    options.warn = [this](const std::string &text) { warnings.push_back(text); };
    return Cache::open(std::move(options));
  }
  fs::path fileOf(const CacheKey &key) const { return root / "v1" / key.fileName(); }

  fs::path scratch, root;
  std::vector<std::string> warnings;
};

inline std::string hex(uint64_t value, size_t digits) {
  std::string text(digits, '0');
  for (size_t i = digits; i-- > 0 && value != 0; value >>= 4)
    text[i] = "0123456789abcdef"[value & 15];
  return text;
}

/// A key whose digests are made up: the store does not compute any.
inline CacheKey testKey(uint64_t number, std::string version = "13.0.88") {
  CacheKey key;
  key.kind = EntryKind::Kernel;
  std::string source = "source: " + std::to_string(number) + "\n";
  std::string half = hex((number + 1) * 0x9E3779B97F4A7C15u, kBaseDigits / 2);
  key.base = half + half;
  if (version.empty()) {
    key.text = source;
    return key;
  }
  key.text = source + "nvrtc: " + version + "\n";
  key.digest = hex(number * 31 + std::hash<std::string>()(version), kDigestDigits);
  return key;
}

/// An entry of that key whose content follows from it, so that a mixture of two is noticed.
inline Entry testEntry(const CacheKey &key, size_t bytes = 3000) {
  std::mt19937 random(static_cast<unsigned>(std::hash<std::string>()(key.text)));
  Entry entry(key.text);
  std::string content(bytes, '\0');
  for (char &c : content)
    c = static_cast<char>(random());
  entry.add("ptx", "text of " + key.text);
  entry.add("cubin", std::move(content));
  return entry;
}

inline std::shared_ptr<const Entry> shared(Entry entry) {
  return std::make_shared<const Entry>(std::move(entry));
}

inline std::string readAll(const fs::path &path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void writeAll(const fs::path &path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

} // namespace moert::test

#endif // MOEC_TEST_UNIT_CACHE_CACHETEST_H
