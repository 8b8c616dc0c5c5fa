//===- PackageIOTest.cpp - Packages and files on disk ---------------------===//

#include "runtime/Package/PackageIO.h"
#include "runtime/Support/File.h"
#include "runtime/Support/Hash.h"
#include "test/unit/Runtime/TestPackage.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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
  auto write = [&](int version) {
    package.manifest.block = "version_" + std::to_string(version);
    return writePackage(path, package);
  };
  test::readWhileReplaced(30, write, [&] {
    Result<Manifest> manifest = readManifest(path);
    EXPECT_TRUE(manifest.isOk()) << manifest.status().message();
  });
  EXPECT_EQ(readManifest(path)->block, "version_30");
}

TEST(Package, AWholePackageIsOfOneVersionToo) {
  test::TemporaryDirectory temporary;
  fs::path path = temporary.path() / "block.moepkg";
  Package package = test::makePackage();
  auto write = [&](int version) {
    package.manifest.block = "version_" + std::to_string(version);
    package.files.clear();
    // Many files, so that reading takes as long as it takes to remove them.
    for (int i = 0; i < 30; ++i)
      package.files.push_back({"ir/" + std::to_string(i), package.manifest.block});
    return writePackage(path, package);
  };
  test::readWhileReplaced(15, write, [&] {
    Result<Package> read = readPackage(path);
    ASSERT_TRUE(read.isOk()) << read.status().message();
    for (const PackageFile &file : read->files)
      EXPECT_EQ(file.content, read->manifest.block);
  });
}

TEST(Package, AFolderThatIsReplacedWhileItIsReadIsReadAgain) {
  test::TemporaryDirectory temporary;
  fs::path path = temporary.path() / "block.moepkg";
  Package package = test::makePackage();
  ASSERT_TRUE(writePackage(path, package).isOk());
  int reads = 0;
  auto read = [&](const PackageFolder &folder) {
    if (++reads == 1) {
      package.manifest.block = "second";
      EXPECT_TRUE(writePackage(path, package).isOk()); // removes what is open
      EXPECT_TRUE(folder.isReplaced());
    } else {
      EXPECT_FALSE(folder.isReplaced());
    }
    return readPackage(folder);
  };
  Result<Package> second = readLatest(path, read);
  ASSERT_TRUE(second.isOk()) << second.status().message();
  EXPECT_EQ(second->manifest.block, "second");
  EXPECT_EQ(reads, 2);
  // One that is damaged and stays is read once; one that is replaced all the time, ten times.
  fs::remove(path / "ir/moe.mlir");
  reads = 1;
  EXPECT_FALSE(readLatest(path, read).isOk());
  EXPECT_EQ(reads, 2);
  int rounds = 0;
  EXPECT_FALSE(readLatest(path, [&](const PackageFolder &folder) {
                 EXPECT_TRUE(writePackage(path, package).isOk());
                 ++rounds;
                 return readPackage(folder);
               }).isOk());
  EXPECT_EQ(rounds, 10);
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
  expectFailure(
      {"block.moepkg", "kernels/scale.cubin", "/kernels/0/cubin", "at most 64 bytes", "got 65"});
  // Not read: it would fill memory.
  ASSERT_TRUE(writePackage(path, package).isOk());
  fs::resize_file(path / "kernels/scale.cubin", uintmax_t{1} << 42);
  expectFailure({"kernels/scale.cubin", "at most 64 bytes", "got 4398046511104"});

  ASSERT_TRUE(writePackage(path, package).isOk());
  overwrite(path / "kernels/scale.cubin", package.code[0].cubin.substr(1));
  expectFailure({"kernels/scale.cubin", "/kernels/0/cubin", "bytes 64", "got 63"});

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

TEST(File, WritesIntoWhatIsNoFileAndThroughLinks) {
  test::TemporaryDirectory temporary;
  fs::path fifo = temporary.path() / "fifo", link = temporary.path() / "link",
           file = temporary.path() / "file", dangling = temporary.path() / "dangling";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  // With a reader that is there already, the writer does not have to wait.
  Descriptor reader(::open(fifo.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(reader.isOpen());
  fs::create_symlink("fifo", link);
  for (const fs::path &path : {fifo, link}) {
    Status status = writeFileAtomically(path, "content");
    ASSERT_TRUE(status.isOk()) << status.message();
    char bytes[16];
    EXPECT_EQ(::read(reader.get(), bytes, sizeof bytes), 7);
    EXPECT_EQ(std::string(bytes, 7), "content");
    EXPECT_TRUE(fs::is_fifo(fifo));
    EXPECT_TRUE(fs::is_symlink(link));
  }

  overwrite(file, "old");
  fs::remove(link);
  fs::create_directory(temporary.path() / "below");
  fs::create_symlink("../file", temporary.path() / "below/first");
  fs::create_symlink(temporary.path() / "below/first", link);
  ASSERT_TRUE(writeFileAtomically(link, "new").isOk());
  EXPECT_TRUE(fs::is_symlink(link) && fs::is_symlink(temporary.path() / "below/first"));
  EXPECT_FALSE(fs::is_symlink(file));
  EXPECT_EQ(*readFile(file), "new");
  fs::create_symlink("made", dangling);
  ASSERT_TRUE(writeFileAtomically(dangling, "made").isOk());
  EXPECT_EQ(*readFile(temporary.path() / "made"), "made");
  fs::create_symlink("loop", temporary.path() / "loop");
  EXPECT_EQ(writeFileAtomically(temporary.path() / "loop", "x").code(), StatusCode::Toolchain);
  EXPECT_EQ(listing(temporary.path()),
            (std::vector<std::string>{"below", "below/first", "dangling", "fifo", "file", "link",
                                      "loop", "made"}));
}

TEST(File, ANameThatIsTakenIsLeftAlone) {
  std::string name, first;
  int attempts = 0;
  EXPECT_TRUE(createUnique("x-", name, [&](const std::string &candidate) {
    if (++attempts == 1)
      first = candidate;
    errno = EEXIST;
    return attempts == 4;
  }));
  EXPECT_EQ(attempts, 4);
  EXPECT_NE(name, first);
  EXPECT_EQ(name.size(), 2u + 16u);
  attempts = 0;
  EXPECT_FALSE(createUnique("x-", name, [&](const std::string &) {
    ++attempts;
    errno = EACCES;
    return false;
  }));
  EXPECT_EQ(attempts, 1) << "no other name helps";

  // What a process of this id in another container has, or had.
  test::TemporaryDirectory temporary;
  for (int i = 0; i < 100; ++i)
    for (const char *target : {"folder", "file"}) {
      fs::path other = temporary.path() / (std::string(".") + target + ".tmp-" +
                                           std::to_string(::getpid()) + "-" + std::to_string(i));
      fs::create_directory(other);
      overwrite(other / "precious", "x");
    }
  size_t before = listing(temporary.path()).size();
  {
    Result<AtomicDirectory> folder = AtomicDirectory::create(temporary.path() / "folder");
    ASSERT_TRUE(folder.isOk());
    ASSERT_TRUE(folder->writeFile("a", "x").isOk());
    ASSERT_TRUE(folder->commit().isOk());
  }
  ASSERT_TRUE(writeFileAtomically(temporary.path() / "file", "x").isOk());
  EXPECT_EQ(listing(temporary.path()).size(), before + 3);
  // A name that is as long as it may be has temporary ones too.
  ASSERT_TRUE(writeFileAtomically(temporary.path() / std::string(255, 'n'), "x").isOk());
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
