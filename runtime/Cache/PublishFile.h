//===- PublishFile.h - A file that appears complete, once -----------------===//

#ifndef MOEC_RUNTIME_CACHE_PUBLISHFILE_H
#define MOEC_RUNTIME_CACHE_PUBLISHFILE_H

#include <string>
#include <string_view>

namespace moert {

/// Both give `name` in the open folder the content, unless it is there already. They return 0 or
/// the errno; EEXIST where the name is taken.

/// Through a file that has no name before: a process that dies leaves nothing behind. EOPNOTSUPP
/// where the file system has no such files.
int publishUnnamed(int folder, const std::string &name, std::string_view bytes);
/// Through a temporary name, on any file system with hard links.
int publishNamed(int folder, const std::string &name, std::string_view bytes);

} // namespace moert

#endif // MOEC_RUNTIME_CACHE_PUBLISHFILE_H
