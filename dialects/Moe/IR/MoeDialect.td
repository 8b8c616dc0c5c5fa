//===- MoeDialect.td - the moe dialect --------------------------*- tablegen -*-===//
//
// What a Mixture-of-Experts block computes, on plain tensors. How it runs is the business of the
// moe_kernel dialect.
//
//===---------------------------------------------------------------------------===//

#ifndef MOEC_DIALECTS_MOE_IR_MOEDIALECT_TD
#define MOEC_DIALECTS_MOE_IR_MOEDIALECT_TD

include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/OpBase.td"

def Moe_Dialect : Dialect {
  let name = "moe";
  let cppNamespace = "::moec::moe";
  let summary = "Mixture-of-Experts blocks on tensors: what is computed, never how";
  let description = [{
    Plain tensors in, plain tensors out, so that any producer can enter at any op and any op can be
    lowered alone. Letters used in every contract: `T` tokens (usually dynamic), `E` experts, `k`
    choices per token, `H` hidden size, `I` intermediate size, `R = T * k` routed rows. A *route*
    is one (token, slot) pair, numbered `r = t * k + slot`.

    Arguments and results of a function bind to files and host tensors through the attribute
    `moe.name`, a string of 1 to 256 printable ASCII characters, other than `__metadata__`, that a
    function uses once:

    ```mlir
    func.func @moe_block(%hidden: tensor<?x2048xbf16> {moe.name = "hidden"}, ...)
        -> (tensor<?x2048xbf16> {moe.name = "output"})
    ```
  }];
  let useDefaultAttributePrinterParser = 1;
  let hasCanonicalizer = 1;
  let hasRegionArgAttrVerify = 1;
  let hasRegionResultAttrVerify = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
  let extraClassDeclaration = [{
    /// Name of the argument and result attribute that binds a tensor to the outside: a string.
    static constexpr ::llvm::StringLiteral kNameAttr{"moe.name"};
  }];
}

/// The op suggests names for its results in printed IR (MoeAsm.cpp).
def Moe_NamedResults : DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>;

class Moe_Op<string mnemonic, list<Trait> traits = []> : Op<Moe_Dialect, mnemonic, traits>;

#endif // MOEC_DIALECTS_MOE_IR_MOEDIALECT_TD
