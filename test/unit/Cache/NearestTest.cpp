//===- NearestTest.cpp - why a key is not in the cache ----------------------===//

#include "CacheTest.h"

#include "runtime/Cache/Nearest.h"

using namespace moert;
using namespace moert::test;

using NearestTest = CacheTest;

TEST_F(NearestTest, TheFewestDifferencesOfEntriesOfTheKindAreTold) {
  Store store = this->store();
  auto why = [&](const CacheKey &key) { return describe(findNearest({&store}, key)); };
  EXPECT_EQ(why(testKey(1)), "the cache holds no entry of this kind");
  ASSERT_TRUE(store.publish(testKey(1).fileName(), encodeEntry(testEntry(testKey(1)))));
  EXPECT_EQ(why(testKey(2)), "the nearest entry differs in source (wanted 2, stored 1)");
  EXPECT_EQ(why(testKey(1, "12.9.41")),
            "the nearest entry differs in nvrtc (wanted 12.9.41, stored 13.0.88)");
  EXPECT_EQ(why(testKey(2, "12.9.41")), "the nearest entry differs in source (wanted 2, stored 1), "
                                        "nvrtc (wanted 12.9.41, stored 13.0.88)");
  // Whoever has no NVRTC takes an entry of any version.
  EXPECT_EQ(why(testKey(2, "")), "the nearest entry differs in source (wanted 2, stored 1)");
  CacheKey package = testKey(2);
  package.kind = EntryKind::Package;
  EXPECT_EQ(why(package), "the cache holds no entry of this kind");
  // Of several the nearest, whichever was used last.
  CacheKey near = testKey(3, "12.9.41"), far = testKey(4);
  for (const CacheKey &key : {near, far})
    ASSERT_TRUE(store.publish(key.fileName(), encodeEntry(testEntry(key))));
  EXPECT_EQ(why(testKey(2, "12.9.41")), "the nearest entry differs in source (wanted 2, stored 3)");
}
