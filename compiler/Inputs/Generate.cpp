//===- Generate.cpp - Values of generated inputs
//--------------------------------------------------===//
//
// Weights are the bulk (tens of gigabytes for large blocks), so their path matters: 16 random bits
// an element, an exact integer-to-float conversion, one multiplication, one rounding. All of it is
// plain loops over blocks that stay in the first-level cache and vectorise.
//
//===----------------------------------------------------------------------------------------------===//

#include "compiler/Inputs/Inputs.h"
#include "compiler/Inputs/Random.h"
#include "runtime/Support/Parallel.h"
#include "runtime/Tensor/Float.h"
#include "runtime/Tensor/VectorClones.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace moec {

using moert::DType;
using moert::HostTensor;
using moert::Result;
using moert::Status;
using moert::StatusCode;

/// Elements that are made at once; a multiple of 4 (elements per word of the uniform form).
static constexpr int64_t kBlock = 1024;
/// Elements a thread takes at a time.
static constexpr int64_t kGrain = 256 * kBlock;

MOEC_VECTOR_CLONES
static void storeBf16(const float *from, size_t count, uint16_t *to) {
  for (size_t i = 0; i < count; ++i)
    to[i] = moert::floatToBf16(from[i]);
}

/// Rounds a block of floats into the tensor.
static void storeBlock(HostTensor &tensor, int64_t begin, std::span<const float> values) {
  size_t n = values.size();
  const float *from = values.data();
  switch (tensor.dtype()) {
  case DType::BF16: {
    storeBf16(from, n, tensor.asMutable<uint16_t>().data() + begin);
    return;
  }
  case DType::F16: {
    uint16_t *to = tensor.asMutable<uint16_t>().data() + begin;
    for (size_t i = 0; i < n; ++i)
      to[i] = moert::floatToHalf(from[i]);
    return;
  }
  case DType::F32:
    std::copy_n(from, n, tensor.asMutable<float>().data() + begin);
    return;
  default:
    for (size_t i = 0; i < n; ++i)
      tensor.set(begin + static_cast<int64_t>(i), from[i]);
    return;
  }
}

/// Calls `make(begin, block, count)` for blocks of `count` consecutive elements and stores what it
/// made; a block has room for kBlock.
template <typename Make>
static void fillBlocks(HostTensor &tensor, unsigned threads, Make make) {
  moert::parallelFor(tensor.numElements(), kGrain, threads, [&](int64_t begin, int64_t end) {
    alignas(64) std::array<float, kBlock> block;
    for (int64_t at = begin; at < end; at += kBlock) {
      size_t count = static_cast<size_t>(std::min(kBlock, end - at));
      make(at, block.data(), count);
      storeBlock(tensor, at, std::span(block).first(count));
    }
  });
}

/// What is uniform in +- 65535, of `words`, scaled and shifted.
MOEC_VECTOR_CLONES
static void makeUniform(const RandomStream &stream, uint64_t firstWord, float scale, float shift,
                        float *block) {
  alignas(64) std::array<uint64_t, kBlock / 4> words;
  for (size_t w = 0; w < words.size(); ++w)
    words[w] = stream.word(firstWord + w);
  const auto bits = std::bit_cast<std::array<uint16_t, kBlock>>(words);
  for (size_t i = 0; i < kBlock; ++i) {
    // Apart, so that no machine rounds them at once.
    float scaled = static_cast<float>(2 * int32_t{bits[i]} - 65535) * scale;
    block[i] = scaled + shift;
  }
}

/// Uniform in `center` +- sqrt(3) * `deviation`: 16 bits of word i / 4 for element i.
static void fillUniform(HostTensor &tensor, const RandomStream &stream, double center,
                        double deviation, unsigned threads) {
  // 2u - 65535 for u in [0, 65536) is odd and symmetric, with a standard deviation of 65536 /
  // sqrt(3).
  const float scale = static_cast<float>(deviation * std::sqrt(3.0) / 65536.0);
  const float shift = static_cast<float>(center);
  fillBlocks(tensor, threads, [&](int64_t begin, float *block, size_t) {
    makeUniform(stream, static_cast<uint64_t>(begin) / 4, scale, shift, block);
  });
}

MOEC_VECTOR_CLONES
static void makeNormal(const RandomStream &stream, uint64_t first, float scale, float *block,
                       size_t count) {
  for (size_t i = 0; i < count; ++i) {
    uint64_t word = stream.word(first + i);
    uint64_t pairs = (word & 0x0000ffff0000ffffu) + ((word >> 16) & 0x0000ffff0000ffffu);
    int32_t sum = static_cast<int32_t>((pairs & 0xffffffffu) + (pairs >> 32));
    block[i] = static_cast<float>(sum - 2 * 65535) * scale;
  }
}

/// Approximately normal: the sum of the four 16-bit parts of word i (Irwin-Hall of order 4).
static void fillNormal(HostTensor &tensor, const RandomStream &stream, double deviation,
                       unsigned threads) {
  // Each part has a variance of 65536^2 / 12, the sum one of 65536^2 / 3.
  const float scale = static_cast<float>(deviation * std::sqrt(3.0) / 65536.0);
  fillBlocks(tensor, threads, [&](int64_t begin, float *block, size_t count) {
    makeNormal(stream, static_cast<uint64_t>(begin), scale, block, count);
  });
}

/// Rows of a [T, E] tensor are taken by whole tokens.
static void fillLogits(HostTensor &tensor, const InputSpec &spec, const InputOptions &options) {
  int64_t numExperts = tensor.dim(1);
  LogitSource source(options.routing, numExperts, options.seed, spec.name);
  moert::parallelFor(tensor.dim(0), 64, options.threads, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      for (int64_t e = 0; e < numExperts; ++e)
        tensor.set(t * numExperts + e, source.logit(t, e));
  });
}

static Status fillExpertIds(HostTensor &tensor, const InputSpec &spec,
                            const InputOptions &options) {
  int64_t k = tensor.dim(1);
  if (k > spec.numExperts)
    return Status(StatusCode::Unsupported,
                  fmt::format("argument '{}': expects at most {} experts a token, but got {}",
                              spec.name, spec.numExperts, k));
  LogitSource source(options.routing, spec.numExperts, options.seed, spec.name);
  std::span<int32_t> ids = tensor.asMutable<int32_t>();
  moert::parallelFor(tensor.dim(0), 64, options.threads, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t)
      source.choose(t, ids.subspan(static_cast<size_t>(t * k), static_cast<size_t>(k)));
  });
  return Status::ok();
}

/// Fisher and Yates over the whole tensor; one thread, as each step depends on the last.
static void fillRoutes(HostTensor &tensor, const RandomStream &stream) {
  std::span<int32_t> routes = tensor.asMutable<int32_t>();
  for (size_t i = 0; i < routes.size(); ++i) {
    size_t j = stream.word(i) % (i + 1);
    routes[i] = routes[j];
    routes[j] = static_cast<int32_t>(i);
  }
}

static void fillOffsets(HostTensor &tensor, const RandomStream &stream, int64_t rows) {
  std::span<int32_t> offsets = tensor.asMutable<int32_t>();
  if (offsets.size() < 2)
    return;
  size_t numExperts = offsets.size() - 1;
  for (int64_t i = 0; i < rows; ++i)
    ++offsets[1 + stream.word(static_cast<uint64_t>(i)) % numExperts];
  for (size_t e = 0; e < numExperts; ++e)
    offsets[e + 1] += offsets[e];
}

/// What the fillers take for granted about element type and rank.
static Status checkRole(const InputSpec &spec) {
  bool integer = spec.dtype == DType::I32;
  bool isFloat =
      !integer && spec.dtype != DType::I8 && spec.dtype != DType::U8 && spec.dtype != DType::I64;
  size_t rank = spec.shape.size();
  bool fits = false;
  switch (spec.role) {
  case InputRole::Data:
  case InputRole::Weight:
  case InputRole::Bias:
    fits = isFloat;
    break;
  case InputRole::RouterLogits:
  case InputRole::RoutingWeights:
    fits = isFloat && rank == 2;
    break;
  case InputRole::ExpertIds:
    fits = integer && rank == 2;
    break;
  case InputRole::Routes:
  case InputRole::Offsets:
    fits = integer && rank == 1;
    break;
  }
  if (fits)
    return Status::ok();
  return Status(StatusCode::Unsupported,
                fmt::format("argument '{}': no values can be made up for {}, give it in a file",
                            spec.name, moert::describe(spec.dtype, spec.shape)));
}

Result<HostTensor> generateInput(const InputSpec &spec, const InputOptions &options) {
  MOERT_RETURN_IF_ERROR(checkRole(spec));
  MOERT_RETURN_IF_ERROR(checkRouting({&spec, 1}, options.routing));
  MOERT_ASSIGN_OR_RETURN(std::vector<int64_t> shape, resolveShape(spec, options.tokens));
  Result<HostTensor> allocated = HostTensor::allocate(spec.dtype, std::move(shape));
  if (!allocated.isOk())
    return std::move(allocated).status().withContext(fmt::format("argument '{}'", spec.name));
  HostTensor tensor = *std::move(allocated);
  RandomStream stream(options.seed, spec.name);
  switch (spec.role) {
  case InputRole::Data:
    fillNormal(tensor, stream, 1.0, options.threads);
    break;
  case InputRole::Weight: {
    double fanIn = static_cast<double>(std::max<int64_t>(spec.fanIn, 1));
    fillUniform(tensor, stream, 0.0, 1.0 / std::sqrt(fanIn), options.threads);
    break;
  }
  case InputRole::Bias:
    fillNormal(tensor, stream, 0.25, options.threads);
    break;
  case InputRole::RouterLogits:
    fillLogits(tensor, spec, options);
    break;
  case InputRole::RoutingWeights: {
    double mean = 1.0 / static_cast<double>(std::max<int64_t>(tensor.dim(1), 1));
    fillUniform(tensor, stream, mean, 0.5 * mean / std::sqrt(3.0), options.threads);
    break;
  }
  case InputRole::ExpertIds:
    MOERT_RETURN_IF_ERROR(fillExpertIds(tensor, spec, options));
    break;
  case InputRole::Routes:
    fillRoutes(tensor, stream);
    break;
  case InputRole::Offsets:
    fillOffsets(tensor, stream, options.tokens * spec.rowsPerToken);
    break;
  }
  return tensor;
}

} // namespace moec
