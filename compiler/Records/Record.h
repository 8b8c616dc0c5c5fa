//===- Record.h - what a search found out about one block -----------------===//
//
// The result of one search: which block at how many tokens on which device, how it was built
// fastest, and how much faster that is. What a record is found by must agree exactly; the
// environment it was measured in is told, but a newer driver does not make it useless.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_COMPILER_RECORDS_RECORD_H
#define MOEC_COMPILER_RECORDS_RECORD_H

#include "compiler/Pipelines/Pipelines.h"
#include "compiler/Schedule/Problem.h"

#include "llvm/Support/JSON.h"

#include <optional>

namespace moec {

/// What must agree, apart from the token count.
struct RecordKey {
  std::string problem; ///< problemText() of the block with all fusions
  std::string routing; ///< "uniform"
  /// Fusions that the search was told to keep to, as `--fuse` takes them; "any": it chose.
  std::string fuse = "any";
  CombineMode combine = CombineMode::Ordered;
  std::string device; ///< "NVIDIA H200"
  int64_t multiprocessors = 0;
  std::string target; ///< "sm_90a"

  bool operator==(const RecordKey &) const = default;
  /// Lines "name: value" of everything above.
  std::string text() const;
};

/// What is only told.
struct RecordEnvironment {
  std::string moec, nvrtc;
  std::string driver; ///< the CUDA version that it supports
  std::string clocks; ///< peaks, of the multiprocessors and the memory
  std::string date;   ///< UTC, "2026-01-31T12:00:00Z"
  std::string effort; ///< "quick", "full, stopped early", or what else found it
};

struct Record {
  RecordKey key;
  RecordEnvironment environment;
  int64_t tokens = 0; ///< measured at
  FusionChoice fusions;
  std::vector<std::string> schedules; ///< of each grouped matmul; none: the default ones stay
  double microseconds = 0, defaultMicroseconds = 0;

  double ratio() const { return microseconds / defaultMicroseconds; }
};

/// The last count whose interval ends within i32, which numbers tokens and rows.
inline constexpr int64_t kMaxRecordTokens = (int64_t{3} << 29) - 1;

/// The token counts that what was measured at `tokens` stands for: those nearer to the same power
/// of two than to another one, [3/4 of it, 3/2 of it). Two counts have one interval or none in
/// common.
struct TokenInterval {
  int64_t first = 0, last = 0; ///< inclusive
  bool operator==(const TokenInterval &) const = default;
  bool contains(int64_t tokens) const { return tokens >= first && tokens <= last; }
};
/// For at most kMaxRecordTokens.
TokenInterval intervalOf(int64_t tokens);

/// The grouped matmuls of a block as one line, "bf16: experts=8 columns=...; experts=8 ...".
std::string problemText(llvm::StringRef dtype, const schedule::BlockProblem &problem);

llvm::json::Object toJson(const Record &record);
/// InvalidInput where a member is missing, of another type or version, or has a value that no
/// search leaves.
moert::Result<Record> recordFromJson(const llvm::json::Value &value);

/// A file of several records, as `moec cache export-records` writes it.
std::string recordsToText(llvm::ArrayRef<Record> records);
moert::Result<std::vector<Record>> recordsFromText(llvm::StringRef text);

} // namespace moec

#endif // MOEC_COMPILER_RECORDS_RECORD_H
