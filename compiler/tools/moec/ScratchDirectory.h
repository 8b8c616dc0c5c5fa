//===- ScratchDirectory.h - a folder for what is not kept -------------------===//

#ifndef MOEC_COMPILER_TOOLS_MOEC_SCRATCHDIRECTORY_H
#define MOEC_COMPILER_TOOLS_MOEC_SCRATCHDIRECTORY_H

#include "runtime/Support/Status.h"

#include <string>

namespace moec::cli {

/// A folder of this process alone, in the system's folder for temporary files; removed with this
/// object.
class ScratchDirectory {
public:
  /// `prefix` begins its name.
  static moert::Result<ScratchDirectory> create(const char *prefix);
  ScratchDirectory(ScratchDirectory &&other) noexcept;
  ScratchDirectory &operator=(ScratchDirectory &&other) noexcept;
  ~ScratchDirectory();

  const std::string &path() const { return folder; }

private:
  explicit ScratchDirectory(std::string folder) : folder(std::move(folder)) {}
  std::string folder; ///< empty: moved from
};

} // namespace moec::cli

#endif // MOEC_COMPILER_TOOLS_MOEC_SCRATCHDIRECTORY_H
