//===- FileNames.h - The names in a folder --------------------------------===//

#ifndef MOEC_RUNTIME_CACHE_FILENAMES_H
#define MOEC_RUNTIME_CACHE_FILENAMES_H

#include <string>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

namespace moert {

/// The names in an open folder, without "." and ".."; none where it cannot be read.
inline std::vector<std::string> fileNames(int folder) {
  std::vector<std::string> names;
  // A descriptor of its own: fdopendir takes it, and the position belongs to it.
  int copy = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *stream = copy >= 0 ? ::fdopendir(copy) : nullptr;
  if (!stream) {
    if (copy >= 0)
      ::close(copy);
    return names;
  }
  while (dirent *item = ::readdir(stream))
    if (std::string name = item->d_name; name != "." && name != "..")
      names.push_back(std::move(name));
  ::closedir(stream);
  return names;
}

} // namespace moert

#endif // MOEC_RUNTIME_CACHE_FILENAMES_H
