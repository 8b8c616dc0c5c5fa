//===- Toolchain.cpp - NVRTC, loaded when something must be compiled --------===//

#include "compiler/Cache/Toolchain.h"

#include "compiler/Cache/KeyBuilder.h"
#include "runtime/Support/Env.h"

#include <fmt/format.h>

#include <ranges>

#include <sys/stat.h>

using moert::EnvVar;
using moert::NvrtcCompiler;
using moert::Result;

namespace moec {

/// What tells one state of a file from another; empty where there is no file.
static std::string stateOf(const std::string &path) {
  struct stat info;
  if (path.empty() || path.front() != '/' || ::stat(path.c_str(), &info) != 0)
    return "";
  return fmt::format("{} bytes, inode {}, time {}.{:09}", info.st_size, info.st_ino,
                     info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
}

/// What decides which library NvrtcCompiler::load finds. The loader's own list changes when a
/// library is installed.
static moert::CacheKey noteKey() {
  KeyBuilder key(moert::EntryKind::Toolchain);
  for (EnvVar variable : {EnvVar::Nvrtc, EnvVar::CudaHome, EnvVar::CudaPath, EnvVar::LibraryPath})
    for (const moert::EnvVarInfo &info : moert::environmentTable())
      if (info.variable == variable)
        key.add(info.name, moert::readEnv(variable).value_or(""));
  key.add("loader", stateOf("/etc/ld.so.cache"));
  return key.build();
}

static void removeNote(moert::Cache &cache) {
  moert::CacheKey key = noteKey();
  cache.forget(key);
  if (const moert::Store *store = cache.store())
    (void)store->remove(key.fileName());
}

/// Takes over what the note says, if its library is still the same.
bool Toolchain::takeNote(const moert::Entry &note) {
  std::optional<std::string_view> path = note.find("path"), state = note.find("state"),
                                  version = note.find("version");
  if (!path || !state || !version || state->empty() || stateOf(std::string(*path)) != *state)
    return false;
  known = *version;
  notedPath = *path;
  return true;
}

void Toolchain::readNote() {
  if (!cache)
    return;
  // The folder's note before those of layers, which say what was true elsewhere or once; it is the
  // last of the stores.
  for (const moert::Store *store : cache->stores() | std::views::reverse) {
    moert::Lookup note = store->find(noteKey());
    if (note.entry && takeNote(*note.entry))
      return;
    // Another NVRTC was installed in its place. A later note needs the room.
    if (note.entry && store == cache->store())
      removeNote(*cache);
  }
}

void Toolchain::writeNote() {
  std::string state = stateOf((*loaded)->path());
  if (!cache || state.empty())
    return;
  moert::CacheKey key = noteKey();
  moert::Entry note(key.text);
  note.add("path", (*loaded)->path());
  note.add("state", state);
  note.add("version", *known);
  cache->publish(key, std::make_shared<const moert::Entry>(std::move(note)));
}

void Toolchain::load() {
  if (loaded && *loaded)
    return; // a failure is not kept: a host that goes on may get an NVRTC
  auto begin = std::chrono::steady_clock::now();
  loaded.emplace(NvrtcCompiler::load());
  if (!*loaded)
    return;
  seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (known && (*loaded)->path() == notedPath)
    return;
  known = (*loaded)->fullVersion();
  if (!notedPath.empty())
    removeNote(*cache);
  writeNote();
}

std::string Toolchain::version() {
  std::lock_guard lock(mutex);
  if (!known)
    readNote();
  if (!known)
    load();
  return known.value_or(""); // without one, it may be there the next time
}

Result<const NvrtcCompiler *> Toolchain::compiler() {
  std::lock_guard lock(mutex);
  load();
  if (!*loaded)
    return loaded->status();
  return &**loaded;
}

double Toolchain::loadSeconds() {
  std::lock_guard lock(mutex);
  return seconds;
}

} // namespace moec
