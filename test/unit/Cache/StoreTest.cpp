//===- StoreTest.cpp - one folder of entries, and what may be wrong with it -===//

#include "CacheTest.h"

#include "runtime/Cache/Archive.h"
#include "runtime/Cache/Eviction.h"
#include "runtime/Cache/PublishFile.h"

using namespace moert;
using namespace moert::test;

using StoreTest = CacheTest;

static size_t filesIn(const fs::path &folder) {
  std::error_code error;
  return static_cast<size_t>(std::distance(fs::directory_iterator(folder, error), {}));
}

TEST_F(StoreTest, PublishesOnceAndFinds) {
  Store store = this->store();
  CacheKey key = testKey(1);
  EXPECT_FALSE(store.find(key).entry);
  EXPECT_EQ(*store.publish(key.fileName(), encodeEntry(testEntry(key))), Published::Stored);
  EXPECT_EQ(*store.publish(key.fileName(), "never read"), Published::AlreadyThere);
  Lookup found = store.find(key);
  ASSERT_TRUE(found.entry) << found.damage;
  EXPECT_EQ(found.entry->sections(), testEntry(key).sections());
  EXPECT_EQ(store.readKey(key.fileName()), key.text);
  Entry large = testEntry(testKey(7));
  for (int i = 0; i < 200; ++i)
    large.add(std::string(200, 's') + std::to_string(i), "x");
  ASSERT_TRUE(store.publish(testKey(7).fileName(), encodeEntry(large)));
  EXPECT_EQ(store.readKey(testKey(7).fileName()), testKey(7).text)
      << "a table beyond the first read";
  EXPECT_FALSE(store.find(testKey(2)).entry);
  struct stat info;
  ASSERT_EQ(::stat(fileOf(key).c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat(root.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(StoreTest, BothWaysOfPublishing) {
  Store store = this->store();
  for (auto publish : {publishUnnamed, publishNamed}) {
    std::string name = testKey(publish == publishNamed).fileName();
    EXPECT_EQ(publish(store.directory(), name, "content"), 0);
    EXPECT_EQ(publish(store.directory(), name, "other"), EEXIST);
    EXPECT_EQ(readAll(root / "v1" / name), "content");
  }
  EXPECT_EQ(filesIn(root / "v1"), 2u) << "a temporary file is left";
}

TEST_F(StoreTest, AnotherVersionOfNvrtcIsAnotherEntry) {
  Store store = this->store();
  CacheKey old = testKey(1, "12.8.93");
  ASSERT_TRUE(store.publish(old.fileName(), encodeEntry(testEntry(old))));
  EXPECT_FALSE(store.find(testKey(1, "13.0.88")).entry);
  // Without NVRTC any version serves.
  EXPECT_TRUE(store.find(testKey(1, "")).entry);
  EXPECT_FALSE(store.find(testKey(2, "")).entry);
  // Also where the one that was used last is damaged.
  CacheKey newer = testKey(1, "13.0.88");
  writeAll(fileOf(newer), "damaged");
  EXPECT_TRUE(store.find(testKey(1, "")).entry);
}

TEST_F(StoreTest, DamagedEntriesAreMissesAndMovedAside) {
  Store store = this->store();
  CacheKey key = testKey(1), other = testKey(2);
  std::string good = encodeEntry(testEntry(key));
  std::string flipped = good;
  flipped[good.size() / 2] ^= 4;
  std::string newer = good;
  newer[8] = 2;
  for (const std::string &bad : {std::string(), good.substr(0, good.size() / 2), flipped, newer,
                                 std::string(5000, 'x'), encodeEntry(testEntry(other))}) {
    writeAll(fileOf(key), bad);
    Lookup lookup = store.find(key);
    EXPECT_FALSE(lookup.entry);
    EXPECT_NE(lookup.damage, "");
    EXPECT_FALSE(fs::exists(fileOf(key)));
    EXPECT_TRUE(fs::exists(root / "v1" / "quarantine" / key.fileName()));
    // The place is free for a good one.
    EXPECT_EQ(*store.publish(key.fileName(), good), Published::Stored);
    EXPECT_TRUE(store.find(key).entry);
    ASSERT_TRUE(store.remove(key.fileName()).isOk());
  }
}

TEST_F(StoreTest, ThingsThatAreNoFiles) {
  Store store = this->store();
  CacheKey key = testKey(1);
  writeAll(scratch / "elsewhere", encodeEntry(testEntry(key)));
  fs::create_symlink(scratch / "elsewhere", fileOf(key));
  EXPECT_FALSE(store.find(key).entry) << "a symbolic link was followed";
  EXPECT_TRUE(fs::exists(scratch / "elsewhere"));
  ASSERT_EQ(::mkfifo(fileOf(key).c_str(), 0600), 0);
  EXPECT_FALSE(store.find(key).entry);
  fs::create_directory(fileOf(key));
  EXPECT_FALSE(store.find(key).entry);
  EXPECT_EQ(*store.publish(key.fileName(), encodeEntry(testEntry(key))), Published::Stored);
  EXPECT_TRUE(store.find(key).entry);
}

TEST_F(StoreTest, FoldersThatAreNotSafe) {
  auto refused = [&](const fs::path &path, const char *why,
                     CacheAccess access = CacheAccess::ReadWrite) {
    Result<Store> store = Store::open(path, access);
    ASSERT_FALSE(store) << path;
    EXPECT_EQ(store.status().code(), StatusCode::Toolchain);
    EXPECT_NE(store.status().message().find(why), std::string::npos) << store.status().message();
  };
  fs::create_directory(scratch / "real");
  fs::create_directory_symlink(scratch / "real", scratch / "link");
  refused(scratch / "link", "symbolic link");
  refused(scratch / "link/", "symbolic link");
  fs::create_directories(scratch / "inner");
  fs::create_directory_symlink(scratch / "real", scratch / "inner" / "v1");
  refused(scratch / "inner", "symbolic link");
  writeAll(scratch / "file", "");
  refused(scratch / "file", "file");
  fs::create_directory(scratch / "open");
  ::chmod((scratch / "open").c_str(), 0777);
  refused(scratch / "open", "mode is 0777");
  refused(scratch / "open", "mode is 0777", CacheAccess::ReadOnly);
  refused(scratch / "open" / "below", "mode is 0777"); // anybody could exchange it
  refused(scratch / "missing", "No such file", CacheAccess::ReadOnly);
  EXPECT_FALSE(fs::exists(scratch / "missing"));
  // A link above the folder is the user's own business.
  EXPECT_TRUE(Store::open(scratch / "link" / "cache", CacheAccess::ReadWrite));
}

TEST_F(StoreTest, FolderOfSomebodyElse) {
  if (::geteuid() != 0)
    GTEST_SKIP() << "needs root, to give a folder away";
  fs::create_directory(root);
  ASSERT_EQ(::chown(root.c_str(), 12345, 12345), 0);
  Result<Store> store = Store::open(root, CacheAccess::ReadWrite);
  ASSERT_FALSE(store);
  EXPECT_NE(store.status().message().find("belongs to user 12345"), std::string::npos);
  EXPECT_FALSE(Store::open(root, CacheAccess::ReadOnly));
  // An entry that somebody else owns in a folder of ours.
  root = scratch / "own";
  Store own = this->store();
  CacheKey key = testKey(1);
  ASSERT_TRUE(own.publish(key.fileName(), encodeEntry(testEntry(key))));
  ASSERT_EQ(::chown(fileOf(key).c_str(), 12345, 12345), 0);
  EXPECT_FALSE(own.find(key).entry);
}

TEST_F(StoreTest, LayersAreNeverWritten) {
  CacheKey key = testKey(1), bad = testKey(2);
  ASSERT_TRUE(store().publish(key.fileName(), encodeEntry(testEntry(key))));
  writeAll(fileOf(bad), "damaged");
  Store layer = store(CacheAccess::ReadOnly);
  EXPECT_TRUE(layer.find(key).entry);
  EXPECT_FALSE(layer.find(bad).entry);
  EXPECT_TRUE(fs::exists(fileOf(bad)));
  EXPECT_FALSE(layer.publish(testKey(3).fileName(), "x"));
  EXPECT_EQ(layer.tryLock(key.base).state, KeyLock::State::Unavailable);
  EXPECT_EQ(filesIn(root / "v1"), 2u);
}

TEST_F(StoreTest, LocksAreByKeyAndGoWithTheirHolder) {
  Store store = this->store();
  {
    KeyLock held = store.tryLock(testKey(1).base);
    EXPECT_EQ(held.state, KeyLock::State::Held);
    EXPECT_EQ(store.tryLock(testKey(1).base).state, KeyLock::State::Busy);
    EXPECT_EQ(store.tryLock(testKey(2).base).state, KeyLock::State::Held);
  }
  EXPECT_EQ(store.tryLock(testKey(1).base).state, KeyLock::State::Held);
  std::vector<KeyLock> all;
  for (uint64_t i = 0; i < 64; ++i)
    EXPECT_EQ(all.emplace_back(store.tryLock(testKey(i).base)).state, KeyLock::State::Held) << i;
}

TEST_F(StoreTest, EvictsWhatWasUsedLeastRecently) {
  Store store = this->store();
  for (uint64_t i = 0; i < 10; ++i) {
    CacheKey key = testKey(i);
    ASSERT_TRUE(store.publish(key.fileName(), encodeEntry(testEntry(key, 10000))));
    timespec times[2] = {{0, UTIME_OMIT}, {static_cast<time_t>(1000000 + i), 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, fileOf(key).c_str(), times, 0), 0);
  }
  EXPECT_TRUE(store.find(testKey(0)).entry); // a use: now the youngest
  writeAll(root / "v1" / "quarantine", "");  // even a file in the folder's place is no trouble
  EvictionReport report = evict(store, 50000, 0);
  EXPECT_LE(report.keptBytes, 45000u);
  EXPECT_EQ(report.keptEntries + report.removedEntries, 10u);
  EXPECT_TRUE(store.find(testKey(0)).entry);
  EXPECT_TRUE(store.find(testKey(9)).entry);
  EXPECT_FALSE(store.find(testKey(1)).entry);
  EXPECT_EQ(readStatistics(store).counters.evicted, report.removedEntries);
  EXPECT_EQ(readStatistics(store).bytes, report.keptBytes);
  EXPECT_EQ(evict(store, 0, 0).removedEntries, 0u) << "0 is no limit";
  clear(store);
  EXPECT_TRUE(store.list().empty());
}

TEST_F(StoreTest, OnlyClearRemovesWhatAWriterIsAboutToPublish) {
  Store store = this->store();
  fs::path temporary = root / "v1" / (std::string(Store::kTemporaryPrefix) + "1-1");
  writeAll(temporary, "half of an entry");
  EXPECT_EQ(evict(store, 1, 0).removedLeftovers, 0u);
  EXPECT_TRUE(fs::exists(temporary));
  EXPECT_TRUE(fs::exists(root / "v1" / Store::kStatisticsFile));
  EXPECT_EQ(clear(store).removedLeftovers, 1u);
  EXPECT_FALSE(fs::exists(temporary));
  EXPECT_FALSE(fs::exists(root / "v1" / Store::kStatisticsFile));
}

TEST_F(StoreTest, WhatWasDamagedStaysForItsTime) {
  Store store = this->store();
  fs::path quarantine = root / "v1" / Store::kQuarantine, old = quarantine / "old";
  fs::create_directories(quarantine / "folder");
  writeAll(old, "damaged");
  // It was written long ago, but came here just now.
  timespec times[2] = {{1000000, 0}, {1000000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, old.c_str(), times, 0), 0);
  EXPECT_EQ(evict(store, 0, 3600).removedLeftovers, 0u);
  EXPECT_TRUE(fs::exists(old));
  EXPECT_EQ(evict(store, 0, 0).removedLeftovers, 2u);
  EXPECT_TRUE(fs::is_empty(quarantine));
}

TEST_F(StoreTest, EvictionLeavesATenthFree) {
  Store store = this->store();
  uint64_t bytes = 0;
  for (uint64_t i = 0; i < 40; ++i) {
    std::string content = encodeEntry(testEntry(testKey(i), 1000));
    ASSERT_TRUE(store.publish(testKey(i).fileName(), content));
    bytes += content.size();
  }
  EXPECT_EQ(evict(store, bytes, 0).removedEntries, 0u);
  EvictionReport report = evict(store, bytes - 1, 0);
  EXPECT_LE(report.keptBytes, bytes - bytes / 10);
  EXPECT_GT(report.keptBytes, bytes - bytes / 7);
  EXPECT_EQ(report.removedBytes, bytes - report.keptBytes);
  EXPECT_EQ(readStatistics(store).bytes, report.keptBytes);
}

TEST_F(StoreTest, ArchivesCarryEntries) {
  Store store = this->store();
  std::vector<CacheKey> keys;
  for (uint64_t i = 0; i < 20; ++i) {
    keys.push_back(testKey(i));
    ASSERT_TRUE(store.publish(keys[i].fileName(), encodeEntry(testEntry(keys[i], i * 100))));
  }
  writeAll(root / "v1" / testKey(100).fileName(), "damaged");
  auto all = [](const EntryName &, const Entry &) { return true; };
  fs::path archive = scratch / "archive.tar";
  Result<ArchiveReport> written = exportEntries(archive, {&store}, all, nullptr);
  ASSERT_TRUE(written) << written.status().message();
  EXPECT_EQ(written->entries, 20u);
  EXPECT_EQ(written->refused.size(), 1u);
  std::string bytes = readAll(archive);
  ASSERT_TRUE(exportEntries(archive, {&store, &store}, all, nullptr));

  root = scratch / "other";
  Store other = this->store();
  ASSERT_TRUE(other.publish(keys[3].fileName(), encodeEntry(testEntry(keys[3], 300))));
  Result<ArchiveReport> read = importEntries(archive, other, nullptr, nullptr);
  ASSERT_TRUE(read) << read.status().message();
  EXPECT_EQ(read->entries, 19u);
  EXPECT_EQ(read->alreadyThere, 1u);
  for (const CacheKey &key : keys)
    EXPECT_TRUE(other.find(key).entry);

  // What the caller's check, the checksums or the format refuse.
  clear(other);
  auto never = [](const EntryName &, const Entry &) { return std::string("not wanted"); };
  EXPECT_EQ(importEntries(archive, other, nullptr, never)->refused.size(), 20u);
  std::mt19937 random(3);
  for (int i = 0; i < 300; ++i) {
    std::string damaged = bytes;
    if (i % 2)
      damaged.resize(random() % bytes.size());
    else
      damaged[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
    writeAll(archive, damaged);
    (void)importEntries(archive, other, nullptr, nullptr);
    EXPECT_TRUE(verifyEntries(other, nullptr).refused.empty());
    clear(other);
  }
  EXPECT_FALSE(importEntries(scratch / "none", other, nullptr, nullptr));
  EXPECT_FALSE(importEntries(scratch, other, nullptr, nullptr));
  ASSERT_EQ(::mkfifo((scratch / "fifo").c_str(), 0600), 0);
  EXPECT_FALSE(importEntries(scratch / "fifo", other, nullptr, nullptr)) << "and does not wait for a writer";
}

TEST_F(StoreTest, AnArchiveReplacesNoLinkAndNobodysFile) {
  Store store = this->store();
  ASSERT_TRUE(store.publish(testKey(1).fileName(), encodeEntry(testEntry(testKey(1)))));
  auto all = [](const EntryName &, const Entry &) { return true; };
  fs::path archive = scratch / "archive.tar", link = scratch / "link.tar";
  fs::path theirs = scratch / ("archive.tar.tmp-" + std::to_string(::getpid()));
  writeAll(theirs, "of a process of this id in another container");
  fs::create_symlink(archive.filename(), link);
  ASSERT_TRUE(exportEntries(link, {&store}, all, nullptr));
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_TRUE(fs::is_regular_file(fs::symlink_status(archive)));
  EXPECT_TRUE(fs::exists(theirs));
  EXPECT_EQ(importEntries(archive, store, nullptr, nullptr)->alreadyThere, 1u);
}

TEST_F(StoreTest, NamesOfOtherWritersAreLeftAlone) {
  Store store = this->store();
  for (int i = 0; i < 1000; ++i)
    writeAll(root / "v1" /
                 (std::string(Store::kTemporaryPrefix) + std::to_string(::getpid()) + "-" +
                  std::to_string(i)),
             "of a process of this id in another container");
  EXPECT_EQ(publishNamed(store.directory(), testKey(1).fileName(), "content"), 0);
  EXPECT_EQ(std::distance(fs::directory_iterator(root / "v1"), fs::directory_iterator()), 1001);
}

TEST_F(StoreTest, AStoreWithoutStatisticsIsCounted) {
  Store store = this->store();
  uint64_t bytes = 0;
  for (uint64_t i = 0; i < 5; ++i) {
    std::string content = encodeEntry(testEntry(testKey(i)));
    ASSERT_TRUE(store.publish(testKey(i).fileName(), content));
    bytes += content.size();
  }
  CacheCounters counters;
  counters.stored = 1;
  fs::path file = root / "v1" / Store::kStatisticsFile;
  EXPECT_EQ(addStatistics(store, counters, 1).bytes, bytes) << "what was stored is among them";
  EXPECT_EQ(addStatistics(store, counters, 1).bytes, bytes + 1) << "counted once";
  writeAll(file, "damaged");
  EXPECT_EQ(addStatistics(store, counters, 1).bytes, bytes);
  EXPECT_EQ(readStatistics(store).counters.stored, 1u);
}
