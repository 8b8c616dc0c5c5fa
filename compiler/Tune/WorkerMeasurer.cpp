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
  CompileWorkers::Options compilers;
  compilers.command = measurer->options.command;
  if (const json::Object *block = measurer->options.open.getObject("block"))
    compilers.block = *block;
  compilers.jobs = measurer->options.compilers;
  compilers.seconds = measurer->options.candidateSeconds;
  measurer->compilers.emplace(std::move(compilers));
  MOERT_RETURN_IF_ERROR(measurer->startWorker());
  // The device may have decided it.
  if (std::optional<StringRef> target = measurer->properties.getString("target"))
    measurer->compilers->setTarget(*target);
  return measurer;
}

/// Waits for the answer of the worker that runs; compilers do not wait with it.
Result<json::Value> WorkerMeasurer::hear(double seconds) {
  using Clock = CompileWorkers::Clock;
  Clock::time_point deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                                  std::chrono::duration<double>(seconds));
  for (;;) {
    MOERT_ASSIGN_OR_RETURN(std::optional<json::Value> answer, worker->receive());
    if (answer)
      return *std::move(answer);
    if (Clock::now() >= deadline)
      return Status(StatusCode::Budget, fmt::format("no answer within {:g} s", seconds));
    compilers->sleep(worker->descriptor(), deadline);
  }
}

/// The next request starts another one.
void WorkerMeasurer::loseWorker() {
  worker.reset();
  ++lost;
}

/// A worker that fails to answer is gone afterwards. `isSent`: it has the request already.
Result<json::Object> WorkerMeasurer::ask(json::Object request, double seconds, bool isSent) {
  Status sent = isSent ? Status::ok() : worker->send(std::move(request));
  Result<json::Value> answer = sent.isOk() ? hear(seconds) : Result<json::Value>(std::move(sent));
  if (!answer) {
    loseWorker();
    return std::move(answer).status();
  }
  return protocol::readAnswer(*answer);
}

/// Starts a worker and brings it to where the last one was.
Status WorkerMeasurer::startWorker() {
  MOERT_ASSIGN_OR_RETURN(Worker started, Worker::start(options.command));
  worker.emplace(std::move(started));
  MOERT_ASSIGN_OR_RETURN(properties, ask(json::Object(options.open), options.prepareSeconds));
  if (!areInputsThere)
    return Status::ok();
  MOERT_RETURN_IF_ERROR(sendInputs());
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

void WorkerMeasurer::prepare(std::span<const Choice> choices) {
  std::vector<Choice> missing;
  for (const Choice &choice : choices)
    if (none_of(prepared, [&](const auto &one) { return one.first == choice; }) &&
        !is_contained(missing, choice))
      missing.push_back(choice);
  if (missing.empty())
    return;
  CompileWorkers::Number number = compilers->add(missing, tokens);
  for (Choice &choice : missing)
    prepared.emplace_back(std::move(choice), number++);
}

bool WorkerMeasurer::isBuilt(const Choice &choice) {
  compilers->sleep(-1, CompileWorkers::Clock::now()); // hears of those that are done
  return any_of(prepared, [&](const auto &one) {
    return one.first == choice && compilers->isDone(one.second);
  });
}

void WorkerMeasurer::waitForBuild(const Choice &choice, const std::function<bool()> &isEnough) {
  compilers->waitFor(numberOf(choice), isEnough);
}

void WorkerMeasurer::waitForBuilds(const std::function<bool()> &isEnough) {
  compilers->waitForAll(isEnough);
}

void WorkerMeasurer::abandon() {
  erase_if(prepared, [&](const auto &one) { return !compilers->isDone(one.second); });
  compilers->abandon();
}

/// What a candidate is known by to the compilers, which it is given to where it was not.
CompileWorkers::Number WorkerMeasurer::numberOf(const Choice &choice) {
  prepare({&choice, 1});
  return find_if(prepared, [&](const auto &one) { return one.first == choice; })->second;
}

/// Until a candidate is compiled; why it cannot be.
Status WorkerMeasurer::waitForCompiler(const Choice &choice) {
  return compilers->wait(numberOf(choice));
}

void WorkerMeasurer::aimAt(int64_t count, const Routing &routing, size_t sets,
                           const Choice &choice) {
  areInputsThere = isBaselineKnown = false;
  compilers->abandon(); // the last search's, before which this one's would have to wait
  if (std::exchange(isAiming, false)) // for another aim, which nobody needs any more
    (void)ask({}, options.prepareSeconds, /*isSent=*/true);
  tokens = count;
  prepared.clear();
  defaults = choice;
  aim = json::Object{{"op", "aim"},
                     {"tokens", tokens},
                     {"routing", protocol::toJson(routing)},
                     {"sets", int64_t(sets)}};
  // The worker begins now, and the default's compiler; what else is to be compiled takes the caller
  // a while to choose. Where a worker is gone meanwhile, `begin` asks another one.
  isAiming = worker && worker->send(json::Object(aim)).isOk();
  if (worker && !isAiming)
    loseWorker();
  prepare({&choice, 1});
}

/// Has the worker make the inputs, while the default is compiled, and upload them.
Status WorkerMeasurer::sendInputs() {
  bool isSent = std::exchange(isAiming, false);
  MOERT_RETURN_IF_ERROR(ask(json::Object(aim), options.prepareSeconds, isSent).status());
  MOERT_RETURN_IF_ERROR(waitForCompiler(*defaults));
  return ask(protocol::request("begin", *defaults), options.prepareSeconds).status();
}

Status WorkerMeasurer::begin() {
  if (!worker)
    MOERT_RETURN_IF_ERROR(startWorker());
  MOERT_RETURN_IF_ERROR(sendInputs());
  areInputsThere = true;
  return Status::ok();
}

Status WorkerMeasurer::check(const Choice &choice) {
  MOERT_RETURN_IF_ERROR(waitForCompiler(choice));
  Status status = askAboutCandidate(protocol::request("check", choice)).status();
  if (status.isOk() && choice == defaults)
    isBaselineKnown = true;
  return status;
}

Result<double> WorkerMeasurer::measure(const Choice &choice, Purpose purpose) {
  MOERT_RETURN_IF_ERROR(waitForCompiler(choice));
  // Busy cores keep replays waiting now and then, and the device rests meanwhile: good enough to
  // drop most candidates.
  if (purpose == Purpose::Race)
    compilers->waitForAll();
  MOERT_ASSIGN_OR_RETURN(json::Object answer,
                         askAboutCandidate(protocol::request("measure", choice)));
  if (std::optional<double> time = answer.getNumber("us"))
    return *time;
  return Status(StatusCode::Internal, "the worker measured no time");
}

} // namespace moec
