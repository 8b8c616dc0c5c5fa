//===- MoeKernelInterfaces.td - what every kernel op tells ------*- tablegen -*-===//

#ifndef MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELINTERFACES_TD
#define MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELINTERFACES_TD

include "mlir/IR/OpBase.td"

def MoeKernel_KernelOpInterface : OpInterface<"KernelOpInterface"> {
  let cppNamespace = "::moec::kernel";
  let description = [{
    One launch of one kernel. The kernel's parameters are the op's operands, in order, and then T
    as an i32 where `takesTokens`.
  }];
  let methods = [
    InterfaceMethod<"Threads of a block.", "int64_t", "getThreads", (ins), [{}],
                    [{ return $_op.getSchedule().getThreads(); }]>,
    InterfaceMethod<"Dynamic shared memory of a block, in bytes.", "int64_t", "getSharedBytes",
                    (ins), [{}], [{ return 0; }]>,
    InterfaceMethod<"Blocks in x as an expression in T (several results: the minimum).",
                    "::mlir::AffineMap", "getGrid">,
    InterfaceMethod<"Blocks of a cluster: neighbours in x, of which the grid holds a multiple.",
                    "int64_t", "getCluster", (ins), [{}], [{ return 1; }]>,
    InterfaceMethod<"Whether T is the last parameter.", "bool", "takesTokens", (ins), [{}],
                    [{ return true; }]>,
    InterfaceMethod<[{Whether the launch may begin while the one before it still runs (programmatic
                    dependent launch); the kernel then waits for it on the device.}], "bool",
                    "isDependent", (ins), [{}],
                    [{ return $_op->hasAttr("dependent"); }]>
  ];
  // After the op's own verifier, whose checks the methods rely on.
  let verifyWithRegions = 1;
  let verify = [{ return ::moec::kernel::detail::verifyKernelOp($_op); }];
}

#endif // MOEC_DIALECTS_MOEKERNEL_IR_MOEKERNELINTERFACES_TD
