//===- WorkerProtocol.h - what a search says to its workers -----------------===//
//
// To the one that measures:
//
//   open     block, jobs, seed, logits_argument, top_k
//            -> device, multiprocessors, target, driver, clocks
//   aim      tokens, routing, sets (how many inputs)
//   begin    choice (the default)
//   check    choice
//   measure  choice -> us
//
// To those that compile, each request for itself:
//
//   compile  block, jobs, choice, tokens, niceness (of the process, decided by its first request)
//
// `block` is what is built and for whom: source, name, target, cache (the folder where compiled
// kernels go) and use_layers (whether they are also looked for in the read-only ones). Every answer
// has a `code`, that of a Status, and where it is not 0 a `message`.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_TUNE_WORKERPROTOCOL_H
#define MOEC_COMPILER_TUNE_WORKERPROTOCOL_H

#include "compiler/Inputs/Routing.h"
#include "compiler/Tune/Choice.h"
#include "compiler/Tune/Measurer.h"

#include "llvm/Support/JSON.h"

namespace moec::protocol {

llvm::json::Object toJson(const Choice &choice);
moert::Result<Choice> choiceFromJson(const llvm::json::Object *object);

/// With the content of a histogram: its file may change, but the inputs of a new worker must not.
llvm::json::Object toJson(const Routing &routing);
moert::Result<Routing> routingFromJson(const llvm::json::Object *object);

/// A request about a choice.
llvm::json::Object request(llvm::StringRef operation, const Choice &choice);

/// An answer without its code; the failure that it tells of.
moert::Result<llvm::json::Object> readAnswer(const llvm::json::Value &value);
llvm::json::Object answer(const moert::Status &status);

} // namespace moec::protocol

namespace moec {

/// A worker: answers the requests from standard input on standard output until that ends.
int serveTuning();

} // namespace moec

#endif // MOEC_COMPILER_TUNE_WORKERPROTOCOL_H
