//===- FaultTest.cpp - several processes, killed processes, bad file systems -===//

#include "CacheTest.h"

#include "runtime/Cache/Archive.h"
#include "runtime/Cache/Eviction.h"

#include <chrono>
#include <csignal>
#include <thread>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

using namespace moert;
using namespace moert::test;

namespace {

class FaultTest : public CacheTest {
protected:
  /// Runs `work` in another process, which ends with what it returns.
  template <typename Work>
  static pid_t spawn(Work work) {
    pid_t child = ::fork();
    if (child == 0)
      ::_exit(work() ? 0 : 1);
    return child;
  }
  static bool succeeded(pid_t child) {
    int status = 0;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }
};

Cache::Maker maker(const std::vector<CacheKey> &keys, const std::function<void(size_t)> &work) {
  return [&keys, work](size_t i) -> Result<std::pair<CacheKey, Entry>> {
    work(i);
    return std::pair(keys[i], testEntry(keys[i]));
  };
}

} // namespace

TEST_F(FaultTest, MakesOnceThenFinds) {
  std::vector<CacheKey> keys = {testKey(1), testKey(2), testKey(1), testKey(3)};
  std::atomic<size_t> made{0};
  auto work = [&](size_t) { ++made; };
  for (bool second : {false, true}) {
    std::shared_ptr<Cache> cache = this->cache();
    size_t reports = 0;
    auto results = cache->findOrMake(keys, 4, maker(keys, work),
                                     [&](size_t, const Result<Cache::Made> &) { ++reports; });
    EXPECT_EQ(reports, 4u);
    EXPECT_EQ(made, 3u);
    for (size_t i = 0; i < keys.size(); ++i) {
      ASSERT_TRUE(results[i]);
      EXPECT_EQ(results[i]->entry->sections(), testEntry(keys[i]).sections());
      EXPECT_EQ(results[i]->wasFound, second || i == 2);
    }
    EXPECT_EQ(cache->counters().stored, second ? 0u : 3u);
    // Once read, an entry is in memory.
    uint64_t before = cache->counters().memoryHits;
    EXPECT_TRUE(cache->find(keys[0]));
    EXPECT_EQ(cache->counters().memoryHits, before + 1);
  }
  EXPECT_EQ(readStatistics(store()).counters.stored, 3u);
  EXPECT_TRUE(warnings.empty());
}

TEST_F(FaultTest, FailureToMakeIsItsOwn) {
  std::vector<CacheKey> keys = {testKey(1), testKey(2)};
  auto results = cache()->findOrMake(keys, 1, [&](size_t i) -> Result<std::pair<CacheKey, Entry>> {
    if (i == 0)
      return Status(StatusCode::Toolchain, "no");
    return std::pair(keys[i], testEntry(keys[i]));
  });
  EXPECT_EQ(results[0].status().message(), "no");
  EXPECT_TRUE(results[1]);
}

TEST_F(FaultTest, EightProcessesStartingCold) {
  constexpr size_t kKeys = 24, kProcesses = 8;
  std::vector<CacheKey> keys;
  for (size_t i = 0; i < kKeys; ++i)
    keys.push_back(testKey(i));
  fs::path log = scratch / "made";
  int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ASSERT_GE(file, 0);
  std::vector<pid_t> children;
  auto begin = std::chrono::steady_clock::now();
  for (size_t p = 0; p < kProcesses; ++p)
    children.push_back(spawn([&] {
      std::shared_ptr<Cache> cache = this->cache();
      auto results = cache->findOrMake(keys, 2, maker(keys, [&](size_t i) {
                                         char mark = static_cast<char>('a' + i);
                                         (void)!::write(file, &mark, 1);
                                         std::this_thread::sleep_for(std::chrono::milliseconds(20));
                                       }));
      for (size_t i = 0; i < kKeys; ++i)
        if (!results[i] || results[i]->entry->sections() != testEntry(keys[i]).sections())
          return false;
      return true;
    }));
  for (pid_t child : children)
    EXPECT_TRUE(succeeded(child));
  double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_EQ(readAll(log).size(), kKeys) << "an entry was made twice";
  ::close(file);
  // They share the work; the bound is for a busy machine, but below what they take one by one.
  EXPECT_LT(seconds, 0.02 * kKeys * kProcesses);
  Statistics statistics = readStatistics(store());
  EXPECT_EQ(statistics.counters.stored, kKeys);
  EXPECT_EQ(statistics.counters.alreadyThere, 0u);
  EXPECT_EQ(verifyEntries(store(), nullptr).entries, kKeys);
}

TEST_F(FaultTest, ALoserKeepsWhatItHolds) {
  std::shared_ptr<Cache> first = cache(), second = cache();
  CacheKey key = testKey(1);
  auto mine = shared(testEntry(key));
  second->publish(key, shared(testEntry(key)));
  first->publish(key, mine);
  EXPECT_EQ(first->counters().alreadyThere, 1u);
  EXPECT_EQ(first->find(key), mine);
}

TEST_F(FaultTest, ImpatienceCompilesTwiceButNeverHangs) {
  Store holder = store();
  KeyLock lock = holder.tryLock(testKey(1).base);
  ASSERT_EQ(lock.state, KeyLock::State::Held);
  CacheOptions options;
  options.directory = root;
  options.patience = std::chrono::milliseconds(30);
  std::vector<CacheKey> keys = {testKey(1), testKey(2)};
  auto results = Cache::open(options)->findOrMake(keys, 1, maker(keys, [](size_t) {}));
  EXPECT_TRUE(results[0]);
  EXPECT_TRUE(results[1]);
}

TEST_F(FaultTest, KilledAThousandTimes) {
  constexpr int kKills = 1000;
  std::mt19937 random(1);
  auto writer = [&](unsigned seed) {
    std::mt19937 choose(seed);
    for (;;) {
      std::shared_ptr<Cache> cache = this->cache();
      std::vector<CacheKey> keys;
      for (int i = 0; i < 4; ++i)
        keys.push_back(testKey(choose() % 40));
      auto results = cache->findOrMake(keys, 1, maker(keys, [](size_t) {}));
      for (size_t i = 0; i < keys.size(); ++i)
        if (!results[i] || results[i]->entry->sections() != testEntry(keys[i]).sections())
          ::_exit(1); // a wrong entry was read
      if (cache->counters().damaged != 0)
        ::_exit(2); // what a killed writer left looked like an entry
      if (choose() % 8 == 0)
        evict(*cache->store(), 60000, 0);
    }
    return true;
  };
  for (int done = 0; done < kKills; done += 4) {
    pid_t children[4];
    for (int c = 0; c < 4; ++c)
      children[c] = spawn([&, seed = random()] { return writer(seed); });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 4000));
    for (pid_t child : children)
      ::kill(child, SIGKILL);
    for (pid_t child : children) {
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      ASSERT_TRUE(WIFSIGNALED(status)) << "a writer ended with " << WEXITSTATUS(status);
    }
  }
  Store store = this->store();
  ArchiveReport report = verifyEntries(store, nullptr);
  EXPECT_TRUE(report.refused.empty());
  EXPECT_GT(report.entries, 0u);
  for (uint64_t i = 0; i < 40; ++i)
    EXPECT_EQ(store.tryLock(testKey(i).base).state, KeyLock::State::Held) << "a lock is stuck";
  for (const fs::directory_entry &file : fs::directory_iterator(root / "v1"))
    EXPECT_FALSE(file.path().filename().string().starts_with(Store::kTemporaryPrefix));
}

TEST_F(FaultTest, ThreadsShareOneCache) {
  std::shared_ptr<Cache> cache = this->cache();
  std::atomic<size_t> made{0}, wrong{0};
  std::vector<CacheKey> keys;
  for (size_t i = 0; i < 16; ++i)
    keys.push_back(testKey(i));
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      auto results = cache->findOrMake(keys, 2, maker(keys, [&](size_t) { ++made; }));
      for (size_t i = 0; i < keys.size(); ++i)
        wrong += !results[i] || results[i]->entry->sections() != testEntry(keys[i]).sections();
    });
  for (std::thread &thread : threads)
    thread.join();
  EXPECT_EQ(made, keys.size());
  EXPECT_EQ(wrong, 0u);
}

TEST_F(FaultTest, DamageIsCountedAndMadeAgain) {
  CacheKey key = testKey(1);
  cache()->publish(key, shared(testEntry(key)));
  fs::resize_file(fileOf(key), 100);
  std::shared_ptr<Cache> cache = this->cache();
  std::vector<CacheKey> keys = {key};
  auto results = cache->findOrMake(keys, 1, maker(keys, [](size_t) {}));
  ASSERT_TRUE(results[0]);
  EXPECT_FALSE(results[0]->wasFound);
  EXPECT_EQ(cache->counters().damaged, 1u);
  EXPECT_EQ(cache->counters().stored, 1u);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("damaged"), std::string::npos);
}

TEST_F(FaultTest, AFolderThatCannotBeUsedLeavesMemory) {
  writeAll(root, "a file in its place");
  std::shared_ptr<Cache> cache = this->cache();
  EXPECT_EQ(cache->store(), nullptr);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("MOEC_CACHE_DIR"), std::string::npos);
  std::vector<CacheKey> keys = {testKey(1)};
  EXPECT_TRUE(cache->findOrMake(keys, 1, maker(keys, [](size_t) {}))[0]);
  EXPECT_TRUE(cache->find(keys[0]));
}

TEST_F(FaultTest, LayersComeFirstAndFillNothing) {
  cache()->publish(testKey(1), shared(testEntry(testKey(1))));
  CacheOptions options;
  options.layers = {root, scratch / "missing"};
  options.directory = scratch / "own";
  std::shared_ptr<Cache> cache = Cache::open(options);
  EXPECT_EQ(cache->stores().size(), 2u);
  EXPECT_TRUE(cache->find(testKey(1)));
  cache->publish(testKey(2), shared(testEntry(testKey(2))));
  EXPECT_EQ(store(CacheAccess::ReadOnly).list().size(), 1u);
  EXPECT_EQ(cache->store()->list().size(), 1u);
}

TEST_F(FaultTest, TheLimitHoldsByItself) {
  CacheOptions options;
  options.directory = root;
  options.limitBytes = 50000;
  for (uint64_t i = 0; i < 40; ++i)
    Cache::open(options)->publish(testKey(i), shared(testEntry(testKey(i), 4000)));
  uint64_t bytes = 0;
  for (const StoredFile &file : store().list())
    bytes += file.bytes;
  EXPECT_LE(bytes, 50000u);
  EXPECT_GT(bytes, 30000u);
  EXPECT_TRUE(store().find(testKey(39)).entry);
}

TEST_F(FaultTest, TheLimitHoldsWhileTheCacheIsOpen) {
  CacheOptions options;
  options.directory = root;
  options.limitBytes = 50000;
  auto held = [&] {
    uint64_t bytes = 0;
    for (const StoredFile &file : store().list())
      bytes += file.bytes;
    return bytes;
  };
  std::shared_ptr<Cache> cache = Cache::open(options);
  for (uint64_t i = 0; i < 40; ++i)
    cache->publish(testKey(i), shared(testEntry(testKey(i), 4000)));
  EXPECT_LE(held(), 50000u);
  EXPECT_GT(held(), 30000u);
  // Entries below a 64th part of the limit are counted together, when their maker is done.
  options.limitBytes = 50000 * 8;
  options.directory = root = scratch / "small";
  cache = Cache::open(options);
  std::vector<CacheKey> keys;
  for (uint64_t i = 0; i < 400; ++i)
    keys.push_back(testKey(i));
  for (size_t i = 0; i < keys.size(); ++i) {
    std::vector<CacheKey> one = {keys[i]};
    (void)cache->findOrMake(one, 1, maker(one, [](size_t) {}));
    ASSERT_LE(held(), options.limitBytes);
  }
  EXPECT_EQ(readStatistics(store()).counters.stored, keys.size());
  EXPECT_TRUE(store().find(keys.back()).entry);
}

TEST_F(FaultTest, ALimitIsKeptWhereNothingWasCounted) {
  for (uint64_t i = 0; i < 40; ++i)
    cache()->publish(testKey(i), shared(testEntry(testKey(i), 4000)));
  fs::remove(root / "v1" / Store::kStatisticsFile);
  CacheOptions options;
  options.directory = root;
  options.limitBytes = 50000;
  Cache::open(options)->publish(testKey(50), shared(testEntry(testKey(50), 4000)));
  uint64_t bytes = 0;
  for (const StoredFile &file : store().list())
    bytes += file.bytes;
  EXPECT_LE(bytes, 50000u);
}

TEST_F(FaultTest, MemoryIsBounded) {
  CacheOptions options;
  options.memoryBytes = 10000;
  std::shared_ptr<Cache> cache = Cache::open(options);
  for (uint64_t i = 0; i < 20; ++i)
    cache->publish(testKey(i), shared(testEntry(testKey(i), 3000)));
  EXPECT_TRUE(cache->find(testKey(19)));
  EXPECT_FALSE(cache->find(testKey(0)));
  cache->publish(testKey(50), shared(testEntry(testKey(50), 20000)));
  EXPECT_FALSE(cache->find(testKey(50)));
}

TEST_F(FaultTest, AFileThatMayNotGrow) {
  // The kernel refuses writes beyond RLIMIT_FSIZE, as a full file system does.
  EXPECT_TRUE(succeeded(spawn([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    std::shared_ptr<Cache> cache = this->cache();
    std::vector<CacheKey> keys = {testKey(1), testKey(2)};
    auto results = cache->findOrMake(keys, 1, maker(keys, [](size_t) {}));
    return results[0] && results[1] && cache->counters().notStored == 2 && warnings.size() == 1;
  })));
  EXPECT_TRUE(store().list().empty());
}

TEST_F(FaultTest, OutOfDescriptors) {
  CacheKey key = testKey(1);
  cache()->publish(key, shared(testEntry(key)));
  EXPECT_TRUE(succeeded(spawn([&] {
    std::shared_ptr<Cache> cache = this->cache();
    rlimit none{0, 0};
    ::setrlimit(RLIMIT_NOFILE, &none);
    std::vector<CacheKey> keys = {key};
    return bool(cache->findOrMake(keys, 1, maker(keys, [](size_t) {}))[0]);
  })));
  EXPECT_TRUE(store().find(key).entry) << "nothing was wrong with it";
}

namespace {
/// A small file system of its own, where this user may mount one.
class MountTest : public FaultTest {
protected:
  bool mount(const char *options) {
    fs::create_directory(root);
    return isMounted = ::mount("tmpfs", root.c_str(), "tmpfs", 0, options) == 0;
  }
  void TearDown() override {
    if (isMounted)
      ::umount2(root.c_str(), MNT_DETACH);
    FaultTest::TearDown();
  }
  bool isMounted = false;
};
} // namespace

TEST_F(MountTest, FullFileSystem) {
  if (!mount("size=64k,mode=0700"))
    GTEST_SKIP() << "needs the right to mount a file system";
  std::shared_ptr<Cache> cache = this->cache();
  // Old entries give way to new ones.
  for (uint64_t i = 0; i < 30; ++i)
    cache->publish(testKey(i), shared(testEntry(testKey(i), 10000)));
  EXPECT_TRUE(store().find(testKey(29)).entry);
  EXPECT_GT(cache->counters().stored, 10u);
  EXPECT_TRUE(verifyEntries(store(), nullptr).refused.empty());
  // One that never fits is used and not kept.
  std::vector<CacheKey> keys = {testKey(100)};
  auto results = cache->findOrMake(keys, 1, [&](size_t) -> Result<std::pair<CacheKey, Entry>> {
    return std::pair(keys[0], testEntry(keys[0], 200000));
  });
  EXPECT_TRUE(results[0]);
  EXPECT_EQ(cache->counters().notStored, 1u);
  EXPECT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(verifyEntries(store(), nullptr).refused.empty());
}

TEST_F(MountTest, ReadOnlyFileSystem) {
  if (!mount("size=256k,mode=0700"))
    GTEST_SKIP() << "needs the right to mount a file system";
  CacheKey key = testKey(1), bad = testKey(2);
  cache()->publish(key, shared(testEntry(key)));
  writeAll(fileOf(bad), "damaged");
  ASSERT_EQ(::mount("tmpfs", root.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr), 0);
  std::shared_ptr<Cache> cache = this->cache();
  std::vector<CacheKey> keys = {key, bad, testKey(3)};
  auto results = cache->findOrMake(keys, 2, maker(keys, [](size_t) {}));
  ASSERT_TRUE(results[0] && results[1] && results[2]);
  EXPECT_TRUE(results[0]->wasFound);
  EXPECT_EQ(cache->counters().notStored, 1u + 1u);
  // Memory serves what the disk could not take.
  EXPECT_TRUE(cache->find(testKey(3)));
  EXPECT_EQ(warnings.size(), 2u);
}

TEST_F(MountTest, EmptyReadOnlyFileSystem) {
  if (!mount("size=64k,mode=0700"))
    GTEST_SKIP() << "needs the right to mount a file system";
  ASSERT_EQ(::mount("tmpfs", root.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr), 0);
  std::shared_ptr<Cache> cache = this->cache();
  std::vector<CacheKey> keys = {testKey(1)};
  EXPECT_TRUE(cache->findOrMake(keys, 1, maker(keys, [](size_t) {}))[0]);
  EXPECT_EQ(warnings.size(), 1u);
}
