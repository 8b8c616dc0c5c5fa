//===- CompileWorkers.cpp - processes that compile candidates ---------------===//

#include "compiler/Tune/CompileWorkers.h"

#include "compiler/Tune/WorkerProtocol.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include <poll.h>

using namespace llvm;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

/// Of the first worker, which gets what everything waits for, and of the others: whoever measures
/// goes before both.
static constexpr int kFirstNiceness = 2, kNiceness = 15;
/// How often whoever waits is asked whether that is long enough.
static constexpr std::chrono::milliseconds kPatience{50};

CompileWorkers::CompileWorkers(Options given) : options(std::move(given)) {
  if (options.jobs == 0)
    options.jobs = std::max(1u, std::thread::hardware_concurrency());
  slots.resize(options.jobs);
}

/// A worker that does not take what it is given is gone, and so is not kept.
Status CompileWorkers::send(Slot &slot, json::Object request) {
  Status sent = slot.worker->send(std::move(request));
  if (!sent.isOk())
    slot.worker.reset();
  return sent;
}

/// Gives the slot a candidate. A worker that went away while it had nothing to do is replaced.
Status CompileWorkers::begin(Slot &slot, const json::Object &request) {
  slot.deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                     std::chrono::duration<double>(options.seconds));
  if (slot.worker && send(slot, request).isOk())
    return Status::ok();
  MOERT_ASSIGN_OR_RETURN(Worker started, Worker::start(options.command));
  slot.worker.emplace(std::move(started));
  json::Object first(request);
  first["niceness"] = &slot == slots.data() ? kFirstNiceness : kNiceness;
  return send(slot, std::move(first));
}

/// What became of the slot's candidate; nothing while its worker is busy with it.
std::optional<Status> CompileWorkers::outcome(Slot &slot) {
  Result<std::optional<json::Value>> answer = slot.worker->receive();
  if (answer && *answer)
    return protocol::readAnswer(**answer).status();
  if (answer && Clock::now() < slot.deadline)
    return std::nullopt;
  slot.worker.reset();
  return Status(StatusCode::Toolchain,
                answer ? fmt::format("hangs the compiler: no answer within {:g} s", options.seconds)
                       : "crashes the compiler: " + answer.status().message());
}

void CompileWorkers::finish(Slot &slot, Status status) {
  jobs[*slot.number].outcome = std::move(status);
  slot.number.reset();
}

/// Gives idle workers what is to be compiled.
void CompileWorkers::handOut() {
  for (Slot &slot : slots)
    while (!slot.number && next < jobs.size()) {
      slot.number = next++;
      if (Status status = begin(slot, jobs[*slot.number].request); !status.isOk())
        finish(slot, std::move(status));
    }
}

/// Takes what workers have to say.
void CompileWorkers::collect() {
  for (Slot &slot : slots)
    if (slot.number)
      if (std::optional<Status> status = outcome(slot))
        finish(slot, *std::move(status));
}

CompileWorkers::Number CompileWorkers::add(std::span<const Choice> choices, int64_t tokens) {
  Number first = jobs.size();
  for (const Choice &choice : choices)
    jobs.push_back(
        {json::Object{{"op", "compile"},
                      {"block", json::Object(options.block)},
                      {"tokens", tokens},
                      {"jobs", int64_t(std::max<size_t>(1, options.jobs / choices.size()))},
                      {"choice", protocol::toJson(choice)}},
         std::nullopt});
  collect();
  handOut();
  return first;
}

void CompileWorkers::sleep(int descriptor, Clock::time_point deadline) {
  std::vector<pollfd> descriptors;
  if (descriptor >= 0)
    descriptors.push_back({descriptor, POLLIN, 0});
  for (const Slot &slot : slots)
    if (slot.number) {
      descriptors.push_back({slot.worker->descriptor(), POLLIN, 0});
      deadline = std::min(deadline, slot.deadline);
    }
  auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  ::poll(descriptors.data(), descriptors.size(), std::max(0, int(left.count())));
  collect();
  handOut();
}

Status CompileWorkers::wait(Number number) {
  waitFor(number, [] { return false; });
  return *jobs[number].outcome;
}

void CompileWorkers::waitFor(Number number, const std::function<bool()> &isEnough) {
  while (!isDone(number) && !isEnough())
    sleep(-1, Clock::now() + kPatience);
}

void CompileWorkers::abandon() {
  auto givenUp = [] { return Status(StatusCode::Toolchain, "was given up"); };
  for (Slot &slot : slots)
    if (slot.number) {
      finish(slot, givenUp());
      slot.worker.reset();
    }
  for (; next < jobs.size(); ++next)
    jobs[next].outcome = givenUp();
}

void CompileWorkers::waitForAll(const std::function<bool()> &isEnough) {
  for (Number number = 0; number < jobs.size(); ++number)
    waitFor(number, isEnough);
}

} // namespace moec
