//===- Rows.cpp - the trials of a search that may be interrupted ------------===//

#include "compiler/Tune/Rows.h"

#include "compiler/Tune/WorkerProtocol.h"
#include "runtime/Cache/Directory.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"

#include <fstream>

using namespace llvm;
using moert::Result;

namespace moec {

/// Nothing where the line is no row.
static std::optional<Trial> readRow(StringRef line) {
  Expected<json::Value> value = json::parse(line);
  if (!value) {
    consumeError(value.takeError());
    return std::nullopt;
  }
  const json::Object *row = value->getAsObject();
  if (!row)
    return std::nullopt;
  Result<Choice> choice = protocol::choiceFromJson(row->getObject("choice"));
  Trial trial;
  trial.microseconds = row->getNumber("us").value_or(0);
  trial.ratio = row->getNumber("ratio").value_or(0);
  trial.rejected = row->getString("rejected").value_or("").str();
  if (!choice || (trial.rejected.empty() && !(trial.microseconds > 0 && trial.ratio > 0)))
    return std::nullopt;
  trial.choice = *std::move(choice);
  return trial;
}

Rows::Rows(std::filesystem::path path, bool resume) : path(std::move(path)) {
  if (!resume) {
    remove();
    return;
  }
  std::ifstream file(this->path);
  for (std::string line; std::getline(file, line);)
    if (std::optional<Trial> trial = readRow(line))
      known.push_back(*std::move(trial));
}

const Trial *Rows::find(const Choice &choice) const {
  auto found = find_if(known, [&](const Trial &trial) { return trial.choice == choice; });
  return found == known.end() ? nullptr : &*found;
}

void Rows::append(const Trial &trial) const {
  if (find(trial.choice))
    return;
  json::Object row{{"choice", protocol::toJson(trial.choice)}};
  if (trial.rejected.empty()) {
    row["us"] = trial.microseconds;
    row["ratio"] = trial.ratio;
  } else {
    row["rejected"] = json::fixUTF8(trial.rejected);
  }
  // The folder is that of the records: as they make it.
  if (!moert::makeCacheFolders(path.parent_path()).isOk())
    return;
  std::ofstream(path, std::ios::app) << formatv("\n{0}\n", json::Value(std::move(row))).str();
}

void Rows::remove() const {
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
}

} // namespace moec
