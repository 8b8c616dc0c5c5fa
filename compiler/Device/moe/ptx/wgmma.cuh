// Warpgroup matrix instructions of sm_90a: wgmma m64nNk16, both operands in shared memory.
//
// PTX names every accumulator register, so the operand lists grow with N. They are built up here
// eight columns (four registers a thread) at a time; WgmmaM64K64<T, N> picks one. What belongs to
// one row of 128 bytes is one statement: each costs the compiler as much as its operands.
#pragma once
#include "moe/common/types.cuh"

namespace moe::ptx {

MOE_DEVICE void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
MOE_DEVICE void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
/// Waits until at most kPending of the warpgroup's committed groups are under way.
template <int kPending>
MOE_DEVICE void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(kPending) : "memory");
}

/// Descriptor of an operand tile in the copy engine's 128-byte swizzle at `shared`, 1024-byte
/// aligned. Its lines of 128 bytes are 64 elements of K of one row or column of the product, or
/// transposed: 64 of these at one k, more of them 64 lines (8 KiB) apart. Either way groups of
/// eight lines are 1024 bytes apart.
///
/// The low word. The high word is the same for all, MOE_WGMMA_HIGH: 128-byte swizzle (1 << 62) and
/// the groups' distance (1024 / 16 << 32). Offsets are added to the low word alone: with 64 bits
/// each would take three instructions of the one unit that makes descriptors, not one.
template <bool kTransposed>
MOE_DEVICE u32 wgmma_descriptor(u32 shared) {
  constexpr u32 kLeading = kTransposed ? 64 * 128 / 16 : 1; // untransposed tiles do without
  return kLeading << 16 | ((shared & 0x3ffff) >> 4);
}
/// From one k16 slice of a tile to the next, in a descriptor's units of 16 bytes: along a line, or
/// over 16 lines.
MOE_HOST_DEVICE constexpr u32 wgmma_slice(bool transposed) {
  return transposed ? 16 * 128 / 16 : 32 / 16;
}
#define MOE_WGMMA_HIGH "0x40000040"

// Accumulators 0 .. N/2-1 as asm text and as operands.
#define MOE_WGMMA_TEXT_8 "%0,%1,%2,%3"
#define MOE_WGMMA_REGS_8 "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
#define MOE_WGMMA_TEXT_16 MOE_WGMMA_TEXT_8 "," "%4,%5,%6,%7"
#define MOE_WGMMA_REGS_16 MOE_WGMMA_REGS_8, "+f"(d[4]), "+f"(d[5]), "+f"(d[6]), "+f"(d[7])
#define MOE_WGMMA_TEXT_24 MOE_WGMMA_TEXT_16 "," "%8,%9,%10,%11"
#define MOE_WGMMA_REGS_24 MOE_WGMMA_REGS_16, "+f"(d[8]), "+f"(d[9]), "+f"(d[10]), "+f"(d[11])
#define MOE_WGMMA_TEXT_32 MOE_WGMMA_TEXT_24 "," "%12,%13,%14,%15"
#define MOE_WGMMA_REGS_32 MOE_WGMMA_REGS_24, "+f"(d[12]), "+f"(d[13]), "+f"(d[14]), "+f"(d[15])
#define MOE_WGMMA_TEXT_40 MOE_WGMMA_TEXT_32 "," "%16,%17,%18,%19"
#define MOE_WGMMA_REGS_40 MOE_WGMMA_REGS_32, "+f"(d[16]), "+f"(d[17]), "+f"(d[18]), "+f"(d[19])
#define MOE_WGMMA_TEXT_48 MOE_WGMMA_TEXT_40 "," "%20,%21,%22,%23"
#define MOE_WGMMA_REGS_48 MOE_WGMMA_REGS_40, "+f"(d[20]), "+f"(d[21]), "+f"(d[22]), "+f"(d[23])
#define MOE_WGMMA_TEXT_56 MOE_WGMMA_TEXT_48 "," "%24,%25,%26,%27"
#define MOE_WGMMA_REGS_56 MOE_WGMMA_REGS_48, "+f"(d[24]), "+f"(d[25]), "+f"(d[26]), "+f"(d[27])
#define MOE_WGMMA_TEXT_64 MOE_WGMMA_TEXT_56 "," "%28,%29,%30,%31"
#define MOE_WGMMA_REGS_64 MOE_WGMMA_REGS_56, "+f"(d[28]), "+f"(d[29]), "+f"(d[30]), "+f"(d[31])
#define MOE_WGMMA_TEXT_72 MOE_WGMMA_TEXT_64 "," "%32,%33,%34,%35"
#define MOE_WGMMA_REGS_72 MOE_WGMMA_REGS_64, "+f"(d[32]), "+f"(d[33]), "+f"(d[34]), "+f"(d[35])
#define MOE_WGMMA_TEXT_80 MOE_WGMMA_TEXT_72 "," "%36,%37,%38,%39"
#define MOE_WGMMA_REGS_80 MOE_WGMMA_REGS_72, "+f"(d[36]), "+f"(d[37]), "+f"(d[38]), "+f"(d[39])
#define MOE_WGMMA_TEXT_88 MOE_WGMMA_TEXT_80 "," "%40,%41,%42,%43"
#define MOE_WGMMA_REGS_88 MOE_WGMMA_REGS_80, "+f"(d[40]), "+f"(d[41]), "+f"(d[42]), "+f"(d[43])
#define MOE_WGMMA_TEXT_96 MOE_WGMMA_TEXT_88 "," "%44,%45,%46,%47"
#define MOE_WGMMA_REGS_96 MOE_WGMMA_REGS_88, "+f"(d[44]), "+f"(d[45]), "+f"(d[46]), "+f"(d[47])
#define MOE_WGMMA_TEXT_104 MOE_WGMMA_TEXT_96 "," "%48,%49,%50,%51"
#define MOE_WGMMA_REGS_104 MOE_WGMMA_REGS_96, "+f"(d[48]), "+f"(d[49]), "+f"(d[50]), "+f"(d[51])
#define MOE_WGMMA_TEXT_112 MOE_WGMMA_TEXT_104 "," "%52,%53,%54,%55"
#define MOE_WGMMA_REGS_112 MOE_WGMMA_REGS_104, "+f"(d[52]), "+f"(d[53]), "+f"(d[54]), "+f"(d[55])
#define MOE_WGMMA_TEXT_120 MOE_WGMMA_TEXT_112 "," "%56,%57,%58,%59"
#define MOE_WGMMA_REGS_120 MOE_WGMMA_REGS_112, "+f"(d[56]), "+f"(d[57]), "+f"(d[58]), "+f"(d[59])
#define MOE_WGMMA_TEXT_128 MOE_WGMMA_TEXT_120 "," "%60,%61,%62,%63"
#define MOE_WGMMA_REGS_128 MOE_WGMMA_REGS_120, "+f"(d[60]), "+f"(d[61]), "+f"(d[62]), "+f"(d[63])
#define MOE_WGMMA_TEXT_136 MOE_WGMMA_TEXT_128 "," "%64,%65,%66,%67"
#define MOE_WGMMA_REGS_136 MOE_WGMMA_REGS_128, "+f"(d[64]), "+f"(d[65]), "+f"(d[66]), "+f"(d[67])
#define MOE_WGMMA_TEXT_144 MOE_WGMMA_TEXT_136 "," "%68,%69,%70,%71"
#define MOE_WGMMA_REGS_144 MOE_WGMMA_REGS_136, "+f"(d[68]), "+f"(d[69]), "+f"(d[70]), "+f"(d[71])
#define MOE_WGMMA_TEXT_152 MOE_WGMMA_TEXT_144 "," "%72,%73,%74,%75"
#define MOE_WGMMA_REGS_152 MOE_WGMMA_REGS_144, "+f"(d[72]), "+f"(d[73]), "+f"(d[74]), "+f"(d[75])
#define MOE_WGMMA_TEXT_160 MOE_WGMMA_TEXT_152 "," "%76,%77,%78,%79"
#define MOE_WGMMA_REGS_160 MOE_WGMMA_REGS_152, "+f"(d[76]), "+f"(d[77]), "+f"(d[78]), "+f"(d[79])
#define MOE_WGMMA_TEXT_168 MOE_WGMMA_TEXT_160 "," "%80,%81,%82,%83"
#define MOE_WGMMA_REGS_168 MOE_WGMMA_REGS_160, "+f"(d[80]), "+f"(d[81]), "+f"(d[82]), "+f"(d[83])
#define MOE_WGMMA_TEXT_176 MOE_WGMMA_TEXT_168 "," "%84,%85,%86,%87"
#define MOE_WGMMA_REGS_176 MOE_WGMMA_REGS_168, "+f"(d[84]), "+f"(d[85]), "+f"(d[86]), "+f"(d[87])
#define MOE_WGMMA_TEXT_184 MOE_WGMMA_TEXT_176 "," "%88,%89,%90,%91"
#define MOE_WGMMA_REGS_184 MOE_WGMMA_REGS_176, "+f"(d[88]), "+f"(d[89]), "+f"(d[90]), "+f"(d[91])
#define MOE_WGMMA_TEXT_192 MOE_WGMMA_TEXT_184 "," "%92,%93,%94,%95"
#define MOE_WGMMA_REGS_192 MOE_WGMMA_REGS_184, "+f"(d[92]), "+f"(d[93]), "+f"(d[94]), "+f"(d[95])
#define MOE_WGMMA_TEXT_200 MOE_WGMMA_TEXT_192 "," "%96,%97,%98,%99"
#define MOE_WGMMA_REGS_200 MOE_WGMMA_REGS_192, "+f"(d[96]), "+f"(d[97]), "+f"(d[98]), "+f"(d[99])
#define MOE_WGMMA_TEXT_208 MOE_WGMMA_TEXT_200 "," "%100,%101,%102,%103"
#define MOE_WGMMA_REGS_208 MOE_WGMMA_REGS_200, "+f"(d[100]), "+f"(d[101]), "+f"(d[102]), "+f"(d[103])
#define MOE_WGMMA_TEXT_216 MOE_WGMMA_TEXT_208 "," "%104,%105,%106,%107"
#define MOE_WGMMA_REGS_216 MOE_WGMMA_REGS_208, "+f"(d[104]), "+f"(d[105]), "+f"(d[106]), "+f"(d[107])
#define MOE_WGMMA_TEXT_224 MOE_WGMMA_TEXT_216 "," "%108,%109,%110,%111"
#define MOE_WGMMA_REGS_224 MOE_WGMMA_REGS_216, "+f"(d[108]), "+f"(d[109]), "+f"(d[110]), "+f"(d[111])
#define MOE_WGMMA_TEXT_232 MOE_WGMMA_TEXT_224 "," "%112,%113,%114,%115"
#define MOE_WGMMA_REGS_232 MOE_WGMMA_REGS_224, "+f"(d[112]), "+f"(d[113]), "+f"(d[114]), "+f"(d[115])
#define MOE_WGMMA_TEXT_240 MOE_WGMMA_TEXT_232 "," "%116,%117,%118,%119"
#define MOE_WGMMA_REGS_240 MOE_WGMMA_REGS_232, "+f"(d[116]), "+f"(d[117]), "+f"(d[118]), "+f"(d[119])
#define MOE_WGMMA_TEXT_248 MOE_WGMMA_TEXT_240 "," "%120,%121,%122,%123"
#define MOE_WGMMA_REGS_248 MOE_WGMMA_REGS_240, "+f"(d[120]), "+f"(d[121]), "+f"(d[122]), "+f"(d[123])
#define MOE_WGMMA_TEXT_256 MOE_WGMMA_TEXT_248 "," "%124,%125,%126,%127"
#define MOE_WGMMA_REGS_256 MOE_WGMMA_REGS_248, "+f"(d[124]), "+f"(d[125]), "+f"(d[126]), "+f"(d[127])

/// d (64 x N, f32) = a (64 x 64) * b (N x 64) + (keep ? d : 0), in four instructions; a and b are
/// descriptors of the first k16 slices. Thread t of the warpgroup holds d[4 j + c] at row
/// 16 (t / 32) + (t % 32) / 4 + 8 (c / 2), column 8 j + 2 (t % 4) + c % 2.
template <class T, int kN>
struct WgmmaM64K64;

#define MOE_WGMMA_SLICE(NAME, N, A, B, STEP_A, STEP_B, TURN_A, TURN_B, SLICE, KEEP)                \
  "add.u32 low, %" A ", %" STEP_A " * " SLICE ";\nmov.b64 a, {low, " MOE_WGMMA_HIGH               \
  "};\nadd.u32 low, %" B ", %" STEP_B " * " SLICE ";\nmov.b64 b, {low, " MOE_WGMMA_HIGH           \
  "};\nwgmma.mma_async.sync.aligned.m64n" #N "k16.f32." NAME "." NAME " {" MOE_WGMMA_TEXT_##N     \
  "}, a, b, " KEEP ", 1, 1, %" TURN_A ", %" TURN_B ";\n"
#define MOE_WGMMA_FORM(TYPE, NAME, N, A, B, KEEP, ...)                                             \
  template <>                                                                                      \
  struct WgmmaM64K64<TYPE, N> {                                                                    \
    template <bool kTurnA, bool kTurnB>                                                            \
    MOE_DEVICE static void run(float (&d)[N / 2], u32 a, u32 b, int keep) {                        \
      asm volatile("{\n.reg .pred p;\n.reg .b32 low;\n.reg .b64 a, b;\nsetp.ne.b32 p, %" KEEP      \
                   ", 0;\n" MOE_WGMMA_SLICE(NAME, N, A, B, __VA_ARGS__, "0", "p")                  \
                       MOE_WGMMA_SLICE(NAME, N, A, B, __VA_ARGS__, "1", "1")                       \
                           MOE_WGMMA_SLICE(NAME, N, A, B, __VA_ARGS__, "2", "1")                   \
                               MOE_WGMMA_SLICE(NAME, N, A, B, __VA_ARGS__, "3", "1") "}"           \
                   : MOE_WGMMA_REGS_##N                                                            \
                   : "r"(a), "r"(b), "r"(keep), "n"(wgmma_slice(kTurnA)),                          \
                     "n"(wgmma_slice(kTurnB)), "n"(int(kTurnA)), "n"(int(kTurnB)));                \
    }                                                                                              \
  };
#define MOE_WGMMA(N, ...)                                                                          \
  MOE_WGMMA_FORM(bf16, "bf16", N, __VA_ARGS__)                                                     \
  MOE_WGMMA_FORM(f16, "f16", N, __VA_ARGS__)

// The numbers of the operands after the N / 2 accumulators: a, b, keep, the slices' steps, and
// which of the two is transposed.
MOE_WGMMA(8, "4", "5", "6", "7", "8", "9", "10")
MOE_WGMMA(16, "8", "9", "10", "11", "12", "13", "14")
MOE_WGMMA(24, "12", "13", "14", "15", "16", "17", "18")
MOE_WGMMA(32, "16", "17", "18", "19", "20", "21", "22")
MOE_WGMMA(40, "20", "21", "22", "23", "24", "25", "26")
MOE_WGMMA(48, "24", "25", "26", "27", "28", "29", "30")
MOE_WGMMA(56, "28", "29", "30", "31", "32", "33", "34")
MOE_WGMMA(64, "32", "33", "34", "35", "36", "37", "38")
MOE_WGMMA(72, "36", "37", "38", "39", "40", "41", "42")
MOE_WGMMA(80, "40", "41", "42", "43", "44", "45", "46")
MOE_WGMMA(88, "44", "45", "46", "47", "48", "49", "50")
MOE_WGMMA(96, "48", "49", "50", "51", "52", "53", "54")
MOE_WGMMA(104, "52", "53", "54", "55", "56", "57", "58")
MOE_WGMMA(112, "56", "57", "58", "59", "60", "61", "62")
MOE_WGMMA(120, "60", "61", "62", "63", "64", "65", "66")
MOE_WGMMA(128, "64", "65", "66", "67", "68", "69", "70")
MOE_WGMMA(136, "68", "69", "70", "71", "72", "73", "74")
MOE_WGMMA(144, "72", "73", "74", "75", "76", "77", "78")
MOE_WGMMA(152, "76", "77", "78", "79", "80", "81", "82")
MOE_WGMMA(160, "80", "81", "82", "83", "84", "85", "86")
MOE_WGMMA(168, "84", "85", "86", "87", "88", "89", "90")
MOE_WGMMA(176, "88", "89", "90", "91", "92", "93", "94")
MOE_WGMMA(184, "92", "93", "94", "95", "96", "97", "98")
MOE_WGMMA(192, "96", "97", "98", "99", "100", "101", "102")
MOE_WGMMA(200, "100", "101", "102", "103", "104", "105", "106")
MOE_WGMMA(208, "104", "105", "106", "107", "108", "109", "110")
MOE_WGMMA(216, "108", "109", "110", "111", "112", "113", "114")
MOE_WGMMA(224, "112", "113", "114", "115", "116", "117", "118")
MOE_WGMMA(232, "116", "117", "118", "119", "120", "121", "122")
MOE_WGMMA(240, "120", "121", "122", "123", "124", "125", "126")
MOE_WGMMA(248, "124", "125", "126", "127", "128", "129", "130")
MOE_WGMMA(256, "128", "129", "130", "131", "132", "133", "134")

#undef MOE_WGMMA
#undef MOE_WGMMA_FORM
#undef MOE_WGMMA_SLICE

} // namespace moe::ptx
