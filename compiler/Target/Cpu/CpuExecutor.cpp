//===- CpuExecutor.cpp - compiling and running a block on the CPU ---------===//

#include "compiler/Target/Cpu/CpuExecutor.h"

#include "compiler/Inputs/FunctionInputs.h"
#include "compiler/Target/Cpu/CpuPipeline.h"
#include "compiler/Target/Cpu/OpenMpRuntime.h"

#include "mlir/ExecutionEngine/ExecutionEngine.h"
#include "mlir/ExecutionEngine/OptUtils.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/OpenMP/OpenMPToLLVMIRTranslation.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/ExecutionEngine/Orc/JITTargetMachineBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

#include <chrono>
#include <mutex>

#include <fmt/format.h>

using namespace mlir;
using namespace moec::cpu;
using moert::HostTensor;
using moert::Status;
using moert::StatusCode;

namespace {
double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Collects the errors of a compilation instead of printing them.
class ErrorCollector {
public:
  explicit ErrorCollector(MLIRContext *context)
      : handler(context, [this](Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
            text += (text.empty() ? "" : "; ") + diagnostic.str();
          return success();
        }) {}

  std::string text;

private:
  ScopedDiagnosticHandler handler;
};

/// The register tile of this machine: 32 registers of 16 lanes, 16 of 8 or 16 of 4.
RegisterTile machineTile() {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  if (features.lookup("avx512f"))
    return {3, 8, 16};
  return {3, 4, features.lookup("avx2") ? 8 : 4};
}

/// A module of its own with nothing but `function` and what it calls.
OwningOpRef<ModuleOp> isolate(func::FuncOp function) {
  OwningOpRef<ModuleOp> module(function->getParentOfType<ModuleOp>().clone());
  for (auto other : module->getOps<func::FuncOp>())
    other.setVisibility(other.getSymName() == function.getSymName()
                            ? SymbolTable::Visibility::Public
                            : SymbolTable::Visibility::Private);
  return module;
}

/// A ranked memref as the C interface takes it: two pointers, offset, sizes, strides.
std::vector<int64_t> describeBuffer(const HostTensor &tensor) {
  int64_t address = reinterpret_cast<int64_t>(tensor.data());
  std::vector<int64_t> descriptor{address, address, 0};
  descriptor.insert(descriptor.end(), tensor.shape().begin(), tensor.shape().end());
  std::vector<int64_t> strides(tensor.rank(), 1);
  for (size_t i = tensor.rank(); i-- > 1;)
    strides[i - 1] = strides[i] * tensor.dim(i);
  descriptor.insert(descriptor.end(), strides.begin(), strides.end());
  return descriptor;
}
} // namespace

struct CpuExecutor::State {
  /// The function as it was given, for shapes.
  OwningOpRef<ModuleOp> source;
  func::FuncOp function;
  std::unique_ptr<ExecutionEngine> engine;
  void (*entry)(void **) = nullptr;
  double compileSeconds = 0.0;
  unsigned threads = 1;
  unsigned requestedThreads = 0;
  std::string note;

  /// What every run holds beside the tensors in between: per thread the blocks of a product.
  static constexpr uint64_t kBytesPerThread = 4 << 20;
};

CpuExecutor::CpuExecutor(std::unique_ptr<State> state) : state(std::move(state)) {}
CpuExecutor::~CpuExecutor() = default;

double CpuExecutor::compileSeconds() const { return state->compileSeconds; }
unsigned CpuExecutor::threads() const { return state->threads; }
const std::string &CpuExecutor::note() const { return state->note; }

static void initializeCodeGenerator(MLIRContext *context) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  DialectRegistry registry;
  registerCpuDialects(registry);
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerOpenMPDialectTranslation(registry);
  context->appendDialectRegistry(registry);
  context->loadAllAvailableDialects();
}

/// Machine code for a module in the LLVM dialect.
static moert::Result<std::unique_ptr<ExecutionEngine>> generateCode(ModuleOp module,
                                                                    unsigned optLevel) {
  auto failed = [](llvm::Error error) {
    return Status(StatusCode::Toolchain,
                  "compiling for the CPU: " + llvm::toString(std::move(error)));
  };
  auto builder = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!builder)
    return failed(builder.takeError());
  auto level = static_cast<llvm::CodeGenOptLevel>(std::min(optLevel, 3u));
  builder->setCodeGenOptLevel(level);
  auto machine = builder->createTargetMachine();
  if (!machine)
    return failed(machine.takeError());
  auto transformer = makeOptimizingTransformer(optLevel, /*sizeLevel=*/0, machine->get());
  ExecutionEngineOptions options;
  options.transformer = transformer;
  options.jitCodeGenOptLevel = level;
  options.enableGDBNotificationListener = false;
  options.enablePerfNotificationListener = false;
  auto engine = ExecutionEngine::create(module, options);
  if (!engine)
    return failed(engine.takeError());
  return std::move(*engine);
}

/// What the function is called in machine code, which finds the C library, the OpenMP runtime and
/// its own parts by name: a user's function may be called memset.
static constexpr llvm::StringLiteral kEntryName{"moec_cpu_block"};

static Status nameEntry(ModuleOp module, StringAttr from) {
  SymbolTable symbols(module);
  if (from == kEntryName)
    return Status::ok();
  if (symbols.lookup(kEntryName) || failed(symbols.rename(from, kEntryName)))
    return Status(StatusCode::Unsupported,
                  fmt::format("lowering to the CPU: expects no other function to be called '{}'",
                              kEntryName.str()));
  return Status::ok();
}

moert::Result<std::unique_ptr<CpuExecutor>> CpuExecutor::compile(func::FuncOp function,
                                                                 const CpuOptions &options) {
  auto start = std::chrono::steady_clock::now();
  MLIRContext *context = function.getContext();
  initializeCodeGenerator(context);
  const OpenMpRuntime &openMp = OpenMpRuntime::get();

  auto state = std::make_unique<State>();
  state->requestedThreads = options.threads;
  CpuPipelineOptions pipeline;
  pipeline.parallel = openMp.isLoaded() && options.threads != 1;
  RegisterTile tile = options.tile.rows > 0 ? options.tile : machineTile();
  pipeline.tileRows = tile.rows;
  pipeline.tileColumns = tile.columns;
  pipeline.lanes = tile.lanes;
  if (pipeline.parallel)
    state->threads = options.threads ? options.threads : openMp.defaultThreads();
  else if (options.threads != 1)
    state->note = fmt::format("no OpenMP runtime was found, so one thread is used (looked for {})",
                              openMp.description());

  ErrorCollector errors(context);
  state->source = isolate(function);
  state->function = state->source->lookupSymbol<func::FuncOp>(function.getSymNameAttr());
  OwningOpRef<ModuleOp> module(state->source->clone());
  MOERT_RETURN_IF_ERROR(nameEntry(*module, function.getSymNameAttr()));
  PassManager manager(context);
  manager.addPass(createSymbolDCEPass());
  buildCpuPipeline(manager, pipeline);
  if (failed(manager.run(*module)))
    return Status(StatusCode::Unsupported, "lowering to the CPU: " + errors.text);

  MOERT_ASSIGN_OR_RETURN(state->engine, generateCode(*module, options.optLevel));
  auto entry = state->engine->lookupPacked(("_mlir_ciface_" + kEntryName).str());
  if (!entry)
    return Status(StatusCode::Toolchain,
                  "compiling for the CPU: " + llvm::toString(entry.takeError()));
  state->entry = *entry;
  state->compileSeconds = secondsSince(start);
  return std::unique_ptr<CpuExecutor>(new CpuExecutor(std::move(state)));
}

/// Fails where `tensor` does not have the element type of `type`.
static Status checkType(Type type, const HostTensor &tensor, std::string_view what, size_t number) {
  auto dtype = moec::dtypeOf(cast<RankedTensorType>(type).getElementType());
  if (dtype == tensor.dtype())
    return Status::ok();
  return Status(StatusCode::InvalidInput,
                fmt::format("{} {} expects dtype {}, but got {}", what, number,
                            dtype ? name(*dtype) : "unknown", name(tensor.dtype())));
}

moert::Result<RunShapes> CpuExecutor::plan(std::span<const HostTensor> arguments) const {
  func::FuncOp function = state->function;
  std::vector<Shape> shapes;
  for (const HostTensor &tensor : arguments)
    shapes.emplace_back(tensor.shape().begin(), tensor.shape().end());
  MOERT_ASSIGN_OR_RETURN(RunShapes run, evaluateShapes(function, shapes));
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    MOERT_RETURN_IF_ERROR(checkType(type, arguments[i], "argument", i));
  run.intermediateBytes += state->threads * State::kBytesPerThread;
  return run;
}

moert::Result<std::vector<HostTensor>>
CpuExecutor::run(std::span<const HostTensor> arguments) const {
  MOERT_ASSIGN_OR_RETURN(RunShapes run, plan(arguments));
  std::vector<HostTensor> results;
  for (auto [type, shape] : llvm::zip_equal(state->function.getResultTypes(), run.results)) {
    auto dtype = moec::dtypeOf(cast<RankedTensorType>(type).getElementType());
    if (!dtype)
      return Status(StatusCode::Unsupported, "a result has an element type without a host form");
    MOERT_ASSIGN_OR_RETURN(HostTensor result, HostTensor::allocate(*dtype, shape));
    results.push_back(std::move(result));
  }
  MOERT_RETURN_IF_ERROR(runInto(arguments, results));
  return results;
}

Status CpuExecutor::runInto(std::span<const HostTensor> arguments,
                            std::span<HostTensor> results) const {
  moert::Result<RunShapes> run = plan(arguments);
  if (!run)
    return run.status();
  if (results.size() != run->results.size())
    return Status(StatusCode::Usage, fmt::format("expects {} results, but got {}",
                                                 run->results.size(), results.size()));
  for (auto [i, type] : llvm::enumerate(state->function.getResultTypes())) {
    MOERT_RETURN_IF_ERROR(checkType(type, results[i], "result", i));
    bool isWritable = results[i].mutableData() || results[i].numElements() == 0;
    if (!llvm::equal(results[i].shape(), run->results[i]) || !isWritable)
      return Status(StatusCode::Usage, fmt::format("result {} expects a writable tensor of the "
                                                   "planned shape, but got {}",
                                                   i, describe(results[i])));
  }
  uint64_t available = availableMemory();
  if (run->intermediateBytes > available)
    return Status(StatusCode::Unsupported,
                  fmt::format("expects {:.1f} GiB of memory for the tensors in between, but {:.1f} "
                              "GiB are available",
                              run->intermediateBytes / 0x1p30, available / 0x1p30));

  std::vector<std::vector<int64_t>> descriptors;
  for (const HostTensor &tensor : arguments)
    descriptors.push_back(describeBuffer(tensor));
  for (const HostTensor &tensor : results)
    descriptors.push_back(describeBuffer(tensor));
  // The packed interface takes the address of every argument, and each is a descriptor's address.
  std::vector<void *> pointers;
  for (auto &descriptor : descriptors)
    pointers.push_back(descriptor.data());
  std::vector<void *> packed;
  for (void *&pointer : pointers)
    packed.push_back(&pointer);
  OpenMpRuntime::get().setThreads(state->requestedThreads);
  state->entry(packed.data());
  return Status::ok();
}
