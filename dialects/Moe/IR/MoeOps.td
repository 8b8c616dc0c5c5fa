//===- MoeOps.td - all ops of the moe dialect -------------------*- tablegen -*-===//

#ifndef MOEC_DIALECTS_MOE_IR_MOEOPS_TD
#define MOEC_DIALECTS_MOE_IR_MOEOPS_TD

include "dialects/Moe/IR/MoeExpertOps.td"
include "dialects/Moe/IR/MoeRoutingOps.td"

#endif // MOEC_DIALECTS_MOE_IR_MOEOPS_TD
