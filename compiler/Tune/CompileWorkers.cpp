//===- CompileWorkers.cpp - processes that compile candidates ---------------===//

#include "compiler/Tune/CompileWorkers.h"

#include "compiler/Tune/WorkerProtocol.h"

#include "llvm/ADT/ArrayRef.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include <poll.h>

using namespace llvm;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

CompileWorkers::CompileWorkers(Options given) : options(std::move(given)) {
  if (options.jobs == 0)
    options.jobs = std::max(1u, std::thread::hardware_concurrency());
}

/// Gives the slot a candidate. A worker that went away while it had nothing to do is replaced.
Status CompileWorkers::begin(Slot &slot, const json::Object &request) {
  slot.deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                     std::chrono::duration<double>(options.seconds));
  if (slot.worker && slot.worker->send(json::Object(request)).isOk())
    return Status::ok();
  slot.worker.reset();
  MOERT_ASSIGN_OR_RETURN(Worker started, Worker::start(options.command));
  slot.worker.emplace(std::move(started));
  return slot.worker->send(json::Object(request));
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

/// Sleeps until a worker has something to say or has had all its time.
void CompileWorkers::wait() const {
  std::vector<pollfd> descriptors;
  Clock::time_point first = Clock::time_point::max();
  for (const Slot &slot : slots)
    if (slot.choice) {
      descriptors.push_back({slot.worker->descriptor(), POLLIN, 0});
      first = std::min(first, slot.deadline);
    }
  if (descriptors.empty())
    return;
  auto left = std::chrono::ceil<std::chrono::milliseconds>(first - Clock::now());
  ::poll(descriptors.data(), descriptors.size(), std::max(0, int(left.count())));
}

std::vector<Status> CompileWorkers::compile(std::span<const Choice> choices, int64_t tokens) {
  std::vector<Status> results(choices.size());
  size_t workers = std::min<size_t>(options.jobs, choices.size());
  if (slots.size() < workers)
    slots.resize(workers);
  json::Object request{{"op", "compile"},
                       {"block", json::Object(options.block)},
                       {"tokens", tokens},
                       // Where there are fewer candidates than jobs, their kernels share the rest.
                       {"jobs", int64_t(options.jobs / std::max<size_t>(workers, 1))}};
  size_t next = 0, done = 0;
  auto finish = [&](Slot &slot, Status status) {
    results[*slot.choice] = std::move(status);
    slot.choice.reset();
    ++done;
  };
  while (done < choices.size()) {
    for (Slot &slot : MutableArrayRef(slots).take_front(workers))
      while (!slot.choice && next < choices.size()) {
        slot.choice = next++;
        request["choice"] = protocol::toJson(choices[*slot.choice]);
        if (Status status = begin(slot, request); !status.isOk())
          finish(slot, std::move(status));
      }
    wait();
    for (Slot &slot : slots)
      if (slot.choice)
        if (std::optional<Status> status = outcome(slot))
          finish(slot, *std::move(status));
  }
  return results;
}

} // namespace moec
