//===- Manifest.h - What a compiled package promises ----------------------===//
//
// Plain data: the compiler fills it, PackageIO stores it as manifest.json, the executor launches by
// it. README.md of runtime/ shows the file with an example.
//
//===----------------------------------------------------------------------===//

#ifndef MOEC_RUNTIME_PACKAGE_MANIFEST_H
#define MOEC_RUNTIME_PACKAGE_MANIFEST_H

#include "runtime/Package/Expr.h"
#include "runtime/Support/DType.h"
#include "runtime/Support/Status.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moert {

/// The "format" field of every manifest.
inline constexpr std::string_view kPackageMagic = "moec-package";
/// The version of the format below. A reader accepts its own version only.
inline constexpr int64_t kPackageFormatVersion = 1;

/// Limits of the format; they bound what a launch keeps on its stack.
inline constexpr unsigned kMaxRank = 8;
inline constexpr unsigned kMaxArguments = 64;
inline constexpr unsigned kMaxBuffers = 64;
inline constexpr unsigned kMaxParameters = 64;
inline constexpr unsigned kMaxLaunches = 64;   ///< of one variant
inline constexpr unsigned kMaxTensorMaps = 32; ///< of all launches of one variant
inline constexpr unsigned kMaxTensorMapRank = 5;
/// Of each file of a package; keeps a wrong one from filling memory.
inline constexpr uint64_t kMaxFileBytes = uint64_t{1} << 30;

/// Workspace buffers and the workspace itself start at multiples of this many bytes.
inline constexpr uint64_t kWorkspaceAlignment = 256;
/// Tensor pointers must be multiples of this many bytes.
inline constexpr uint64_t kTensorAlignment = 16;

/// A tensor that the caller passes, bound by its `moe.name`. Row-major and compact.
struct Argument {
  std::string name;
  DType dtype = DType::BF16;
  std::vector<Expr> shape; ///< each non-negative and non-decreasing in T
  bool isOutput = false;
};

/// A file of the package. PackageIO fills checksum and bytes when it writes.
struct FileRecord {
  std::string file;     ///< relative to the package folder; empty where there is none
  std::string checksum; ///< see Hash.h
  uint64_t bytes = 0;
  bool isPresent() const { return !file.empty(); }
};

/// What one parameter of a kernel is. A kernel gets its parameters in this order.
enum class ParameterKind : uint8_t {
  Pointer,   ///< 8 bytes, a device address
  I32,       ///< 4 bytes
  TensorMap, ///< 128 bytes, `const __grid_constant__ CUtensorMap`
};

/// A kernel: one entry point, in one cubin.
struct Kernel {
  std::string name;  ///< an identifier, unique in the package; names its files
  std::string entry; ///< the symbol in the cubin
  std::vector<ParameterKind> parameters;
  FileRecord source, ptx, cubin; ///< kernels/NAME.{cu,ptx,cubin}; cubin or PTX must be there
  uint32_t threads = 0;          ///< threads a block: the kernel's launch bound
  uint32_t registers = 0;        ///< a thread, from the assembler's report
  uint32_t spillBytes = 0;       ///< stores and loads of spilled registers, a thread
  uint32_t staticSharedBytes = 0;
  uint32_t dynamicSharedBytes = 0; ///< the largest that any launch asks for
};

/// A tiled TMA descriptor of a tensor or buffer, encoded on the host when the launch is prepared.
/// Dimensions run from the innermost outward, as in cuTensorMapEncodeTiled.
struct TensorMap {
  enum class Swizzle : uint8_t { None = 0, B32 = 1, B64 = 2, B128 = 3 };
  enum class L2Promotion : uint8_t { None = 0, B64 = 1, B128 = 2, B256 = 3 };

  bool fromBuffer = false; ///< `index` is a buffer of the variant, else an argument
  uint32_t index = 0;
  uint64_t offset = 0; ///< bytes from the start of the tensor to the map's first element
  DType dtype = DType::BF16;
  std::vector<Expr> dims;    ///< extents in elements, innermost first, 1 to 5 of them
  std::vector<Expr> strides; ///< bytes between steps of dims 1.. (one fewer than dims)
  std::vector<uint32_t> box; ///< elements of one load along each dimension, 1 to 256
  Swizzle swizzle = Swizzle::None;
  L2Promotion l2Promotion = L2Promotion::B128;
};

/// What one parameter of a launch is filled with.
struct LaunchArgument {
  enum class Kind : uint8_t {
    Tensor,    ///< the address of argument `index`
    Buffer,    ///< the address of buffer `index` of the variant
    Tokens,    ///< T as i32
    I32,       ///< `value`
    TensorMap, ///< the descriptor made from `tensorMap`
  };
  Kind kind = Kind::Tokens;
  uint32_t index = 0;
  int32_t value = 0;
  TensorMap tensorMap;

  static LaunchArgument tensor(uint32_t index) { return {Kind::Tensor, index, 0, {}}; }
  static LaunchArgument buffer(uint32_t index) { return {Kind::Buffer, index, 0, {}}; }
  static LaunchArgument tokens() { return {Kind::Tokens, 0, 0, {}}; }
  static LaunchArgument i32(int32_t value) { return {Kind::I32, 0, value, {}}; }
  static LaunchArgument map(TensorMap map) { return {Kind::TensorMap, 0, 0, std::move(map)}; }

  /// The kind of kernel parameter that it fills.
  ParameterKind parameterKind() const;
};

/// One kernel launch. A launch whose grid has a zero at some T is skipped at that T.
struct Launch {
  uint32_t kernel = 0;                                    ///< index into Manifest::kernels
  std::array<Expr, 3> grid = {Expr(1), Expr(1), Expr(1)}; ///< blocks along x, y, z
  std::array<uint32_t, 3> block = {1, 1, 1};
  std::array<uint32_t, 3> cluster = {1, 1, 1};
  uint32_t dynamicSharedBytes = 0;
  /// Programmatic dependent launch: may start while the launch before it still runs, so the kernel
  /// must execute griddepcontrol.wait before it reads anything that one wrote.
  bool overlapsPrevious = false;
  std::vector<LaunchArgument> arguments; ///< in the order of the kernel's parameters
};

/// A temporary in the workspace; row-major and compact.
struct Buffer {
  std::string name;
  DType dtype = DType::U8;
  std::vector<Expr> shape; ///< each non-negative and non-decreasing in T
};

/// How the block runs for minTokens <= T <= maxTokens.
struct Variant {
  int64_t minTokens = 0;
  int64_t maxTokens = -1;    ///< inclusive; -1: unbounded
  bool deterministic = true; ///< same inputs give the same bits
  std::vector<Buffer> buffers;
  std::vector<Launch> launches; ///< in stream order
};

/// Everything but the bytes of the kernels.
struct Manifest {
  std::string producer;   ///< name and version of the program that wrote it, such as "moec 0.1.0"
  std::string block;      ///< name of the function that it was compiled from
  std::string targetArch; ///< "sm_90a", "sm_80", ...: the architecture of the cubins
  /// The greatest T that the kernels' own index arithmetic admits. The executor lowers it further,
  /// so that every dimension of every argument and buffer fits an i32.
  int64_t maxTokens = INT32_MAX;
  std::vector<Argument> arguments;
  std::vector<Kernel> kernels;
  std::vector<Variant> variants; ///< sorted; together they serve every T >= 0 exactly once
  std::vector<FileRecord> files; ///< include/* (device headers of the sources) and ir/*
};

/// Checks every rule of the format that the manifest alone can tell: indices, limits, parameter
/// kinds against the kernels, the partition of [0, inf) by variants, shapes that grow with T. The
/// message names the field by its JSON path.
Status validate(const Manifest &manifest);

/// Checks the file records: every kernel has a cubin or a PTX, every path stays below kernels/,
/// include/ or ir/ and is listed once. PackageIO calls it; a manifest without files fails it.
Status validateFiles(const Manifest &manifest);

/// The text of manifest.json. The manifest must be valid.
std::string writeManifest(const Manifest &manifest);

/// Reads and validates the text of a manifest.json, trusting nothing: any text gives a Manifest
/// that passes `validate`, or InvalidInput naming the field by its JSON path.
Result<Manifest> parseManifest(std::string_view text);

/// The size in bytes of a compact tensor at T = `tokens`; InvalidInput on overflow.
Result<uint64_t> byteSizeAt(DType dtype, const std::vector<Expr> &shape, int64_t tokens);

/// The index of the variant that serves T = `tokens` >= 0.
uint32_t variantFor(const Manifest &manifest, int64_t tokens);

/// A compute architecture name such as "sm_90a".
struct Architecture {
  int major = 0, minor = 0;
  /// 'a': runs on exactly this architecture; 'f': on its family; 0: generic.
  char suffix = 0;
  static Result<Architecture> parse(std::string_view name);
};

} // namespace moert

#endif // MOEC_RUNTIME_PACKAGE_MANIFEST_H
