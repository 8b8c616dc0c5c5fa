// Whether the default tables leave out a shape: what the cost model makes of their tiles, against the
// best tile of the whole space. It is no measurement, and small differences say nothing.
#include "Tasks.h"
#include "compiler/Schedule/Tables.h"

using namespace moec;
using namespace moec::search;

namespace {

struct Regret {
  double sum = 0, most = 0;
  int count = 0;
  double mean() const { return sum / count; }
};

class DefaultsTest : public test::SearchTest {
protected:
  kernel::ScheduleAttr tableSchedule(const Task &task, int64_t rows) {
    llvm::ArrayRef<schedule::MatmulRow> table = schedule::getMatmulTable(task.setting.target);
    schedule::Bucket bucket;
    while (double(rows) > table[bucket.matmulRow].meanRows)
      ++bucket.matmulRow;
    bucket.minTokens = bucket.decidedFor = task.tokens;
    return schedule::getMatmulSchedule(task.setting.context, task.problem, bucket,
                                       task.setting.target);
  }
  /// Both products of a block with inner size `inner`, at rows an expert from 2 to 4000.
  void add(Regret &regret, int64_t experts, int64_t hidden, int64_t inner) {
    const schedule::MatmulProblem products[] = {
        {.experts = experts, .columns = inner, .reduction = hidden, .rowsPerToken = 1,
         .gated = true, .gathered = true},
        {.experts = experts, .columns = hidden, .reduction = inner, .rowsPerToken = 1,
         .weighted = true}};
    for (const schedule::MatmulProblem &product : products) {
      Space space = enumerate(task(product, 1).setting);
      for (int64_t rows : {2, 12, 24, 48, 100, 200, 300, 500, 900, 1800, 4000}) {
        Task current = task(product, rows);
        current.machine.bytesPerSecond = 3.07e12;
        double taken = predict(tableSchedule(current, rows), product, current.groups,
                               current.tokens, current.machine)
                           .total;
        double ratio = taken / rank(space, current).front().predicted.total;
        regret.sum += ratio;
        regret.most = std::max(regret.most, ratio);
        ++regret.count;
      }
    }
  }
};

// Expert parallelism leaves few experts to a GPU: mixtral, deepseek-v3, qwen3-235b and -30b, olmoe.
TEST_F(DefaultsTest, FewExpertsKeepTheMultiprocessorsBusy) {
  Regret regret;
  for (int64_t experts : {1, 2, 4}) {
    add(regret, experts, 4096, 14336);
    add(regret, experts, 7168, 2048);
    add(regret, experts, 4096, 1536);
    add(regret, experts, 2048, 768);
    add(regret, experts, 2048, 1024);
  }
  EXPECT_LT(regret.mean(), 1.15);
  EXPECT_LT(regret.most, 2);
}

TEST_F(DefaultsTest, ManyExpertsHaveTilesNearTheBest) {
  Regret regret;
  add(regret, 8, 4096, 14336);
  add(regret, 32, 2048, 768);
  add(regret, 64, 2048, 1024);
  add(regret, 128, 4096, 1536);
  EXPECT_LT(regret.mean(), 1.03);
  EXPECT_LT(regret.most, 1.15);
}

} // namespace
