//===- EntryTest.cpp - the file format of entries, and keys ---------------===//

#include "CacheTest.h"

#include "runtime/Cache/Eviction.h"

using namespace moert;
using namespace moert::test;

TEST(Entry, RoundTrip) {
  for (size_t bytes : {0, 1, 511, 100000}) {
    Entry entry = testEntry(testKey(bytes), bytes);
    entry.add("empty", "");
    std::string encoded = encodeEntry(entry);
    Result<Entry> decoded = decodeEntry(encoded);
    ASSERT_TRUE(decoded) << decoded.status().message();
    EXPECT_EQ(decoded->key, entry.key);
    EXPECT_EQ(decoded->sections(), entry.sections());
    EXPECT_EQ(*decodeEntryKey(std::string_view(encoded).substr(0, kMaxKeyPrefix)), entry.key);
  }
}

TEST(Entry, TheKeyBehindALongTableIsFound) {
  Entry entry = testEntry(testKey(1), 10);
  for (int i = 0; i < 200; ++i)
    entry.add(std::string(200, 's') + std::to_string(i), "x");
  std::string encoded = encodeEntry(entry);
  EXPECT_FALSE(decodeEntryKey(std::string_view(encoded).substr(0, kMaxKeyPrefix / 16)));
  EXPECT_EQ(*decodeEntryKey(std::string_view(encoded).substr(0, kMaxKeyPrefix)), entry.key);
}

TEST(Entry, EveryCutIsNoticed) {
  std::string bytes = encodeEntry(testEntry(testKey(1), 40));
  for (size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(decodeEntry(bytes.substr(0, size))) << size;
  EXPECT_FALSE(decodeEntry(bytes + "x"));
}

TEST(Entry, EveryFlippedBitIsNoticed) {
  std::string bytes = encodeEntry(testEntry(testKey(1), 40));
  for (size_t i = 0; i < bytes.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      bytes[i] = static_cast<char>(bytes[i] ^ (1 << bit));
      EXPECT_FALSE(decodeEntry(bytes)) << i << "." << bit;
      bytes[i] = static_cast<char>(bytes[i] ^ (1 << bit));
    }
  EXPECT_TRUE(decodeEntry(bytes));
}

TEST(Entry, NoiseIsNoEntry) {
  std::mt19937 random(7);
  for (int i = 0; i < 2000; ++i) {
    std::string noise(random() % 300, '\0');
    for (char &c : noise)
      c = static_cast<char>(random());
    if (i % 2)
      noise.insert(0, "moecache");
    EXPECT_FALSE(decodeEntry(noise));
    EXPECT_FALSE(decodeEntryKey(noise));
  }
}

TEST(CacheKey, NamesAndParts) {
  CacheKey key = testKey(5);
  std::optional<EntryName> name = parseEntryName(key.fileName());
  ASSERT_TRUE(name);
  EXPECT_EQ(name->base, key.base);
  EXPECT_EQ(name->digest, key.digest);
  for (std::string wrong : {"", "k", "lock", "statistics", "x-", "../../../etc/passwd"})
    EXPECT_FALSE(parseEntryName(wrong));
  std::string upper = key.fileName();
  upper[5] = 'A';
  EXPECT_FALSE(parseEntryName(upper));
  upper = key.fileName();
  upper[0] = 'x';
  EXPECT_FALSE(parseEntryName(upper));
  EXPECT_EQ(findPart(key.text, "source"), "5");
  EXPECT_EQ(findPart(key.text, "nvrtc"), "13.0.88");
  EXPECT_EQ(findPart(key.text, "target"), "");
  EXPECT_TRUE(testKey(5, "").matches(key.text));
  EXPECT_FALSE(testKey(6, "").matches(key.text));
  EXPECT_FALSE(testKey(5, "12.8.93").matches(key.text));
}

TEST(ByteSize, Suffixes) {
  EXPECT_EQ(*parseByteSize("0"), 0u);
  EXPECT_EQ(*parseByteSize("1048576"), 1048576u);
  EXPECT_EQ(*parseByteSize("500M"), 500u << 20);
  EXPECT_EQ(*parseByteSize("5GiB"), uint64_t{5} << 30);
  EXPECT_EQ(*parseByteSize("2KB"), 2048u);
  for (std::string wrong :
       {"", "G", "-1", "5X", "5GiBs", "99999999999T", "18014398509481984K", "1.5G"})
    EXPECT_FALSE(parseByteSize(wrong)) << wrong;
}
