//===- TestPackage.h - A small package for the tests of the runtime -------===//
//
// The block computes output[t, i] = hidden[t, i] * 6 over f32 [T, 8]. Up to 15 tokens one launch
// multiplies by 6; from 16 on two launches multiply by 2 and by 3 through a workspace buffer, and a
// third one, whose grid is empty below 64 tokens, does the second half of nothing: it exists to be
// skipped. Kernel parameters: source, target, T, factor.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_TEST_UNIT_RUNTIME_TESTPACKAGE_H
#define MOEC_TEST_UNIT_RUNTIME_TESTPACKAGE_H

#include "runtime/Package/PackageIO.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>

namespace moert::test {

inline constexpr int64_t kWidth = 8;

/// A manifest without file records.
Manifest makeManifest();

/// Rows of 64 tokens of a tensor such as the arguments: number 0 of them, where nobody says
/// otherwise.
TensorMap makeTensorMap();

/// The manifest with code: a minimal ELF file as cubin, text as PTX and source, one header.
Package makePackage();

/// A folder that is empty at first and is removed at the end.
class TemporaryDirectory {
public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory &) = delete;
  TemporaryDirectory &operator=(const TemporaryDirectory &) = delete;
  const std::filesystem::path &path() const { return folder; }

private:
  std::filesystem::path folder;
};

/// Writes versions 0 to `last` one after the other; `read` is called again and again meanwhile, once
/// version 0 is there.
template <typename Write, typename Read>
void readWhileReplaced(int last, Write write, Read read) {
  ASSERT_TRUE(write(0).isOk());
  std::atomic<bool> isDone{false};
  std::thread writer([&] {
    for (int version = 1; version <= last; ++version)
      EXPECT_TRUE(write(version).isOk());
    isDone = true;
  });
  int reads = 0;
  for (; !isDone; ++reads)
    read();
  writer.join();
  EXPECT_GT(reads, 0);
}

} // namespace moert::test

#endif // MOEC_TEST_UNIT_RUNTIME_TESTPACKAGE_H
