/*===- CApiFromC.h - moec.h in a C program --------------------------------===*/

#ifndef MOEC_TEST_UNIT_RUNTIME_CAPIFROMC_H
#define MOEC_TEST_UNIT_RUNTIME_CAPIFROMC_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Goes through moec.h for 40 tokens; returns 0, or the line of the check that failed. */
int useMoecFromC(const char *packagePath, void *hidden, void *output, void *workspace,
                 uint64_t workspaceBytes);

#ifdef __cplusplus
}
#endif

#endif
