#include "RecordFixture.h"

#include "llvm/ADT/StringRef.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

using namespace moec;
using namespace moec::test;

namespace fs = std::filesystem;

namespace {

class RecordStoreTest : public testing::Test {
protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "moec-records-test-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    scratch = pattern;
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(scratch, ignored);
  }
  RecordStore open() {
    auto store = RecordStore::open(scratch, [this](const std::string &text) {
      warnings.push_back(text);
    });
    EXPECT_TRUE(store.isOk()) << store.status().message();
    return *std::move(store);
  }
  /// The files of records, without the quarantine.
  std::vector<fs::path> files() const {
    std::vector<fs::path> found;
    for (const fs::directory_entry &entry : fs::directory_iterator(scratch / "tuned" / "v1"))
      if (entry.is_regular_file())
        found.push_back(entry.path());
    return found;
  }

  fs::path scratch;
  std::vector<std::string> warnings;
};

TEST_F(RecordStoreTest, ARecordIsFoundByWhatIsStrict) {
  ASSERT_TRUE(open().publish(sampleRecord()).isOk());
  Record record = sampleRecord();
  EXPECT_EQ(open().find(record.key).size(), 1u);
  for (auto change : std::initializer_list<void (*)(RecordKey &)>{
           [](RecordKey &key) { key.problem += " bias"; },
           [](RecordKey &key) { key.routing = "zipf:1"; },
           [](RecordKey &key) { key.fuse = "none"; },
           [](RecordKey &key) { key.combine = CombineMode::Accumulate; },
           [](RecordKey &key) { key.device = "Other"; },
           [](RecordKey &key) { key.multiprocessors = 114; },
           [](RecordKey &key) { key.target = "sm_80"; }}) {
    RecordKey key = record.key;
    change(key);
    EXPECT_TRUE(open().find(key).empty()) << key.text();
  }
  EXPECT_TRUE(warnings.empty());
}

TEST_F(RecordStoreTest, ANewerRecordOfTheSameIntervalTakesThePlace) {
  RecordStore store = open();
  ASSERT_TRUE(store.publish(sampleRecord(1024)).isOk());
  ASSERT_TRUE(store.publish(sampleRecord(64)).isOk());
  Record newer = sampleRecord(1000);
  newer.environment = {"0.2.0", "14", "14.0", "", "2026-02-01T00:00:00Z", "full"};
  newer.microseconds = 90;
  ASSERT_TRUE(store.publish(newer).isOk());
  ASSERT_TRUE(store.publish(newer).isOk()); // the same once more
  std::vector<Record> found = store.find(newer.key);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].tokens, 64);
  EXPECT_EQ(found[1].tokens, 1000);
  EXPECT_EQ(found[1].microseconds, 90);
  EXPECT_EQ(files().size(), 2u);
}

TEST_F(RecordStoreTest, WhatIsImportedDoesNotReplaceWhatIsNewer) {
  RecordStore store = open();
  Record newer = sampleRecord(1000), older = sampleRecord(1024);
  newer.environment.date = "2026-02-01T00:00:00Z";
  EXPECT_TRUE(*store.publishNewer(older));
  EXPECT_TRUE(*store.publishNewer(newer));
  EXPECT_FALSE(*store.publishNewer(older));
  EXPECT_TRUE(*store.publishNewer(sampleRecord(64))) << "of another interval";
  std::vector<Record> found = store.find(newer.key);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[1].tokens, 1000);
  EXPECT_TRUE(store.publish(older).isOk()) << "a search's own record is the newest";
  EXPECT_EQ(store.find(newer.key)[1].tokens, 1024);
}

TEST_F(RecordStoreTest, CardsOfOneNameThatDifferInSizeHaveTheirOwn) {
  Record large = sampleRecord(), small = sampleRecord();
  small.key.multiprocessors = 114;
  small.microseconds = 90;
  for (const Record &record : {large, small})
    ASSERT_TRUE(open().publish(record).isOk());
  for (const Record &record : {large, small}) {
    std::vector<Record> found = open().find(record.key);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].microseconds, record.microseconds);
  }
  RecordKey unknown = large.key; // of whoever names a device without having it
  unknown.multiprocessors = 0;
  EXPECT_EQ(open().find(unknown).size(), 1u);
}

TEST_F(RecordStoreTest, AllAreThoseOfEveryKeyAndInterval) {
  Record other = sampleRecord(64);
  other.key.device = "Other";
  for (const Record &record : {sampleRecord(1024), other, sampleRecord(64)})
    ASSERT_TRUE(open().publish(record).isOk());
  std::vector<std::pair<std::string, int64_t>> found;
  for (const Record &record : open().all())
    found.push_back({record.key.device, record.tokens});
  EXPECT_EQ(found, (std::vector<std::pair<std::string, int64_t>>{
                       {"Card", 64}, {"Card", 1024}, {"Other", 64}}));
}

TEST_F(RecordStoreTest, OfTwoFilesOfAnIntervalTheNewerCounts) {
  // As a reader finds them between the two steps of who publishes the newer one.
  Record newer = sampleRecord(1000), older = sampleRecord(1024);
  newer.environment.date = "2026-02-01T00:00:00Z";
  ASSERT_TRUE(open().publish(older).isOk());
  fs::path file = files().front();
  fs::copy_file(file, scratch / "older");
  ASSERT_TRUE(open().publish(newer).isOk());
  fs::copy_file(scratch / "older", file);
  ASSERT_EQ(files().size(), 2u);
  std::vector<Record> found = open().find(newer.key);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].tokens, 1000);
}

TEST_F(RecordStoreTest, ARecordUnderTheNameOfAnotherKeyServesNobody) {
  Record other = sampleRecord();
  other.key.device = "Other";
  ASSERT_TRUE(open().publish(sampleRecord()).isOk());
  fs::path file = files().front();
  ASSERT_TRUE(open().publish(other).isOk());
  std::vector<fs::path> both = files();
  fs::copy_file(both[both[0] == file ? 1 : 0], file, fs::copy_options::overwrite_existing);
  EXPECT_TRUE(open().find(sampleRecord().key).empty());
  EXPECT_EQ(warnings.size(), 1u);
  EXPECT_EQ(open().find(other.key).size(), 1u);
  EXPECT_EQ(files().size(), 1u) << "it was moved aside";
}

TEST_F(RecordStoreTest, ADamagedRecordIsIgnoredWithAWarningAndMovedAside) {
  ASSERT_TRUE(open().publish(sampleRecord(1024)).isOk());
  ASSERT_TRUE(open().publish(sampleRecord(64)).isOk());
  fs::path file = files().front();
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(200).put('\x7f');
  EXPECT_EQ(open().all().size(), 1u);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(llvm::StringRef(warnings.front()).contains("was moved to quarantine"));
  EXPECT_EQ(files().size(), 1u);
  EXPECT_TRUE(fs::exists(scratch / "tuned" / "v1" / "quarantine" / file.filename()));
  warnings.clear();
  EXPECT_EQ(open().all().size(), 1u);
  EXPECT_TRUE(warnings.empty());
}

TEST_F(RecordStoreTest, AFolderThatIsNotSafeLeavesTheRecordsOutAndIsNamed) {
  ASSERT_TRUE(open().publish(sampleRecord()).isOk());
  fs::permissions(scratch / "tuned", fs::perms::all);
  auto warn = [this](const std::string &text) { warnings.push_back(text); };
  EXPECT_FALSE(RecordStore::openExisting(scratch, warn));
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_TRUE(llvm::StringRef(warnings[0]).starts_with("tuning records are left out: "))
      << warnings[0];
}

TEST_F(RecordStoreTest, ALookupMakesNoFolder) {
  EXPECT_FALSE(RecordStore::openExisting(scratch, nullptr));
  EXPECT_TRUE(fs::is_empty(scratch));
  open();
  EXPECT_TRUE(RecordStore::openExisting(scratch, nullptr));
}

TEST_F(RecordStoreTest, TheUsersRecordsComeBeforeTheShippedOnes) {
  Record mine = sampleRecord(1024);
  mine.microseconds = 80;
  ASSERT_TRUE(open().publish(mine).isOk());
  Records records(open(), {sampleRecord(1024), sampleRecord(64)});
  std::vector<FoundRecord> found = records.find(mine.key);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].source, RecordSource::Shipped);
  EXPECT_EQ(found[0].record.tokens, 64);
  EXPECT_EQ(found[1].source, RecordSource::User);
  EXPECT_EQ(found[1].record.microseconds, 80);
  RecordKey unknownSize = mine.key;
  unknownSize.multiprocessors = 0;
  EXPECT_EQ(Records(std::nullopt, {sampleRecord()}).find(unknownSize).size(), 1u);
  unknownSize.multiprocessors = 114;
  EXPECT_TRUE(Records(std::nullopt, {sampleRecord()}).find(unknownSize).empty());
  EXPECT_TRUE(Records(std::nullopt, {sampleRecord()}).mayHave("Card"));
  EXPECT_FALSE(Records(std::nullopt, {sampleRecord()}).mayHave("Other"));
  EXPECT_TRUE(Records(open(), {}).mayHave("Other")) << "it is not looked into";
  fs::remove_all(scratch / "tuned");
  EXPECT_FALSE(Records(open(), {}).mayHave("Card"));
}

} // namespace
