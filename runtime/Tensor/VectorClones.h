//===- VectorClones.h - Loops for the machine's widest vectors ------------===//
//
// A function marked MOEC_VECTOR_CLONES is compiled several times; which one runs is chosen when the
// program is loaded. What it calls has to be inlined to gain by it.
//
//===----------------------------------------------------------------------===//
#ifndef MOEC_RUNTIME_TENSOR_VECTORCLONES_H
#define MOEC_RUNTIME_TENSOR_VECTORCLONES_H

#if defined(__x86_64__) && defined(__linux__)
#define MOEC_VECTOR_CLONES                                                                         \
  __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define MOEC_VECTOR_CLONES
#endif

#endif // MOEC_RUNTIME_TENSOR_VECTORCLONES_H
