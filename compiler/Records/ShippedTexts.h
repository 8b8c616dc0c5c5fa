//===- ShippedTexts.h - the shipped records inside the binary ---------------===//

#ifndef MOEC_COMPILER_RECORDS_SHIPPEDTEXTS_H
#define MOEC_COMPILER_RECORDS_SHIPPEDTEXTS_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"

namespace moec {

/// The content of every file below compiler/Records/Tuned, in the order of their names.
llvm::ArrayRef<llvm::StringRef> shippedRecordTexts();

} // namespace moec

#endif // MOEC_COMPILER_RECORDS_SHIPPEDTEXTS_H
