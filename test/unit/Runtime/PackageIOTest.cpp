//===- PackageIOTest.cpp - Packages and files on disk ---------------------===//

#include "runtime/Package/PackageIO.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Hash.h"
#include "test/unit/Runtime/TestPackage.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include <sys/stat.h>

using namespace moert;
namespace fs = std::filesystem;

namespace {

/// Everything below a folder, hidden files included.
std::vector<std::string> listing(const fs::path &folder) {
  std::vector<std::string> names;
  for (const fs::directory_entry &entry : fs::recursive_directory_iterator(folder))
    names.push_back(entry.path().lexically_relative(folder).string());
  std::sort(names.begin(), names.end());
  return names;
}

void overwrite(const fs::path &path, const std::string &content) {
  std::ofstream(path, std::ios::binary) << content;
}

TEST(Package, RoundTripsThroughTheDisk) {
  test::TemporaryDirectory temporary;
  fs::path path = temporary.path() / "block.moepkg";
  Package package = test::makePackage();
  Status status = writePackage(path, package);
  ASSERT_TRUE(status.isOk()) << status.message();
  EXPECT_EQ(listing(temporary.path()),
            (std::vector<std::string>{
                "block.moepkg", "block.moepkg/include", "block.moepkg/include/moe",
                "block.moepkg/include/moe/common", "block.moepkg/include/moe/common/types.cuh",
                "block.moepkg/ir", "block.moepkg/ir/moe.mlir", "block.moepkg/kernels",
                "block.moepkg/kernels/scale.cu", "block.moepkg/kernels/scale.cubin",
                "block.moepkg/kernels/scale.ptx", "block.moepkg/manifest.json"}));
  Result<Package> read = readPackage(path);
  ASSERT_TRUE(read.isOk()) << read.status().message();
  EXPECT_EQ(read->code[0].cubin, package.code[0].cubin);
  EXPECT_EQ(read->code[0].source, package.code[0].source);
  ASSERT_EQ(read->files.size(), 2u);
  EXPECT_EQ(read->files[1].path, "ir/moe.mlir");
  EXPECT_EQ(read->files[1].content, "module {}\n");
  EXPECT_TRUE(isPackage(path));
}

TEST(Package, ReplacesAPackageButNothingElse) {
  test::TemporaryDirectory temporary;
  fs::path path = temporary.path() / "block.moepkg";
  Package package = test::makePackage();
  ASSERT_TRUE(writePackage(path, package).isOk());
  package.files.pop_back();
  package.manifest.block = "second";
  ASSERT_TRUE(writePackage(path.string() + "/", package).isOk());
  EXPECT_EQ(readPackage(path)->manifest.block, "second");
  EXPECT_FALSE(fs::exists(path / "ir"));
  EXPECT_EQ(listing(temporary.path()).front(), "block.moepkg");

  // A folder of the user's is left alone, and so is a file.
  fs::path precious = temporary.path() / "precious";
  fs::create_directory(precious);
  overwrite(precious / "thesis.txt", "years of work");
  Status status = writePackage(precious, package);
  EXPECT_EQ(status.code(), StatusCode::Usage);
  EXPECT_NE(status.message().find("which is no package"), std::string::npos);
  EXPECT_TRUE(fs::exists(precious / "thesis.txt"));
  overwrite(temporary.path() / "file", "content");
  EXPECT_FALSE(writePackage(temporary.path() / "file", package).isOk());
  EXPECT_EQ(*readFile(temporary.path() / "file"), "content");
  for (const std::string &name : listing(temporary.path()))
    EXPECT_EQ(name.find(".tmp-"), std::string::npos) << name;
}

TEST(Package, LeavesNothingWhereItCannotWrite) {
  test::TemporaryDirectory temporary;
  Package package = test::makePackage();
  EXPECT_FALSE(writePackage(temporary.path() / "missing" / "block.moepkg", package).isOk());
  // Two files that cannot both exist make the write fail in its middle.
  package.files.push_back({"ir/moe.mlir/below", "x"});
  EXPECT_FALSE(writePackage(temporary.path() / "block.moepkg", package).isOk());
  package.files.back().path = "ir/../../escape";
  Status status = writePackage(temporary.path() / "block.moepkg", package);
  EXPECT_NE(status.message().find("/files/2/file"), std::string::npos) << status.message();
  package.files.back().path = "elsewhere/x";
  EXPECT_FALSE(writePackage(temporary.path() / "block.moepkg", package).isOk());
  EXPECT_TRUE(listing(temporary.path()).empty());
}

TEST(Package, ReadersSeeOneVersionOrTheOther) {
  test::TemporaryDirectory temporary;
  fs::path path = temporary.path() / "block.moepkg";
  Package package = test::makePackage();
  package.manifest.block = "version_0";
  ASSERT_TRUE(writePackage(path, package).isOk());
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (int i = 1; i <= 30; ++i) {
      package.manifest.block = "version_" + std::to_string(i);
      EXPECT_TRUE(writePackage(path, package).isOk());
    }
    stop = true;
  });
  int reads = 0;
  while (!stop) {
    Result<Manifest> manifest = readManifest(path);
    EXPECT_TRUE(manifest.isOk()) << manifest.status().message();
    ++reads;
  }
  writer.join();
  EXPECT_GT(reads, 0);
  EXPECT_EQ(readManifest(path)->block, "version_30");
}

TEST(Package, WritersOfTheSameNameDoNotMix) {
  test::TemporaryDirectory temporary;
  fs::path path = temporary.path() / "block.moepkg";
  std::vector<std::thread> writers;
  std::atomic<int> succeeded{0};
  for (int i = 0; i < 4; ++i)
    writers.emplace_back([&, i] {
      Package package = test::makePackage();
      package.manifest.block = "writer_" + std::to_string(i);
      package.files[1].content = package.manifest.block;
      for (int round = 0; round < 5; ++round)
        succeeded += writePackage(path, package).isOk();
    });
  for (std::thread &writer : writers)
    writer.join();
  EXPECT_GE(succeeded, 1);
  Result<Package> read = readPackage(path);
  ASSERT_TRUE(read.isOk()) << read.status().message();
  EXPECT_EQ(read->files[1].content, read->manifest.block);
}

TEST(Package, NamesTheDamagedFileAndField) {
  test::TemporaryDirectory temporary;
  fs::path path = temporary.path() / "block.moepkg";
  Package package = test::makePackage();
  auto expectFailure = [&](std::initializer_list<std::string> parts) {
    Result<Package> read = readPackage(path);
    ASSERT_FALSE(read.isOk());
    EXPECT_EQ(read.status().code(), StatusCode::InvalidInput);
    for (const std::string &part : parts)
      EXPECT_NE(read.status().message().find(part), std::string::npos) << read.status().message();
  };

  ASSERT_TRUE(writePackage(path, package).isOk());
  overwrite(path / "kernels/scale.cubin", package.code[0].cubin + "x");
  expectFailure({"block.moepkg", "kernels/scale.cubin", "/kernels/0/cubin", "bytes 64", "got 65"});

  ASSERT_TRUE(writePackage(path, package).isOk());
  overwrite(path / "kernels/scale.ptx", ".version 9.0\n");
  expectFailure({"kernels/scale.ptx", "/kernels/0/ptx", "checksum xxh3:"});

  ASSERT_TRUE(writePackage(path, package).isOk());
  fs::remove(path / "ir/moe.mlir");
  expectFailure({"/files/1", "cannot open", "ir/moe.mlir"});

  ASSERT_TRUE(writePackage(path, package).isOk());
  fs::remove(path / "kernels/scale.cu");
  fs::create_directory(path / "kernels/scale.cu");
  expectFailure({"/kernels/0/source", "scale.cu"});

  ASSERT_TRUE(writePackage(path, package).isOk());
  overwrite(path / "manifest.json", "{");
  expectFailure({"block.moepkg", "manifest.json: is not JSON"});

  fs::remove(path / "manifest.json");
  ASSERT_EQ(mkfifo((path / "manifest.json").c_str(), 0600), 0);
  expectFailure({"manifest.json", "regular file"});

  fs::remove_all(path);
  expectFailure({"expects a folder with a manifest.json"});
  overwrite(path, "a file");
  expectFailure({"expects a folder with a manifest.json"});
}

TEST(File, WritesAtomically) {
  test::TemporaryDirectory temporary;
  fs::path path = temporary.path() / "file";
  ASSERT_TRUE(writeFileAtomically(path, "one").isOk());
  ASSERT_TRUE(writeFileAtomically(path, std::string("t\0o", 3)).isOk());
  EXPECT_EQ(*readFile(path), std::string("t\0o", 3));
  EXPECT_EQ(listing(temporary.path()), std::vector<std::string>{"file"});
  EXPECT_EQ(readFile(path, 2).status().code(), StatusCode::InvalidInput);
  EXPECT_EQ(readFile(path, 3)->size(), 3u);
  // A folder in the way: the error leaves nothing behind.
  fs::create_directories(temporary.path() / "folder" / "inner");
  EXPECT_FALSE(writeFileAtomically(temporary.path() / "folder", "x").isOk());
  EXPECT_EQ(listing(temporary.path()),
            (std::vector<std::string>{"file", "folder", "folder/inner"}));
}

TEST(File, AnAbandonedFolderVanishes) {
  test::TemporaryDirectory temporary;
  {
    Result<AtomicDirectory> folder = AtomicDirectory::create(temporary.path() / "target");
    ASSERT_TRUE(folder.isOk());
    ASSERT_TRUE(folder->writeFile("a/b/c", "x").isOk());
    EXPECT_FALSE(folder->writeFile("../c", "x").isOk());
    EXPECT_FALSE(fs::exists(temporary.path() / "target"));
  }
  EXPECT_TRUE(listing(temporary.path()).empty());
}

TEST(Hash, TellsContentsApart) {
  EXPECT_EQ(checksum("").size(), 5u + 32u);
  EXPECT_EQ(checksum("moec"), checksum("moec"));
  EXPECT_NE(checksum("moec"), checksum("moed"));
  // The value is part of the package format.
  EXPECT_EQ(checksum(""), "xxh3:99aa06d3014798d86001c324468d497f");
}

} // namespace
