//===- StubNvrtc.cpp - an NVRTC that compiles nothing -------------------------===//
//
// Gives PTX, cubin and an assembler's report that follow from source, options and the version that
// it was built with. So tests of the cache run without a toolkit, with any number of versions, and
// can count compiles: each appends the name of its file and a digest of its source to
// $STUB_NVRTC_LOG and takes $STUB_NVRTC_MS milliseconds. A source that contains $STUB_NVRTC_CRASH,
// $STUB_NVRTC_HANG or $STUB_NVRTC_SILENT takes the process down, never comes to an end, or has no
// assembler's report.
//
//===----------------------------------------------------------------------===//

#include <cctype>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

namespace {
struct Program {
  std::string source, name, log, ptx, cubin;
};
Program &of(void *handle) { return *static_cast<Program *>(handle); }

int giveSize(const std::string &text, size_t *size) {
  *size = text.size() + 1;
  return 0;
}
int giveText(const std::string &text, char *target) {
  std::memcpy(target, text.data(), text.size() + 1);
  return 0;
}

/// The name of the kernel: the identifier before the parameters, behind any launch bounds.
std::string entryOf(const std::string &source) {
  size_t at = source.find("__global__ void");
  if (at == std::string::npos)
    return "";
  at += std::strlen("__global__ void");
  size_t bounds = source.find("__launch_bounds__", at);
  if (bounds != std::string::npos && bounds < source.find('{', at))
    for (int depth = 0, open = 0; at < source.size() && !(open && depth == 0); ++at) {
      depth += source[at] == '(' ? 1 : source[at] == ')' ? -1 : 0;
      open |= source[at] == '(';
    }
  while (at < source.size() && std::isspace(static_cast<unsigned char>(source[at])))
    ++at;
  size_t end = at;
  while (end < source.size() &&
         (std::isalnum(static_cast<unsigned char>(source[end])) || source[end] == '_'))
    ++end;
  return source.substr(at, end - at);
}

void countCompile(const std::string &name, const std::string &source) {
  if (const char *milliseconds = std::getenv("STUB_NVRTC_MS"))
    std::this_thread::sleep_for(std::chrono::milliseconds(std::atoi(milliseconds)));
  if (const char *path = std::getenv("STUB_NVRTC_LOG")) {
    int file = ::open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    std::string line = name + " " + std::to_string(std::hash<std::string>()(source)) + "\n";
    (void)!::write(file, line.data(), line.size());
    ::close(file);
  }
}
/// Whether the source contains what the variable says.
bool isNamed(const Program &program, const char *variable) {
  const char *text = std::getenv(variable);
  return text && program.source.find(text) != std::string::npos;
}
/// $STUB_NVRTC_SPILL: what the report says that every kernel spills; $STUB_NVRTC_SPARED: the same
/// of those that are compiled with options to spare registers.
std::string spillBytes(const std::string &options) {
  const char *bytes = std::getenv("STUB_NVRTC_SPILL");
  if (const char *spared = std::getenv("STUB_NVRTC_SPARED");
      spared && options.find("--register-usage-level") != std::string::npos)
    bytes = spared;
  return bytes ? bytes : "0";
}
} // namespace

extern "C" {
int nvrtcVersion(int *major, int *minor) {
  *major = STUB_MAJOR, *minor = STUB_MINOR;
  return 0;
}
int nvrtcGetNumSupportedArchs(int *count) {
  *count = 2;
  return 0;
}
int nvrtcGetSupportedArchs(int *archs) {
  archs[0] = 80, archs[1] = 90;
  return 0;
}
const char *nvrtcGetErrorString(int result) { return result ? "stub error" : "stub success"; }
int nvrtcCreateProgram(void **program, const char *source, const char *name, int numHeaders,
                       const char *const *headers, const char *const *) {
  auto *created = new Program{source, name, "", "", ""};
  for (int i = 0; i < numHeaders; ++i)
    created->source += headers[i];
  *program = created;
  return 0;
}
int nvrtcDestroyProgram(void **program) {
  delete &of(*program);
  return 0;
}
int nvrtcCompileProgram(void *handle, int numOptions, const char *const *options) {
  Program &program = of(handle);
  if (program.name != "version.cu")
    countCompile(program.name, program.source);
  if (isNamed(program, "STUB_NVRTC_CRASH"))
    std::abort();
  while (isNamed(program, "STUB_NVRTC_HANG"))
    std::this_thread::sleep_for(std::chrono::seconds(1));
  if (program.source.find("#error") != std::string::npos) {
    program.log = program.name + "(1): error: stub";
    return 6;
  }
  std::string all = program.source;
  for (int i = 0; i < numOptions; ++i)
    all += options[i];
  std::string version = std::to_string(STUB_MAJOR) + "." + std::to_string(STUB_MINOR);
  std::string entry = entryOf(program.source);
  program.ptx = "// Cuda compilation tools, release " + version + ", V" + version + "." +
                std::to_string(STUB_PATCH) + "\n// " +
                std::to_string(std::hash<std::string>()(all)) + "\n.entry " + entry + "\n";
  // An ELF header without sections is all that the loader looks at.
  program.cubin = std::string("\x7f"
                              "ELF") +
                  std::string(60, '\0') + program.ptx;
  program.log = program.name + "(3): warning #177-D: stub\n" +
                "ptxas info    : Compiling entry function '" + entry + "' for 'sm_90a'\n" +
                "    0 bytes stack frame, " + spillBytes(all) +
                " bytes spill stores, 0 bytes spill loads\n" +
                "ptxas info    : Used 40 registers, used 1 barriers\n";
  if (isNamed(program, "STUB_NVRTC_SILENT"))
    program.log.clear();
  return 0;
}
int nvrtcGetPTXSize(void *program, size_t *size) { return giveSize(of(program).ptx, size); }
int nvrtcGetPTX(void *program, char *text) { return giveText(of(program).ptx, text); }
int nvrtcGetCUBINSize(void *program, size_t *size) { return giveSize(of(program).cubin, size); }
int nvrtcGetCUBIN(void *program, char *text) { return giveText(of(program).cubin, text); }
int nvrtcGetProgramLogSize(void *program, size_t *size) { return giveSize(of(program).log, size); }
int nvrtcGetProgramLog(void *program, char *text) { return giveText(of(program).log, text); }
}
