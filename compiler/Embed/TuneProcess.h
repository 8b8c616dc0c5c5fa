//===- TuneProcess.h - moec tune as a child of the host ---------------------===//

#ifndef MOEC_COMPILER_EMBED_TUNEPROCESS_H
#define MOEC_COMPILER_EMBED_TUNEPROCESS_H

#include "runtime/Support/Status.h"

#include <stop_token>
#include <string>
#include <vector>

namespace moec {

/// The `moec` program of the installed tree, or build tree, that this library lies in.
std::string toolBesideLibrary();

/// Toolchain where `path` is no program that may be run.
moert::Status checkTool(const std::string &path);

/// Runs `moec tune` with the block's text on its standard input and waits for its end. It must not
/// notice what kind of process the host is: it gets no other descriptors of it, no blocked or
/// ignored signals, and standard output goes nowhere but to us; where the host dies, the next line
/// that it writes is its last. Its failure has its own code and message. Killed where a stop is
/// requested.
moert::Status runTuneProcess(const std::vector<std::string> &command, const std::string &text,
                             int deviceOrdinal, const std::stop_token &stop);

} // namespace moec

#endif // MOEC_COMPILER_EMBED_TUNEPROCESS_H
