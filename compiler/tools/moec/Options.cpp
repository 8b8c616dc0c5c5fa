//===- Options.cpp - command line of moec -----------------------------------===//

#include "compiler/tools/moec/Options.h"

#include "runtime/Support/File.h"

#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec::cli {

cl::OptionCategory &category() {
  static cl::OptionCategory category("moec options");
  return category;
}

cl::SubCommand &importCommand() {
  static cl::SubCommand command("import", "write the MoE block of a Hugging Face model as IR");
  return command;
}

int fail(const Status &status) {
  outs().flush();
  errs() << "moec: error: " << status.message() << '\n';
  return status.exitCode();
}

void warn(StringRef message) { errs() << "moec: warning: " << message << '\n'; }

Status writeText(const std::string &path, StringRef text) {
  if (path != "-")
    return moert::writeFileAtomically(path, text);
  outs() << text;
  outs().flush();
  if (!outs().has_error())
    return Status::ok();
  std::string message = "cannot write to standard output: " + outs().error().message();
  outs().clear_error();
  return Status(StatusCode::Toolchain, std::move(message));
}

Result<std::string> readText(const std::string &path, uint64_t maxBytes) {
  if (path != "-")
    return moert::readFile(path, maxBytes);
  ErrorOr<std::unique_ptr<MemoryBuffer>> input = MemoryBuffer::getSTDIN();
  if (!input)
    return Status(StatusCode::InvalidInput,
                  "cannot read standard input: " + input.getError().message());
  if ((*input)->getBufferSize() > maxBytes)
    return Status(StatusCode::InvalidInput, "expects at most " + std::to_string(maxBytes) +
                                                " bytes on standard input, but got more");
  return (*input)->getBuffer().str();
}

} // namespace moec::cli
