//===- ArchiveTest.cpp - what an archive holds, and what is taken from it ---===//

#include "CacheTest.h"

#include "runtime/Cache/Archive.h"
#include "runtime/Cache/Eviction.h"

#include <utility>

using namespace moert;
using namespace moert::test;

using ArchiveTest = CacheTest;

TEST_F(ArchiveTest, AnArchiveIsATarFile) {
  Store store = this->store();
  // Of a size that needs no padding, and one more.
  std::vector<uint64_t> sizes;
  for (size_t i : {0, 1}) {
    std::string content = encodeEntry(testEntry(testKey(i), 1000));
    size_t fill = 1000 + (512 - content.size() % 512) % 512 + i;
    content = encodeEntry(testEntry(testKey(i), fill));
    sizes.push_back(content.size());
    ASSERT_TRUE(store.publish(testKey(i).fileName(), content));
  }
  ASSERT_EQ(sizes[0] % 512, 0u);
  auto all = [](const EntryName &, const Entry &) { return true; };
  fs::path archive = scratch / "archive.tar";
  ASSERT_TRUE(exportEntries(archive, {&store}, all, nullptr));
  const std::string bytes = readAll(archive);
  EXPECT_EQ(bytes.size(), 2 * 512 + sizes[0] + (sizes[1] + 511) / 512 * 512 + 2 * 512)
      << "headers, whole blocks, two empty ones";
  EXPECT_EQ(bytes.substr(100, 7), "0000600") << "kernels are code: nobody else may change them";

  // A header whose checksum is not that of its bytes: who knows what the name was.
  clear(store);
  std::string changed = bytes;
  changed[3] = changed[3] == '0' ? '1' : '0';
  writeAll(archive, changed);
  Result<ArchiveReport> read = importEntries(archive, store, nullptr, nullptr);
  EXPECT_EQ(read.status().code(), StatusCode::InvalidInput);
  EXPECT_NE(read.status().message().find("expects the header of a member at byte 0"),
            std::string::npos)
      << read.status().message();
  EXPECT_TRUE(store.list().empty());
  // A link, with a right checksum.
  auto importAs = [&](char type) {
    changed = bytes;
    EXPECT_EQ(std::exchange(changed[156], type), '0');
    size_t sum = std::stoul(bytes.substr(148, 6), nullptr, 8) - '0' + size_t(type);
    for (size_t digit = 154; digit-- > 148; sum /= 8)
      changed[digit] = char('0' + sum % 8);
    writeAll(archive, changed);
    return importEntries(archive, store, nullptr, nullptr);
  };
  read = importAs('2');
  ASSERT_TRUE(read) << read.status().message();
  EXPECT_EQ(read->entries, 1u);
  ASSERT_EQ(read->refused.size(), 1u);
  EXPECT_NE(read->refused[0].find("expects a regular file"), std::string::npos);
  EXPECT_EQ(importAs('\0')->entries, 1u) << "the same as '0', of older programs";
  EXPECT_FALSE(importEntries("/dev/zero", store, nullptr, nullptr)) << "an end without a file";
  // What the caller does not want is no fault.
  writeAll(archive, bytes);
  clear(store);
  std::string first = testKey(0).fileName();
  auto one = [&](const EntryName &name, const Entry &) { return first.ends_with(name.digest); };
  ASSERT_TRUE(importEntries(archive, store, one, nullptr));
  EXPECT_EQ(store.list().size(), 1u);
  EXPECT_TRUE(store.find(testKey(0)).entry);
}

TEST_F(ArchiveTest, WhatACheckRefusesIsMovedAside) {
  // As an entry under the name of another key: its bytes are right.
  {
    Store store = this->store();
    for (uint64_t i : {1, 2})
      ASSERT_TRUE(store.publish(testKey(i).fileName(), encodeEntry(testEntry(testKey(i)))));
  }
  std::string second = testKey(2).fileName();
  auto check = [&](const EntryName &name, const Entry &) {
    return second.ends_with(name.digest) ? "not its name" : std::string();
  };
  Store layer = this->store(CacheAccess::ReadOnly);
  EXPECT_EQ(verifyEntries(layer, check).refused, std::vector{second + ": not its name"});
  EXPECT_EQ(layer.list().size(), 2u) << "nothing is moved in a layer";
  Store store = this->store();
  ArchiveReport report = verifyEntries(store, check);
  EXPECT_EQ(report.refused, std::vector{second + ": not its name"});
  EXPECT_EQ(report.entries, 1u);
  EXPECT_TRUE(fs::exists(root / "v1" / Store::kQuarantine));
  ASSERT_EQ(store.list().size(), 1u);
  EXPECT_EQ(store.list().front().name, testKey(1).fileName());
}
