//===- BuildId.cpp - which build of the compiler this is --------------------===//

#include "compiler/Cache/BuildId.h"

#include "compiler/Cache/KeyBuilder.h"

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MemoryBuffer.h"

#include <chrono>
#include <cstdint>
#include <cstring>

#include <link.h>

namespace moec {

namespace {
using ProgramHeader = ElfW(Phdr);

/// Searches the loaded object that contains `address` for its NT_GNU_BUILD_ID note.
struct Search {
  uintptr_t address;
  std::string id;
};
} // namespace

static std::string idInNotes(const char *notes, size_t size) {
  auto align = [](size_t bytes) { return (bytes + 3) / 4 * 4; };
  while (size >= sizeof(ElfW(Nhdr))) {
    ElfW(Nhdr) note;
    std::memcpy(&note, notes, sizeof(note));
    size_t total = sizeof(note) + align(note.n_namesz) + align(note.n_descsz);
    if (total > size)
      break;
    const char *name = notes + sizeof(note);
    if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && std::memcmp(name, "GNU", 4) == 0)
      return llvm::toHex(llvm::StringRef(name + align(note.n_namesz), note.n_descsz),
                         /*LowerCase=*/true);
    notes += total;
    size -= total;
  }
  return "";
}

static int visit(dl_phdr_info *info, size_t, void *data) {
  auto &search = *static_cast<Search *>(data);
  llvm::ArrayRef headers(info->dlpi_phdr, info->dlpi_phnum);
  bool isOurs = llvm::any_of(headers, [&](const ProgramHeader &header) {
    uintptr_t begin = info->dlpi_addr + header.p_vaddr;
    return header.p_type == PT_LOAD && search.address >= begin &&
           search.address < begin + header.p_memsz;
  });
  if (!isOurs)
    return 0;
  for (const ProgramHeader &header : headers)
    if (header.p_type == PT_NOTE && search.id.empty())
      search.id = idInNotes(reinterpret_cast<const char *>(info->dlpi_addr + header.p_vaddr),
                            header.p_memsz);
  return 1;
}

const std::string &buildId() {
  static const std::string id = [] {
    Search search{reinterpret_cast<uintptr_t>(&buildId), {}};
    dl_iterate_phdr(visit, &search);
    if (!search.id.empty())
      return search.id;
    // Slow but right: the whole program, tens of milliseconds.
    auto program = llvm::MemoryBuffer::getFile("/proc/self/exe");
    if (program)
      return blake3((*program)->getBuffer());
    // Different in every process: a key that never hits is better than one that hits wrongly.
    return "unknown " + std::to_string(std::chrono::system_clock::now().time_since_epoch().count());
  }();
  return id;
}

} // namespace moec
