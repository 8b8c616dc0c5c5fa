//===- TestPackage.cpp - A small package for the tests of the runtime -----===//

#include "test/unit/Runtime/TestPackage.h"

#include <cstdlib>

#include <elf.h>

namespace moert::test {

static Launch makeLaunch(Expr blocks, LaunchArgument source, LaunchArgument target,
                         int32_t factor) {
  Launch launch;
  launch.grid = {std::move(blocks), Expr(1), Expr(1)};
  launch.block = {128, 1, 1};
  launch.arguments = {std::move(source), std::move(target), LaunchArgument::tokens(),
                      LaunchArgument::i32(factor)};
  return launch;
}

TensorMap makeTensorMap() {
  TensorMap map;
  map.index = 0;
  map.dtype = DType::F32;
  map.dims = {Expr(kWidth), Expr::tokens()};
  map.strides = {Expr(kWidth * 4)};
  map.box = {kWidth, 64};
  map.swizzle = TensorMap::Swizzle::B32;
  return map;
}

Manifest makeManifest() {
  Expr tokens = Expr::tokens();
  Manifest manifest;
  manifest.producer = "moec 0.1.0";
  manifest.block = "scale_block";
  manifest.targetArch = "sm_80";
  manifest.maxTokens = 1 << 20;
  manifest.arguments = {{"hidden", DType::F32, {tokens, Expr(kWidth)}, false},
                        {"output", DType::F32, {tokens, Expr(kWidth)}, true}};

  Kernel kernel;
  kernel.name = "scale";
  kernel.entry = "scale_entry";
  kernel.parameters = {ParameterKind::Pointer, ParameterKind::Pointer, ParameterKind::I32,
                       ParameterKind::I32};
  kernel.threads = 128;
  kernel.registers = 16;
  kernel.dynamicSharedBytes = 1024;
  manifest.kernels = {kernel};

  Expr blocks = ceilDiv(tokens * Expr(kWidth), Expr(128));
  Variant small;
  small.maxTokens = 15;
  small.launches = {makeLaunch(blocks, LaunchArgument::tensor(0), LaunchArgument::tensor(1), 6)};

  Variant large;
  large.minTokens = 16;
  large.buffers = {{"flags", DType::I32, {Expr(3)}},
                   {"half", DType::F32, {tokens, Expr(kWidth)}},
                   {"tail", DType::BF16, {ceilDiv(tokens, Expr(2)), Expr(5)}}};
  large.launches = {makeLaunch(blocks, LaunchArgument::tensor(0), LaunchArgument::buffer(1), 2),
                    makeLaunch(blocks, LaunchArgument::buffer(1), LaunchArgument::tensor(1), 3),
                    makeLaunch(floorDiv(tokens, Expr(64)), LaunchArgument::buffer(1),
                               LaunchArgument::buffer(1), 1)};
  large.launches[1].dynamicSharedBytes = 512;
  large.launches[1].overlapsPrevious = true;
  manifest.variants = {small, large};
  return manifest;
}

/// An ELF header without sections: all that the loader checks.
static std::string makeElf() {
  Elf64_Ehdr header = {};
  for (int i = 0; i < SELFMAG; ++i)
    header.e_ident[i] = static_cast<unsigned char>(ELFMAG[i]);
  return std::string(reinterpret_cast<const char *>(&header), sizeof header);
}

Package makePackage() {
  Package package;
  package.manifest = makeManifest();
  package.code = {{"// source of scale\n", ".version 8.0\n", makeElf()}};
  package.files = {{"include/moe/common/types.cuh", "#pragma once\n"},
                   {"ir/moe.mlir", "module {}\n"}};
  return package;
}

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "moert-test-XXXXXX").string();
  if (!mkdtemp(pattern.data()))
    std::abort();
  folder = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

} // namespace moert::test
