//===- WorkerProtocol.cpp - what a search says to its worker ----------------===//

#include "compiler/Tune/WorkerProtocol.h"

#include "llvm/ADT/SmallVector.h"

using namespace llvm;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec::protocol {

json::Object toJson(const Choice &choice) {
  json::Array schedules;
  for (const std::string &schedule : choice.schedules)
    schedules.push_back(schedule);
  return json::Object{{"fusions", toString(choice.fusions)},
                      {"accumulate", choice.combine == CombineMode::Accumulate},
                      {"schedules", std::move(schedules)}};
}

Result<Choice> choiceFromJson(const json::Object *object) {
  const json::Array *schedules = object ? object->getArray("schedules") : nullptr;
  std::optional<StringRef> fusions = object ? object->getString("fusions") : std::nullopt;
  std::optional<bool> accumulate = object ? object->getBoolean("accumulate") : std::nullopt;
  if (!schedules || !fusions || !accumulate)
    return Status(StatusCode::Internal, "expects a choice with fusions, accumulate and schedules");
  Choice choice;
  SmallVector<StringRef> names;
  fusions->split(names, ',');
  MOERT_ASSIGN_OR_RETURN(choice.fusions,
                         parseFusions(std::vector<std::string>(names.begin(), names.end())));
  choice.combine = *accumulate ? CombineMode::Accumulate : CombineMode::Ordered;
  for (const json::Value &schedule : *schedules)
    choice.schedules.push_back(schedule.getAsString().value_or("").str());
  return choice;
}

json::Object toJson(const Routing &routing) {
  if (routing.kind != Routing::Kind::Histogram)
    return json::Object{{"text", toString(routing)}};
  return json::Object{{"histogram", moec::toJson(routing.histogram)},
                      {"path", json::fixUTF8(routing.histogram.path)}};
}

Result<Routing> routingFromJson(const json::Object *object) {
  if (!object)
    return Status(StatusCode::Internal, "expects a routing");
  const json::Value *content = object->get("histogram");
  if (!content)
    return parseRouting(object->getString("text").value_or(""));
  Routing routing{Routing::Kind::Histogram};
  MOERT_ASSIGN_OR_RETURN(routing.histogram,
                         histogramFromJson(*content, object->getString("path").value_or("").str()));
  return routing;
}

json::Object request(StringRef operation, const Choice &choice) {
  return json::Object{{"op", operation}, {"choice", toJson(choice)}};
}

Result<json::Object> readAnswer(const json::Value &value) {
  const json::Object *object = value.getAsObject();
  std::optional<int64_t> code = object ? object->getInteger("code") : std::nullopt;
  if (!code)
    return Status(StatusCode::Internal, "expects an answer with a code");
  if (*code == 0)
    return *object;
  return Status(StatusCode(int(*code)), object->getString("message").value_or("").str());
}

json::Object answer(const Status &status) {
  json::Object object{{"code", int64_t(status.code())}};
  if (!status.isOk())
    object["message"] = json::fixUTF8(status.message());
  return object;
}

} // namespace moec::protocol
