//===- WorkerMeasurer.cpp - candidates in another process -------------------===//

#include "compiler/Tune/WorkerMeasurer.h"

#include "compiler/Tune/WorkerProtocol.h"

#include <fmt/format.h>

using namespace llvm;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

Result<std::unique_ptr<WorkerMeasurer>> WorkerMeasurer::create(Options options) {
  std::unique_ptr<WorkerMeasurer> measurer(new WorkerMeasurer(std::move(options)));
  MOERT_RETURN_IF_ERROR(measurer->startWorker());
  CompileWorkers::Options compilers;
  compilers.command = measurer->options.command;
  if (const json::Object *block = measurer->options.open.getObject("block"))
    compilers.block = *block;
  // The device may have decided it.
  if (std::optional<StringRef> target = measurer->properties.getString("target"))
    compilers.block["target"] = *target;
  compilers.jobs = measurer->options.compilers;
  compilers.seconds = measurer->options.candidateSeconds;
  measurer->compilers.emplace(std::move(compilers));
  return measurer;
}

/// Sends a request to the worker that runs. A worker that fails to answer is gone afterwards.
Result<json::Object> WorkerMeasurer::ask(json::Object request, double seconds) {
  Result<json::Value> answer = worker->ask(std::move(request), seconds);
  if (!answer) {
    worker.reset();
    ++lost;
    return std::move(answer).status();
  }
  return protocol::readAnswer(*answer);
}

/// Starts a worker and brings it to where the last one was.
Status WorkerMeasurer::startWorker() {
  MOERT_ASSIGN_OR_RETURN(Worker started, Worker::start(options.command));
  worker.emplace(std::move(started));
  MOERT_ASSIGN_OR_RETURN(properties, ask(json::Object(options.open), options.prepareSeconds));
  if (!beginning)
    return Status::ok();
  MOERT_RETURN_IF_ERROR(ask(json::Object(*beginning), options.prepareSeconds).status());
  if (!isBaselineKnown)
    return Status::ok();
  return ask(protocol::request("check", *defaults), options.candidateSeconds).status();
}

/// A failure that leaves no worker is the candidate's, unless no other worker can be had.
Result<json::Object> WorkerMeasurer::askAboutCandidate(json::Object request) {
  if (!worker)
    if (Status status = startWorker(); !status.isOk())
      return Status(StatusCode::NoDevice,
                    "no new worker after the last one was lost: " + status.message());
  Result<json::Object> answer = ask(std::move(request), options.candidateSeconds);
  if (answer || worker)
    return answer;
  if (answer.status().code() == StatusCode::Budget)
    return Status(StatusCode::Toolchain, "hangs: " + answer.status().message());
  return Status(StatusCode::Toolchain, "crashes: " + answer.status().message());
}

/// Compiles those that have not been; the failure of the last of all.
Status WorkerMeasurer::compile(std::span<const Choice> choices) {
  auto find = [&](const Choice &choice) {
    return llvm::find_if(compiled, [&](const auto &one) { return one.first == choice; });
  };
  std::vector<Choice> missing;
  for (const Choice &choice : choices)
    if (find(choice) == compiled.end() && !is_contained(missing, choice))
      missing.push_back(choice);
  std::vector<Status> statuses = compilers->compile(missing, tokens);
  for (size_t i = 0; i < missing.size(); ++i)
    compiled.emplace_back(std::move(missing[i]), std::move(statuses[i]));
  return choices.empty() ? Status::ok() : find(choices.back())->second;
}

Status WorkerMeasurer::begin(int64_t count, const Routing &routing, const Choice &choice) {
  beginning.reset();
  isBaselineKnown = false;
  tokens = count;
  compiled.clear();
  if (!worker)
    MOERT_RETURN_IF_ERROR(startWorker());
  MOERT_RETURN_IF_ERROR(compile({&choice, 1}));
  json::Object request = protocol::request("begin", choice);
  request["tokens"] = tokens;
  request["routing"] = protocol::toJson(routing);
  Result<json::Object> answer = ask(json::Object(request), options.prepareSeconds);
  if (!answer)
    return std::move(answer).status();
  beginning = std::move(request);
  defaults = choice;
  return Status::ok();
}

void WorkerMeasurer::prepare(std::span<const Choice> choices) { (void)compile(choices); }

Status WorkerMeasurer::check(const Choice &choice) {
  MOERT_RETURN_IF_ERROR(compile({&choice, 1}));
  Status status = askAboutCandidate(protocol::request("check", choice)).status();
  if (status.isOk() && choice == defaults)
    isBaselineKnown = true;
  return status;
}

Result<double> WorkerMeasurer::measure(const Choice &choice, Length length) {
  MOERT_RETURN_IF_ERROR(compile({&choice, 1}));
  json::Object request = protocol::request("measure", choice);
  request["long"] = length == Length::Long;
  MOERT_ASSIGN_OR_RETURN(json::Object answer, askAboutCandidate(std::move(request)));
  if (std::optional<double> time = answer.getNumber("us"))
    return *time;
  return Status(StatusCode::Internal, "the worker measured no time");
}

} // namespace moec
