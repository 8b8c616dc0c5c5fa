//===- Routing.h - Distributions of tokens over experts
//-------------------------------------------===//
//
// Which experts the tokens of a generated input choose. Speed and padding waste of an MoE block
// depend on this more than on anything else in its inputs, so it is an option of every tool.
//
//===----------------------------------------------------------------------------------------------===//
#ifndef MOEC_COMPILER_INPUTS_ROUTING_H
#define MOEC_COMPILER_INPUTS_ROUTING_H

#include "compiler/Inputs/Histogram.h"
#include "compiler/Inputs/Random.h"
#include "runtime/Support/Status.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace moec {

/// `uniform`: every token chooses its k experts independently, all equally likely.
/// `zipf:A`: independently, without replacement, expert of popularity rank r (from 1) with weight
///   r^-A; the ranks are a seeded permutation of the experts.
/// `balanced`: every token chooses k experts that follow each other in a seeded order, and as many
///   tokens begin at each of them: of a multiple of E tokens all experts get the same number.
/// `one-expert`: all tokens choose the same k experts, in the same order.
/// `histogram:FILE`: independently, without replacement, expert e with weight counts[e] of the
/// file;
///   one that was never chosen never is.
struct Routing {
  enum class Kind { Uniform, Zipf, Balanced, OneExpert, Histogram };
  Kind kind = Kind::Uniform;
  double exponent = 0.0; ///< A of zipf
  Histogram histogram = {};

  bool operator==(const Routing &) const = default;
};

/// The help text of the grammar.
inline constexpr std::string_view kRoutingGrammar =
    "uniform|zipf:A|balanced|one-expert|histogram:FILE";

/// Reads `uniform`, `zipf:A` (0 <= A <= 64), `balanced`, `one-expert` or `histogram:FILE`, and the
/// file; Usage where it is something else, InvalidInput where the file is.
moert::Result<Routing> parseRouting(std::string_view text);

/// The text that `parseRouting` reads back as the same value, as long as the file is there.
std::string toString(const Routing &routing);

/// What sets the routing apart from others wherever it is used: as above, but a histogram goes by
/// the digest of its content.
std::string identityOf(const Routing &routing);

/// Whether k of E experts can be drawn: InvalidInput where a histogram has another number of
/// experts or fewer than k that were ever chosen. `topK` 0: not known.
moert::Status checkRouting(const Routing &routing, int64_t numExperts, int64_t topK);

/// Router logits by (token, expert).
///
/// uniform, zipf, histogram: log-weight of the expert plus Gumbel noise; the k largest of such sums
/// are a sample without replacement with those weights (Gumbel-top-k: Kool, van Hoof and Welling,
/// ICML 2019). The greatest weight of a histogram counts as 1, and weight 0 gives -inf. one-expert:
/// -rank / 4 plus noise below 0.1, so that the order of the experts is the same for every token
/// while the logits differ. balanced: the same with ranks that count from the token's first expert,
/// which is t * m modulo E, m prime to E and near 0.618 E.
class LogitSource {
public:
  /// The routing must have passed `checkRouting`.
  LogitSource(const Routing &routing, int64_t numExperts, uint64_t seed, std::string_view name);
  double logit(int64_t token, int64_t expert) const;
  /// The k experts of largest logit, largest first; `k` = size of `experts`.
  void choose(int64_t token, std::span<int32_t> experts) const;

private:
  Routing::Kind kind;
  int64_t numExperts;
  RandomStream noise;
  std::vector<double> base; ///< per expert: log-weight, -rank / 4 or, balanced, its rank
  int64_t stride = 0;       ///< balanced: from the first expert of a token to that of the next
};

/// The experts in the order of their popularity rank: a permutation of [0, numExperts) that depends
/// on the seed and the name alone.
std::vector<int32_t> popularityOrder(int64_t numExperts, uint64_t seed, std::string_view name);

} // namespace moec

#endif // MOEC_COMPILER_INPUTS_ROUTING_H
