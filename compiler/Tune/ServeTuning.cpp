//===- ServeTuning.cpp - the workers of a search ----------------------------===//

#include "compiler/Tune/CudaMeasurer.h"
#include "compiler/Tune/WorkerProtocol.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/raw_ostream.h"

#include <fmt/format.h>

#include <csignal>
#include <iostream>
#include <optional>
#include <string>

#include <sys/prctl.h>
#include <sys/resource.h>

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
  Status openBlock(const json::Object &request);
  Result<json::Object> open(const json::Object &request);
  Status aimAt(const json::Object &request);
  Status compile(const json::Object &request);
  Result<json::Object> handle(const json::Object &request);

  std::optional<MoeBlock> block;
  std::string target; ///< empty: that of the device
  std::shared_ptr<CachedCompiler> cache;
  std::unique_ptr<CudaMeasurer> measurer; ///< null in a worker that compiles
};

} // namespace

static std::string text(const json::Object &request, StringRef name) {
  return request.getString(name).value_or("").str();
}

static unsigned jobsOf(const json::Object &request) {
  return unsigned(request.getInteger("jobs").value_or(0));
}

/// Opens the cache and parses the block.
Status Server::openBlock(const json::Object &request) {
  const json::Object *what = request.getObject("block");
  if (!what)
    return Status(StatusCode::Internal, "expects a block");
  MOERT_ASSIGN_OR_RETURN(moert::CacheOptions options, moert::cacheOptionsFromEnvironment());
  target = text(*what, "target");
  options.directory = text(*what, "cache");
  if (!what->getBoolean("use_layers").value_or(false))
    options.layers.clear();
  cache = std::make_shared<CachedCompiler>(moert::Cache::open(std::move(options)));
  MOERT_ASSIGN_OR_RETURN(MoeBlock parsed,
                         MoeBlock::parse(text(*what, "source"), text(*what, "name"), errs()));
  block.emplace(std::move(parsed));
  return Status::ok();
}

Result<json::Object> Server::open(const json::Object &request) {
  MOERT_RETURN_IF_ERROR(openBlock(request));
  CudaMeasurer::Options options;
  options.target = target;
  options.jobs = jobsOf(request);
  options.seed = uint64_t(request.getInteger("seed").value_or(0));
  options.logitsArgument = size_t(request.getInteger("logits_argument").value_or(0));
  options.topK = request.getInteger("top_k").value_or(1);
  options.cache = cache;
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

/// Puts the kernels of a choice into the cache.
Status Server::compile(const json::Object &request) {
  if (!block) {
    // The process that measures must not wait for a core.
    (void)::setpriority(PRIO_PROCESS, 0, int(request.getInteger("niceness").value_or(0)));
    MOERT_RETURN_IF_ERROR(openBlock(request));
  }
  MOERT_ASSIGN_OR_RETURN(Choice choice, protocol::choiceFromJson(request.getObject("choice")));
  KernelBuilder builder(*block, target, jobsOf(request), cache);
  return builder.build(std::span(&choice, 1), request.getInteger("tokens").value_or(0))
      .front()
      .status();
}

Status Server::aimAt(const json::Object &request) {
  MOERT_ASSIGN_OR_RETURN(Routing routing, protocol::routingFromJson(request.getObject("routing")));
  return measurer->aimAt(request.getInteger("tokens").value_or(0), routing,
                         size_t(std::max<int64_t>(request.getInteger("sets").value_or(1), 1)));
}

Result<json::Object> Server::handle(const json::Object &request) {
  std::string operation = text(request, "op");
  if (operation == "open")
    return open(request);
  if (operation == "compile")
    return protocol::answer(compile(request));
  if (!measurer)
    return Status(StatusCode::Internal, "expects 'open' first");
  if (operation == "aim")
    return protocol::answer(aimAt(request));
  MOERT_ASSIGN_OR_RETURN(Choice choice, protocol::choiceFromJson(request.getObject("choice")));
  if (operation == "begin")
    return protocol::answer(measurer->begin(choice));
  if (operation == "check")
    return protocol::answer(measurer->check(choice));
  if (operation != "measure")
    return Status(StatusCode::Internal, "expects a known request, but got '" + operation + "'");
  MOERT_ASSIGN_OR_RETURN(double time, measurer->measure(choice, Measurer::Purpose::Race));
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
  // How a candidate took it down is the search's to tell, in one line.
  sys::unregisterHandlers();
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
