//===- Buckets.cpp - which variants a block gets --------------------------===//

#include "compiler/Schedule/Schedule.h"
#include "compiler/Schedule/Tables.h"

#include <algorithm>
#include <cmath>

using namespace mlir;

namespace moec::schedule {

using kernel::TargetAttr;

/// Buckets of the rows of the matmul table; the least T above each is the next one's.
static std::vector<Bucket> getMatmulBuckets(const BlockProblem &problem, TargetAttr target) {
  std::vector<Bucket> buckets;
  ArrayRef<MatmulRow> table = getMatmulTable(target);
  int64_t next = 0;
  for (auto [index, row] : llvm::enumerate(table)) {
    bool last = problem.matmuls.empty() || index + 1 == table.size();
    int64_t max = -1;
    if (!last) {
      max = static_cast<int64_t>(std::floor(row.meanRows * problem.experts / problem.rowsPerToken));
      if (max < next)
        continue;
    }
    Bucket bucket;
    bucket.minTokens = next;
    bucket.maxTokens = max;
    bucket.matmulRow = index;
    buckets.push_back(bucket);
    if (last)
      break;
    next = max + 1;
  }
  return buckets;
}

/// Makes each range a bucket of its own, with the table's row of its first T.
static std::vector<Bucket> divide(std::vector<Bucket> buckets, ArrayRef<TokenRange> ranges) {
  for (const TokenRange &range : ranges) {
    std::vector<Bucket> parts;
    for (const Bucket &bucket : buckets) {
      bool isLast = bucket.maxTokens == -1;
      Bucket before = bucket, inside = bucket, after = bucket;
      before.maxTokens = isLast ? range.first - 1 : std::min(bucket.maxTokens, range.first - 1);
      inside.minTokens = range.first;
      inside.maxTokens = range.last;
      after.minTokens = std::max(bucket.minTokens, range.last + 1);
      if (before.minTokens <= before.maxTokens)
        parts.push_back(before);
      if (bucket.minTokens <= range.first && (isLast || range.first <= bucket.maxTokens))
        parts.push_back(inside);
      if (isLast || after.minTokens <= after.maxTokens)
        parts.push_back(after);
    }
    buckets = std::move(parts);
  }
  return buckets;
}

/// Whether two buckets run the same kernels.
static bool runsAlike(const BlockProblem &problem, const Bucket &a, const Bucket &b,
                      TargetAttr target) {
  return a.sort == b.sort && a.sortBlocks == b.sortBlocks &&
         llvm::all_of(problem.matmuls, [&](const MatmulProblem &matmul) {
           return getMatmulSchedule(target.getContext(), matmul, a, target) ==
                  getMatmulSchedule(target.getContext(), matmul, b, target);
         });
}

/// Makes one bucket of neighbours that run the same kernels, but for `ranges`, which stay apart.
static std::vector<Bucket> joinAlike(ArrayRef<Bucket> buckets, const BlockProblem &problem,
                                     TargetAttr target, ArrayRef<TokenRange> ranges) {
  std::vector<Bucket> joined;
  for (const Bucket &bucket : buckets) {
    bool bounds = llvm::any_of(ranges, [&](const TokenRange &range) {
      return bucket.minTokens == range.first || bucket.minTokens == range.last + 1;
    });
    if (!joined.empty() && !bounds && runsAlike(problem, joined.back(), bucket, target))
      joined.back().maxTokens = bucket.maxTokens;
    else
      joined.push_back(bucket);
  }
  return joined;
}

/// Ends a bucket at `tokens`, so that none reaches from there beyond.
static void splitAt(std::vector<Bucket> &buckets, int64_t tokens) {
  auto reaches = [&](const Bucket &bucket) {
    return bucket.minTokens <= tokens && (bucket.maxTokens == -1 || bucket.maxTokens > tokens);
  };
  auto bucket = llvm::find_if(buckets, reaches);
  if (bucket == buckets.end())
    return;
  Bucket rest = *bucket;
  bucket->maxTokens = tokens;
  rest.minTokens = tokens + 1;
  // One that was kept for counts beyond, and reaches down, stays decided for them.
  rest.decidedFor = std::max(rest.decidedFor, tokens + 1);
  buckets.insert(bucket + 1, rest);
}

/// Small tiles of one token's gathered rows are a variant of their own, as their blocks need not
/// wait for the sort. It comes on top of the one that it is taken from, and so after those to keep
/// are chosen.
static std::vector<Bucket> splitFirstToken(std::vector<Bucket> buckets, const BlockProblem &problem,
                                           TargetAttr target) {
  const Bucket &first = buckets.front();
  if (first.sort == SortForm::RouteSort && usesDependentLaunch(target) &&
      llvm::any_of(problem.matmuls, [](const MatmulProblem &matmul) { return matmul.gathered; }) &&
      getMatmulTable(target)[first.matmulRow].first.form == kernel::MatmulForm::Mma)
    splitAt(buckets, 1);
  return buckets;
}

std::vector<Bucket> getBuckets(const BlockProblem &problem, TargetAttr target,
                               ArrayRef<int64_t> representatives, ArrayRef<TokenRange> ranges) {
  std::vector<Bucket> buckets = divide(getMatmulBuckets(problem, target), ranges);
  for (Bucket &bucket : buckets) {
    bucket.decidedFor = bucket.minTokens;
    double routes = bucket.maxTokens * problem.rowsPerToken;
    bool bounded = bucket.maxTokens != -1;
    bucket.sort =
        bounded && routes <= kSingleBlockRoutes ? SortForm::SingleBlock : SortForm::MultiBlock;
    bucket.sortBlocks = bounded && routes <= kFewBlocksRoutes ? kFewSortBlocks : kManySortBlocks;
  }
  buckets = joinAlike(buckets, problem, target, ranges);
  // The splits that are not a matmul's: few tokens are routed and sorted at once, some thousands
  // are sorted by what their route leaves.
  if (problem.routes) {
    splitAt(buckets, kRouteSortTokens);
    splitAt(buckets, kTokenSetTokens);
    for (Bucket &bucket : buckets) {
      if (bucket.maxTokens == -1 || bucket.maxTokens > kTokenSetTokens)
        continue;
      if (bucket.maxTokens <= kRouteSortTokens)
        bucket.sort = SortForm::RouteSort;
      else
        bucket.tokenSets = true;
    }
  }
  if (representatives.empty())
    return splitFirstToken(std::move(buckets), problem, target);

  std::vector<Bucket> kept;
  for (const Bucket &bucket : buckets)
    if (llvm::any_of(representatives, [&](int64_t tokens) {
          return tokens >= bucket.minTokens &&
                 (bucket.maxTokens == -1 || tokens <= bucket.maxTokens);
        }))
      kept.push_back(bucket);
  // A form for few tokens cannot serve more of them: without a later bucket it gives way.
  if (kept.back().sort == SortForm::RouteSort) {
    Bucket last = kept.back();
    last.minTokens = last.maxTokens + 1;
    last.sort = SortForm::MultiBlock;
    last.sortBlocks = kManySortBlocks;
    last.tokenSets = false;
    kept.push_back(last);
  }
  for (size_t i = 0; i < kept.size(); ++i)
    kept[i].minTokens = i == 0 ? 0 : kept[i - 1].maxTokens + 1;
  kept.back().maxTokens = -1;
  return splitFirstToken(std::move(kept), problem, target);
}

} // namespace moec::schedule
