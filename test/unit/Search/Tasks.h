// Grouped matmuls of known models, for the tests of the search.
#ifndef MOEC_TEST_UNIT_SEARCH_TASKS_H
#define MOEC_TEST_UNIT_SEARCH_TASKS_H

#include "compiler/Schedule/Schedule.h"
#include "compiler/Search/Shortlist.h"
#include "dialects/MoeKernel/IR/KnownTargets.h"
#include "dialects/MoeKernel/IR/MoeKernelOps.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

namespace moec::test {

/// Owns the context that schedules live in.
class SearchTest : public testing::Test {
protected:
  SearchTest() { context.loadDialect<kernel::MoeKernelDialect>(); }

  /// `rows` rows an expert, the same for all.
  search::Task task(const schedule::MatmulProblem &problem, int64_t rows,
                    llvm::StringRef arch = "sm_90a") {
    search::Task task;
    task.problem = problem;
    task.setting = {&context, schedule::getMatmulTraits(problem),
                    kernel::getKnownTarget(&context, arch)};
    task.groups.assign(size_t(problem.experts), rows);
    task.tokens = int64_t(double(rows * problem.experts) / problem.rowsPerToken);
    return task;
  }

  /// The products of qwen3-30b-a3b.
  static schedule::MatmulProblem gateUp() {
    return {.experts = 128,
            .columns = 768,
            .reduction = 2048,
            .rowsPerToken = 8,
            .gated = true,
            .gathered = true};
  }
  static schedule::MatmulProblem down() {
    return {.experts = 128, .columns = 2048, .reduction = 768, .rowsPerToken = 8, .weighted = true};
  }

  kernel::ScheduleAttr schedule(llvm::StringRef text, const search::Task &task) {
    auto legal = search::legalSchedule(search::ScheduleText::parse(text), task.setting);
    EXPECT_TRUE(legal.isOk()) << text.str() << ": " << legal.status().message();
    return legal ? *legal : kernel::ScheduleAttr();
  }

  mlir::MLIRContext context;
};

} // namespace moec::test

#endif // MOEC_TEST_UNIT_SEARCH_TASKS_H
