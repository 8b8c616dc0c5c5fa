//===- cpu_products.cpp - speed of grouped products on the CPU ------------===//
//
// Times one grouped product compiled for the CPU: `cpu_products E ROWS N K DTYPE [THREADS [RUNS]]`,
// with ROWS rows for each of the E experts. Prints compile time, the best and the median time of
// the runs, GFLOP/s and the GB/s at which weights are read; "per CPU second" is what to compare on
// a machine that others use too. `openblas.py` times the same products with OpenBLAS.
//
//===----------------------------------------------------------------------===//

#include "compiler/Target/Cpu/CpuExecutor.h"
#include "dialects/Moe/IR/MoeOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>

#include <fmt/format.h>

using moert::HostTensor;

static HostTensor makeRandom(moert::DType dtype, std::vector<int64_t> shape) {
  HostTensor tensor = *HostTensor::allocate(dtype, std::move(shape));
  std::minstd_rand random(1);
  std::uniform_real_distribution<double> uniform(-1.0, 1.0);
  // A short period is enough for timing.
  std::vector<double> values(4096);
  for (double &value : values)
    value = uniform(random);
  for (int64_t i = 0; i < tensor.numElements(); ++i)
    tensor.set(i, values[i % values.size()]);
  return tensor;
}

static double cpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec + now.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
  if (argc < 6) {
    std::fprintf(stderr, "usage: cpu_products E ROWS N K bf16|f16|f32 [THREADS [RUNS]]\n");
    return 2;
  }
  int64_t experts = std::atoll(argv[1]), rows = std::atoll(argv[2]), n = std::atoll(argv[3]),
          k = std::atoll(argv[4]);
  std::string type = argv[5];
  auto dtype = moert::parseDType(type);
  moec::cpu::CpuOptions options;
  options.threads = argc > 6 ? std::atoi(argv[6]) : 0;
  int runs = argc > 7 ? std::atoi(argv[7]) : 20;
  if (!dtype || experts < 1)
    return 2;

  mlir::DialectRegistry registry;
  registry.insert<mlir::func::FuncDialect, moec::moe::MoeDialect>();
  mlir::MLIRContext context(registry);
  std::string source = fmt::format(
      "func.func @f(%x: tensor<?x{3}x{4}>, %o: tensor<{1}xi32>, %w: tensor<{0}x{2}x{3}x{4}>)"
      " -> tensor<?x{2}x{4}> {{ %y = moe.grouped_matmul %x, %o, %w : (tensor<?x{3}x{4}>,"
      " tensor<{1}xi32>, tensor<{0}x{2}x{3}x{4}>) -> tensor<?x{2}x{4}>\n"
      "return %y : tensor<?x{2}x{4}> }}",
      experts, experts + 1, n, k, type);
  auto module = mlir::parseSourceString<mlir::ModuleOp>(source, &context);
  if (!module)
    return 3;
  auto executor =
      moec::cpu::CpuExecutor::compile(*module->getOps<mlir::func::FuncOp>().begin(), options);
  if (!executor) {
    std::fprintf(stderr, "%s\n", executor.status().message().c_str());
    return executor.status().exitCode();
  }
  if (!(*executor)->note().empty())
    std::printf("%s\n", (*executor)->note().c_str());

  HostTensor offsets = *HostTensor::allocate(moert::DType::I32, {experts + 1});
  for (int64_t e = 0; e <= experts; ++e)
    offsets.set(e, static_cast<double>(e * rows));
  std::vector<HostTensor> arguments{makeRandom(*dtype, {experts * rows, k}), offsets,
                                    makeRandom(*dtype, {experts, n, k})};
  std::vector<HostTensor> results{*HostTensor::allocate(*dtype, {experts * rows, n})};
  std::vector<double> seconds;
  double bestCpu = 1e9;
  for (int run = 0; run < runs + 1; ++run) {
    double startCpu = cpuSeconds();
    auto start = std::chrono::steady_clock::now();
    moert::Status status = (*executor)->runInto(arguments, results);
    double time = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!status.isOk()) {
      std::fprintf(stderr, "%s\n", status.message().c_str());
      return status.exitCode();
    }
    if (run == 0)
      continue;
    seconds.push_back(time);
    bestCpu = std::min(bestCpu, cpuSeconds() - startCpu);
  }
  std::sort(seconds.begin(), seconds.end());
  double flops = 2.0 * experts * rows * n * k;
  double bytes = static_cast<double>(arguments[2].byteSize());
  double best = seconds.front(), median = seconds[seconds.size() / 2];
  std::printf(
      "E %ld rows %ld N %ld K %ld %s threads %u: compile %.3f s, best %.3f ms, median %.3f ms,"
      " %.1f GFLOP/s, weights %.2f GB/s; per CPU second %.1f GFLOP, weights %.2f GB\n",
      experts, rows, n, k, type.c_str(), (*executor)->threads(), (*executor)->compileSeconds(),
      best * 1e3, median * 1e3, flops / best * 1e-9, bytes / best * 1e-9, flops / bestCpu * 1e-9,
      bytes / bestCpu * 1e-9);
  return 0;
}
