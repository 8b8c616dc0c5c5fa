//===- MoeKernelOps.td - all ops of the moe_kernel dialect ------*- tablegen -*-===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELOPS_TD
#define MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELOPS_TD

include "dialects/MoeKernel/IR/MoeKernelMatmulOps.td"
include "dialects/MoeKernel/IR/MoeKernelRoutingOps.td"
include "dialects/MoeKernel/IR/MoeKernelRowOps.td"

#endif // MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELOPS_TD
