// Safetensors: round trips, the hostile-file table, atomic writing.

#include "runtime/Tensor/Safetensors.h"
#include "runtime/Support/File.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace moert;
namespace fs = std::filesystem;

namespace {

/// A fresh folder per test, removed afterwards.
class Safetensors : public ::testing::Test {
protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "moec-safetensors-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder = pattern;
  }
  void TearDown() override {
    fs::permissions(folder, fs::perms::owner_all);
    fs::remove_all(folder);
  }
  fs::path folder;
};

std::string fileOf(std::string_view header, size_t dataBytes) {
  uint64_t size = header.size();
  std::string content(sizeof(size), '\0');
  std::memcpy(content.data(), &size, sizeof(size));
  content += header;
  content.append(dataBytes, '\x01');
  return content;
}

Result<SafetensorsFile> parse(const std::string &content) {
  auto owner = std::make_shared<std::string>(content);
  return parseSafetensors(std::as_bytes(std::span(owner->data(), owner->size())), "x.safetensors",
                          owner);
}

TEST_F(Safetensors, RoundTripsEveryDType) {
  NamedTensors tensors;
  for (unsigned i = 0; i < kNumDTypes; ++i) {
    DType dtype = static_cast<DType>(i);
    HostTensor tensor = *HostTensor::allocate(dtype, {static_cast<int64_t>(i) + 1, 3});
    for (int64_t e = 0; e < tensor.numElements(); ++e)
      tensor.set(e, static_cast<double>(e % 8));
    tensors.emplace(std::string(name(dtype)), tensor);
  }
  tensors.emplace("scalar", *HostTensor::allocate(DType::F32, {}));
  tensors.emplace("empty \"quoted\" \xc3\xa9", *HostTensor::allocate(DType::BF16, {0, 16}));
  fs::path path = folder / "all.safetensors";
  ASSERT_TRUE(writeSafetensors(path, tensors, {{"seed", "42"}}).isOk());

  Result<SafetensorsFile> file = readSafetensors(path);
  ASSERT_TRUE(file.isOk()) << file.status().message();
  EXPECT_EQ(file->metadata.at("seed"), "42");
  ASSERT_EQ(file->tensors.size(), tensors.size());
  for (const auto &[name, expected] : tensors) {
    const HostTensor &actual = file->tensors.at(name);
    EXPECT_EQ(describe(actual), describe(expected));
    ASSERT_EQ(actual.byteSize(), expected.byteSize());
    if (actual.byteSize() != 0) {
      EXPECT_EQ(std::memcmp(actual.data(), expected.data(), actual.byteSize()), 0) << name;
    }
    EXPECT_EQ(reinterpret_cast<uintptr_t>(actual.data()) % byteSize(actual.dtype()), 0u);
  }
}

TEST_F(Safetensors, TensorsOutliveTheFile) {
  HostTensor source = *HostTensor::allocate(DType::I32, {2});
  source.set(1, 9);
  fs::path path = folder / "gone.safetensors";
  ASSERT_TRUE(writeSafetensors(path, {{"x", source}}).isOk());
  HostTensor tensor;
  {
    Result<SafetensorsFile> file = readSafetensors(path);
    ASSERT_TRUE(file.isOk());
    tensor = file->tensors.at("x");
  }
  fs::remove(path);
  EXPECT_EQ(tensor.at(1), 9.0);
}

TEST_F(Safetensors, ReadsAWellFormedHeaderWithPadding) {
  Result<SafetensorsFile> file = parse(fileOf(
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
      R"("b":{"data_offsets":[3,7],"dtype":"F32","shape":[]}}    )",
      7));
  ASSERT_TRUE(file.isOk()) << file.status().message();
  EXPECT_EQ(file->metadata.at("format"), "pt");
  EXPECT_EQ(file->tensors.at("a").at(2), 1.0);
  // `b` starts at an odd address and is copied to an aligned one.
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file->tensors.at("b").data()) % 4, 0u);
  EXPECT_EQ(file->tensors.at("b").as<uint32_t>()[0], 0x01010101u);
}

struct HostileHeader {
  const char *header;
  size_t dataBytes;
  const char *message; ///< must be part of the error
};

constexpr HostileHeader kHostileHeaders[] = {
    {"", 0, "begins with '{'"},
    {"[]", 0, "begins with '{'"},
    {" {}", 0, "begins with '{'"},
    {"{", 0, "not valid UTF-8 JSON at byte"},
    {"{}x", 0, "not valid UTF-8 JSON at byte"},
    {"{\"a\":1}", 0, "tensor 'a': expects an object, but got a number"},
    {"{\"a\":null}", 0, "tensor 'a': expects an object, but got null"},
    {"{\"a\":{}}", 0, "tensor 'a': expects the key 'dtype'"},
    {R"({"a":{"dtype":"F32"}})", 0, "tensor 'a': expects the key 'shape'"},
    {R"({"a":{"dtype":"F32","shape":[0]}})", 0, "tensor 'a': expects the key 'data_offsets'"},
    {R"({"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}})", 4, "but got 'F33'"},
    {R"({"a":{"dtype":7,"shape":[1],"data_offsets":[0,4]}})", 4, "expects a string as dtype"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}})", 4, "but got 'x'"},
    {R"({"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", 4, "as shape, but got a number"},
    {R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})", 4, "but got a negative number"},
    {R"({"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}})", 4, "not an integer"},
    {R"({"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}})", 4, "not an integer"},
    {R"({"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}})", 4, "but got a string"},
    {R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})", 4, "but got an array"},
    {R"({"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}})", 4,
     "dimensions below 2^63"},
    {R"({"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}})", 4,
     "not an integer of 64 bits"},
    {R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0,
     "below 2^63 bytes"},
    {R"({"a":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,4]}})", 4,
     "below 2^63 bytes"},
    {R"({"a":{"dtype":"F32","shape":[0,9223372036854775807],"data_offsets":[0,0]}})", 0,
     "below 2^63 bytes"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4, "expects 2 data_offsets"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}})", 4, "expects 2 data_offsets"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4, "inside the 4 bytes of data"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", 4, "inside the 4 bytes of data"},
    {R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,18446744073709551615]}})",
     4, "inside the 4 bytes of data"},
    {R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4,
     "expects 8 bytes for f32[2], but data_offsets [0, 4] hold 4"},
    {R"({"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,4]}})", 4, "expects 2 bytes"},
    {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
     R"("b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})",
     6, "tensor 'b': expects its data from byte 4 on, but it overlaps another tensor at byte 2"},
    {R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
     R"("b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})",
     4, "overlaps another tensor"},
    {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
     R"("b":{"dtype":"U8","shape":[2],"data_offsets":[4,6]}})",
     6, "tensor 'b': expects its data from byte 2 on, but it leaves a hole up to byte 4"},
    {R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 3,
     "expects 2 bytes of data, but got 3"},
    {"{}", 1, "expects 0 bytes of data, but got 1"},
    {R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
     R"("a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
     2, "tensor 'a': expects a name to occur once"},
    {R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1,
     "expects the key 'dtype' once"},
    {R"({"__metadata__":{},"__metadata__":{}})", 0, "to occur once"},
    {R"({"__metadata__":{"a":"1","a":"2"}})", 0, "expects the key 'a' once"},
    {R"({"__metadata__":{"a":1}})", 0, "expects a string for 'a'"},
    {R"({"__metadata__":"x"})", 0, "expects an object, but got a string"},
    {"{\"\xff\xfe\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1,
     "not valid UTF-8 JSON at byte 10"},
    {"{\"a\xc0\xaf\":{}}", 0, "not valid UTF-8 JSON"},
    {R"({"\ud800":{}})", 0, "not valid UTF-8 JSON"},
};

TEST_F(Safetensors, ElementTypesAreCalledAsTheFormatCallsThem) {
  for (auto [dtype, name] : {std::pair(DType::BF16, "BF16"),
                             {DType::F16, "F16"},
                             {DType::F32, "F32"},
                             {DType::F64, "F64"},
                             {DType::F8E4M3, "F8_E4M3"},
                             {DType::F8E5M2, "F8_E5M2"},
                             {DType::I8, "I8"},
                             {DType::U8, "U8"},
                             {DType::I32, "I32"},
                             {DType::I64, "I64"}})
    EXPECT_EQ(safetensorsName(dtype), name);
}

TEST_F(Safetensors, AnEmptyTensorLiesBeforeAnotherAtItsPlace) {
  auto file = parse(fileOf(R"({"a":{"dtype":"U8","shape":[16],"data_offsets":[0,16]},)"
                           R"("b":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
                           16));
  EXPECT_TRUE(file.isOk()) << file.status().message();
}

TEST_F(Safetensors, RefusesHostileHeaders) {
  for (const HostileHeader &hostile : kHostileHeaders) {
    Result<SafetensorsFile> file = parse(fileOf(hostile.header, hostile.dataBytes));
    ASSERT_FALSE(file.isOk()) << hostile.header;
    EXPECT_EQ(file.status().code(), StatusCode::InvalidInput) << hostile.header;
    EXPECT_NE(file.status().message().find(hostile.message), std::string::npos)
        << hostile.header << "\n gave: " << file.status().message();
    EXPECT_NE(file.status().message().find("x.safetensors"), std::string::npos);
  }
}

TEST_F(Safetensors, RefusesDeepNestingWithoutRecursion) {
  std::string header = "{\"a\":" + std::string(1000000, '[');
  Result<SafetensorsFile> file = parse(fileOf(header, 0));
  EXPECT_EQ(file.status().code(), StatusCode::InvalidInput);
}

TEST_F(Safetensors, RefusesWrongHeaderLengths) {
  std::string good = fileOf(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1);
  ASSERT_TRUE(parse(good).isOk());
  for (uint64_t size : {uint64_t{0}, uint64_t{1}, good.size() - 8 + 1, kMaxSafetensorsHeader,
                        kMaxSafetensorsHeader + 1, UINT64_MAX - 8, UINT64_MAX}) {
    std::string bad = good;
    std::memcpy(bad.data(), &size, sizeof(size));
    EXPECT_EQ(parse(bad).status().code(), StatusCode::InvalidInput) << size;
  }
}

TEST_F(Safetensors, EveryTruncationIsRefused) {
  std::string good = fileOf(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8);
  for (size_t size = 0; size < good.size(); ++size)
    ASSERT_EQ(parse(good.substr(0, size)).status().code(), StatusCode::InvalidInput) << size;
}

TEST_F(Safetensors, RandomDamageNeverReadsOutside) {
  // Every damaged file is either refused or yields tensors inside its bytes.
  std::string good = fileOf(
      R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"U8","shape":[2,2],"data_offsets":[8,12]}})",
      12);
  std::mt19937 generator(3);
  int refused = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string bad = good;
    for (unsigned n = 1 + generator() % 4; n > 0; --n)
      bad[generator() % bad.size()] = static_cast<char>(generator());
    auto owner = std::make_shared<std::string>(bad);
    auto bytes = std::as_bytes(std::span(owner->data(), owner->size()));
    Result<SafetensorsFile> file = parseSafetensors(bytes, "fuzz", nullptr);
    refused += !file.isOk();
    if (!file.isOk())
      continue;
    for (auto &[name, tensor] : file->tensors) {
      double sum = 0;
      for (int64_t e = 0; e < tensor.numElements(); ++e)
        sum += tensor.at(e);
      ASSERT_LE(tensor.byteSize(), 12u);
      (void)sum;
    }
  }
  EXPECT_GT(refused, 10000);
}

TEST_F(Safetensors, RefusesWhatIsNotAFile) {
  EXPECT_EQ(readSafetensors(folder / "absent").status().code(), StatusCode::InvalidInput);
  EXPECT_EQ(readSafetensors(folder).status().code(), StatusCode::InvalidInput);
  ASSERT_TRUE(writeFileAtomically(folder / "empty", "").isOk());
  EXPECT_EQ(readSafetensors(folder / "empty").status().code(), StatusCode::InvalidInput);
  ASSERT_EQ(::mkfifo((folder / "fifo").c_str(), 0600), 0);
  EXPECT_EQ(readSafetensors(folder / "fifo").status().code(), StatusCode::InvalidInput);
}

TEST_F(Safetensors, WriterRefusesNamesTheFormatCannotHold) {
  HostTensor x = *HostTensor::allocate(DType::U8, {1});
  fs::path path = folder / "out.safetensors";
  EXPECT_EQ(writeSafetensors(path, {{"\xff", x}}).code(), StatusCode::Usage);
  EXPECT_EQ(writeSafetensors(path, {{"__metadata__", x}}).code(), StatusCode::Usage);
  EXPECT_EQ(writeSafetensors(path, {{"x", x}}, {{"k", "\xc0\xaf"}}).code(), StatusCode::Usage);
  EXPECT_TRUE(fs::is_empty(folder));
}

TEST_F(Safetensors, FailedWritesLeaveTheOldFileAndNothingElse) {
  HostTensor x = *HostTensor::allocate(DType::U8, {1});
  fs::path path = folder / "out.safetensors";
  ASSERT_TRUE(writeSafetensors(path, {{"old", x}}).isOk());

  // The target is a folder that holds something: the rename fails after everything was written.
  fs::path blocked = folder / "blocked";
  fs::create_directories(blocked / "inside");
  EXPECT_EQ(writeSafetensors(blocked, {{"x", x}}).code(), StatusCode::Toolchain);
  EXPECT_EQ(writeSafetensors(folder / "absent" / "x", {{"x", x}}).code(), StatusCode::Toolchain);

  ASSERT_TRUE(writeSafetensors(path, {{"new", x}}).isOk());
  EXPECT_TRUE(readSafetensors(path)->tensors.contains("new"));
  size_t files = 0;
  for ([[maybe_unused]] auto &entry : fs::directory_iterator(folder))
    ++files;
  EXPECT_EQ(files, 2u) << "a temporary file was left behind";
}

TEST_F(Safetensors, AWriterFollowsLinksAndReplacesNoFifo) {
  HostTensor x = *HostTensor::allocate(DType::U8, {1});
  ASSERT_TRUE(writeSafetensors(folder / "file", {{"old", x}}).isOk());
  fs::create_symlink("file", folder / "link");
  ASSERT_TRUE(writeSafetensors(folder / "link", {{"new", x}}).isOk());
  EXPECT_TRUE(fs::is_symlink(folder / "link"));
  EXPECT_TRUE(readSafetensors(folder / "file")->tensors.contains("new"));
  fs::path fifo = folder / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  int reader = ::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  ASSERT_GE(reader, 0);
  Status status = writeSafetensors(fifo, {{"new", x}});
  EXPECT_TRUE(status.isOk()) << status.message();
  std::string bytes(4096, '\0');
  ssize_t got = ::read(reader, bytes.data(), bytes.size());
  ::close(reader);
  EXPECT_TRUE(fs::is_fifo(fifo));
  EXPECT_EQ(got, static_cast<ssize_t>(fs::file_size(folder / "file")));
}

TEST_F(Safetensors, NamesOfOtherWritersAreLeftAlone) {
  HostTensor x = *HostTensor::allocate(DType::U8, {1});
  // As a process of this id in another container names them.
  std::string theirs = ".x.tmp-" + std::to_string(::getpid()) + "-";
  for (int i = 0; i < 200; ++i)
    ASSERT_TRUE(writeFileAtomically(folder / (theirs + std::to_string(i)), "x").isOk());
  Status status = writeSafetensors(folder / "x", {{"x", x}});
  EXPECT_TRUE(status.isOk()) << status.message();
  size_t files = 0;
  for ([[maybe_unused]] auto &entry : fs::directory_iterator(folder))
    ++files;
  EXPECT_EQ(files, 201u);
}

} // namespace
