//===- ServeTuning.cpp - the worker of a search -----------------------------===//

#include "compiler/Tune/CudaMeasurer.h"
#include "compiler/Tune/WorkerProtocol.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

#include <csignal>
#include <iostream>
#include <optional>
#include <string>

#include <sys/prctl.h>

using namespace llvm;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

namespace {

class Server {
public:
  json::Object answer(const json::Object &request);

private:
  Result<json::Object> open(const json::Object &request);
  Status begin(const json::Object &request);
  Status prepare(const json::Object &request);
  Result<json::Object> handle(const json::Object &request);

  std::optional<MoeBlock> block;
  std::unique_ptr<CudaMeasurer> measurer;
};

} // namespace

static std::string text(const json::Object &request, StringRef name) {
  return request.getString(name).value_or("").str();
}

Result<json::Object> Server::open(const json::Object &request) {
  MOERT_ASSIGN_OR_RETURN(MoeBlock parsed,
                         MoeBlock::parse(text(request, "source"), text(request, "name"), errs()));
  block.emplace(std::move(parsed));
  CudaMeasurer::Options options;
  options.target = text(request, "target");
  options.jobs = unsigned(request.getInteger("jobs").value_or(0));
  options.seed = uint64_t(request.getInteger("seed").value_or(0));
  options.logitsArgument = size_t(request.getInteger("logits_argument").value_or(0));
  options.topK = request.getInteger("top_k").value_or(1);
  if (request.getBoolean("use_cache").value_or(false)) {
    MOERT_ASSIGN_OR_RETURN(moert::CacheOptions cache, moert::cacheOptionsFromEnvironment());
    cache.directory = text(request, "cache");
    options.cache = std::make_shared<CachedCompiler>(moert::Cache::open(std::move(cache)));
  }
  MOERT_ASSIGN_OR_RETURN(measurer, CudaMeasurer::create(*block, options));
  const moert::cuda::DeviceProperties &device = measurer->device();
  json::Object answer = protocol::answer(Status::ok());
  answer["device"] = device.name;
  answer["multiprocessors"] = int64_t(device.smCount);
  answer["driver"] = int64_t(device.driverVersion);
  answer["clock_ghz"] = device.smClockGHz;
  answer["memory_clock_ghz"] = device.memoryClockGHz;
  answer["target"] = measurer->target();
  return answer;
}

Status Server::begin(const json::Object &request) {
  MOERT_ASSIGN_OR_RETURN(Choice choice, protocol::choiceFromJson(request.getObject("choice")));
  MOERT_ASSIGN_OR_RETURN(Routing routing, protocol::routingFromJson(request.getObject("routing")));
  return measurer->begin(request.getInteger("tokens").value_or(0), routing, choice);
}

Status Server::prepare(const json::Object &request) {
  std::vector<Choice> choices;
  if (const json::Array *array = request.getArray("choices"))
    for (const json::Value &value : *array) {
      MOERT_ASSIGN_OR_RETURN(Choice choice, protocol::choiceFromJson(value.getAsObject()));
      choices.push_back(std::move(choice));
    }
  measurer->prepare(choices);
  return Status::ok();
}

Result<json::Object> Server::handle(const json::Object &request) {
  std::string operation = text(request, "op");
  if (operation == "open")
    return open(request);
  if (!measurer)
    return Status(StatusCode::Internal, "expects 'open' first");
  if (operation == "begin")
    return protocol::answer(begin(request));
  if (operation == "prepare")
    return protocol::answer(prepare(request));
  MOERT_ASSIGN_OR_RETURN(Choice choice, protocol::choiceFromJson(request.getObject("choice")));
  if (operation == "check")
    return protocol::answer(measurer->check(choice));
  if (operation != "measure")
    return Status(StatusCode::Internal, "expects a known request, but got '" + operation + "'");
  MOERT_ASSIGN_OR_RETURN(double time,
                         measurer->measure(choice, request.getBoolean("long").value_or(false)
                                                       ? Measurer::Length::Long
                                                       : Measurer::Length::Short));
  json::Object answer = protocol::answer(Status::ok());
  answer["us"] = time;
  return answer;
}

json::Object Server::answer(const json::Object &request) {
  Result<json::Object> result = handle(request);
  return result ? *std::move(result) : protocol::answer(result.status());
}

int serveTuning() {
  // A kernel that never ends keeps this process from seeing that its parent is gone.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  Server server;
  std::string line;
  while (std::getline(std::cin, line)) {
    Expected<json::Value> request = json::parse(line);
    const json::Object *object = request ? request->getAsObject() : nullptr;
    json::Object answer =
        object ? server.answer(*object)
               : protocol::answer(Status(StatusCode::Internal, "expects an object a line"));
    if (!request)
      consumeError(request.takeError());
    outs() << formatv("{0}\n", json::Value(std::move(answer)));
    outs().flush();
  }
  return 0;
}

} // namespace moec
