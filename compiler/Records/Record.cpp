//===- Record.cpp - what a search found out about one block ---------------===//

#include "compiler/Records/Record.h"

#include "compiler/Support/Json.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <fmt/format.h>

using namespace llvm;
using moert::Result;
using moert::Status;
using moert::StatusCode;

namespace moec {

/// Of a record's JSON; another one is not read.
static constexpr int64_t kFormat = 1;

static StringRef toString(CombineMode mode) {
  return mode == CombineMode::Ordered ? "ordered" : "accumulate";
}

std::string RecordKey::text() const {
  return fmt::format("problem: {}\nrouting: {}\nfuse: {}\ncombine: {}\ndevice: {}\n"
                     "multiprocessors: {}\ntarget: {}\n",
                     problem, routing, fuse, toString(combine).str(), device, multiprocessors,
                     target);
}

TokenInterval intervalOf(int64_t tokens) {
  if (tokens <= 0)
    return {0, 0};
  // The power of two p with 3/4 p <= tokens < 3/2 p.
  int64_t power = int64_t(1) << Log2_64(uint64_t(tokens));
  if (2 * tokens >= 3 * power)
    power *= 2;
  return {(3 * power + 3) / 4, (3 * power - 1) / 2};
}

std::string problemText(StringRef dtype, const schedule::BlockProblem &problem) {
  std::string text = dtype.str();
  for (const schedule::MatmulProblem &matmul : problem.matmuls) {
    text += text.size() == dtype.size() ? ": " : "; ";
    text += toString(matmul);
    if (matmul.transposed && matmul.apart) // untransposed weights do not tell them apart
      text += " apart";
    if (matmul.gathered)
      text += " gathered";
    if (matmul.weighted)
      text += " weighted";
    text += fmt::format(" output_bytes={}", matmul.outputBytes);
  }
  return text;
}

json::Object toJson(const Record &record) {
  json::Array schedules;
  for (const std::string &schedule : record.schedules)
    schedules.push_back(schedule);
  return json::Object{
      {"format", kFormat},
      {"key", json::Object{{"problem", record.key.problem},
                           {"routing", record.key.routing},
                           {"fuse", record.key.fuse},
                           {"combine", toString(record.key.combine)},
                           {"device", record.key.device},
                           {"multiprocessors", record.key.multiprocessors},
                           {"target", record.key.target}}},
      {"tokens", record.tokens},
      {"fusions", toString(record.fusions)},
      {"schedules", std::move(schedules)},
      {"us", record.microseconds},
      {"default_us", record.defaultMicroseconds},
      {"ratio", record.ratio()},
      {"environment", json::Object{{"moec", record.environment.moec},
                                   {"nvrtc", record.environment.nvrtc},
                                   {"driver", record.environment.driver},
                                   {"clocks", record.environment.clocks},
                                   {"date", record.environment.date},
                                   {"effort", record.environment.effort}}}};
}

// Members that are not named are skipped: what a later version adds is for that version.

static bool fromJSON(const json::Value &value, RecordKey &key, json::Path path) {
  std::string combine;
  json::ObjectMapper map(value, path);
  if (!map || !map.map("problem", key.problem) || !map.map("routing", key.routing) ||
      !map.map("fuse", key.fuse) || !map.map("combine", combine) ||
      !map.map("device", key.device) || !map.map("multiprocessors", key.multiprocessors) ||
      !map.map("target", key.target))
    return false;
  key.combine = combine == "ordered" ? CombineMode::Ordered : CombineMode::Accumulate;
  if (combine == toString(key.combine))
    return true;
  path.field("combine").report("expected ordered or accumulate");
  return false;
}

static bool fromJSON(const json::Value &value, RecordEnvironment &environment, json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.mapOptional("moec", environment.moec) &&
         map.mapOptional("nvrtc", environment.nvrtc) &&
         map.mapOptional("driver", environment.driver) &&
         map.mapOptional("clocks", environment.clocks) &&
         map.mapOptional("date", environment.date) &&
         map.mapOptional("effort", environment.effort);
}

static bool fromJSON(const json::Value &value, Record &record, json::Path path) {
  int64_t format = 0;
  std::string fusions;
  json::ObjectMapper map(value, path);
  if (!map || !map.map("format", format))
    return false;
  if (format != kFormat) {
    path.field("format").report("expected format 1");
    return false;
  }
  if (!map.map("key", record.key) || !map.map("tokens", record.tokens) ||
      !map.map("fusions", fusions) || !map.map("schedules", record.schedules) ||
      !map.map("us", record.microseconds) || !map.map("default_us", record.defaultMicroseconds) ||
      !map.mapOptional("environment", record.environment))
    return false;
  SmallVector<StringRef> names;
  StringRef(fusions).split(names, ',');
  Result<FusionChoice> choice = parseFusions(std::vector<std::string>(names.begin(), names.end()));
  if (!choice) {
    path.field("fusions").report("expected fusions");
    return false;
  }
  record.fusions = *choice;
  return true;
}

static Status invalid(Error error) {
  return Status(StatusCode::InvalidInput, toString(std::move(error)));
}

static Status wrong(StringRef member, StringRef expected, const std::string &got) {
  return Status(StatusCode::InvalidInput, fmt::format("expected {} at record.{}, but got {}",
                                                      expected.str(), member.str(), got));
}

static bool isControl(unsigned char c) { return c < 0x20 || c == 0x7f; }

/// Texts are compared, printed and lines of a key.
static Status checkText(StringRef member, StringRef text, bool mayBeEmpty = false) {
  if (text.empty() ? mayBeEmpty : none_of(text, isControl))
    return Status::ok();
  return wrong(member, text.empty() ? "a text" : "a text of one line",
               formatv("{0}", json::Value(json::fixUTF8(text))).str());
}

static Status checkTime(StringRef member, double microseconds) {
  if (microseconds >= 1e-3 && microseconds <= 1e12)
    return Status::ok();
  return wrong(member, "a time from 0.001 to 1e+12", fmt::format("{:g}", microseconds));
}

/// Products are told apart by ';' (problemText).
static Status checkSchedules(const Record &record) {
  size_t products = size_t(llvm::count(record.key.problem, ';')) + 1;
  if (!record.schedules.empty() && record.schedules.size() != products)
    return wrong("schedules", fmt::format("none or one for each of {} products", products),
                 std::to_string(record.schedules.size()));
  for (const std::string &schedule : record.schedules) {
    MOERT_RETURN_IF_ERROR(checkText("schedules", schedule));
    if (StringRef(schedule).contains(';')) // begins the schedule of another product
      return wrong("schedules", "one schedule for each product", "'" + schedule + "'");
  }
  return Status::ok();
}

/// What a search was told to keep to.
static Status checkRestriction(const std::string &fuse) {
  MOERT_RETURN_IF_ERROR(checkText("key.fuse", fuse));
  SmallVector<StringRef> names;
  StringRef(fuse).split(names, ',');
  if (fuse == "any" || parseFusions(std::vector<std::string>(names.begin(), names.end())))
    return Status::ok();
  return wrong("key.fuse", "any or fusions", "'" + fuse + "'");
}

static Status checkValues(const Record &record) {
  const RecordKey &key = record.key;
  const RecordEnvironment &environment = record.environment;
  MOERT_RETURN_IF_ERROR(checkText("key.problem", key.problem));
  MOERT_RETURN_IF_ERROR(checkText("key.routing", key.routing));
  MOERT_RETURN_IF_ERROR(checkRestriction(key.fuse));
  MOERT_RETURN_IF_ERROR(checkText("key.device", key.device));
  MOERT_RETURN_IF_ERROR(checkText("key.target", key.target));
  if (key.multiprocessors < 1)
    return wrong("key.multiprocessors", "a number from 1 on", std::to_string(key.multiprocessors));
  if (record.tokens < 1 || record.tokens > kMaxRecordTokens)
    return wrong("tokens", fmt::format("a count from 1 to {}", kMaxRecordTokens),
                 std::to_string(record.tokens));
  MOERT_RETURN_IF_ERROR(checkTime("us", record.microseconds));
  MOERT_RETURN_IF_ERROR(checkTime("default_us", record.defaultMicroseconds));
  if (record.microseconds > record.defaultMicroseconds)
    return wrong("us", fmt::format("at most default_us, {:g}", record.defaultMicroseconds),
                 fmt::format("{:g}", record.microseconds));
  MOERT_RETURN_IF_ERROR(checkSchedules(record));
  for (const std::string *text : {&environment.moec, &environment.nvrtc, &environment.driver,
                                  &environment.clocks, &environment.date, &environment.effort})
    MOERT_RETURN_IF_ERROR(checkText("environment", *text, /*mayBeEmpty=*/true));
  return Status::ok();
}

Result<Record> recordFromJson(const json::Value &value) {
  Record record;
  json::Path::Root root("record");
  if (!fromJSON(value, record, root))
    return invalid(root.getError());
  MOERT_RETURN_IF_ERROR(checkValues(record));
  return record;
}

std::string recordsToText(ArrayRef<Record> records) {
  json::Array array;
  for (const Record &record : records)
    array.push_back(toJson(record));
  return formatv("{0:2}\n", json::Value(json::Object{{"records", std::move(array)}})).str();
}

Result<std::vector<Record>> recordsFromText(StringRef text) {
  MOERT_ASSIGN_OR_RETURN(json::Value value, parseJson(text));
  json::Array *array = value.getAsObject() ? value.getAsObject()->getArray("records") : nullptr;
  if (!array)
    return Status(StatusCode::InvalidInput, "expects an object with an array 'records'");
  std::vector<Record> records;
  for (const json::Value &element : *array) {
    MOERT_ASSIGN_OR_RETURN(Record record, recordFromJson(element));
    records.push_back(std::move(record));
  }
  return records;
}

} // namespace moec
