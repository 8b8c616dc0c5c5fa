//===- ScratchDirectory.cpp - a folder for what is not kept -----------------===//

#include "compiler/tools/moec/ScratchDirectory.h"

#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

using namespace llvm;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec::cli {

Result<ScratchDirectory> ScratchDirectory::create(const char *prefix) {
  SmallString<128> path;
  sys::path::system_temp_directory(/*ErasedOnReboot=*/true, path);
  sys::path::append(path, Twine(prefix) + "-XXXXXX");
  // For the user alone, unlike LLVM's createUniqueDirectory: code is run from it.
  if (!::mkdtemp(const_cast<char *>(path.c_str())))
    return Status(
        StatusCode::Toolchain,
        (Twine("cannot create a folder like '") + path + "': " + std::strerror(errno)).str());
  return ScratchDirectory(path.str().str());
}

ScratchDirectory::ScratchDirectory(ScratchDirectory &&other) noexcept
    : folder(std::exchange(other.folder, "")) {}

ScratchDirectory &ScratchDirectory::operator=(ScratchDirectory &&other) noexcept {
  std::swap(folder, other.folder);
  return *this;
}

ScratchDirectory::~ScratchDirectory() {
  if (!folder.empty())
    (void)sys::fs::remove_directories(folder);
}

} // namespace moec::cli
