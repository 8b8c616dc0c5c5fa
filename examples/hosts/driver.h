/*===- driver.h - The little of the CUDA driver that the two hosts need ----===*
 *
 * A host of your own has cuda.h or the CUDA runtime for this. These examples build without a
 * toolkit, so they declare what they call and take it from libcuda when they start.
 *
 *===----------------------------------------------------------------------===*/

#ifndef MOEC_EXAMPLES_DRIVER_H
#define MOEC_EXAMPLES_DRIVER_H

#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

typedef uint64_t DeviceAddress;
typedef struct CUstream_st *Stream; /* what moec_stream is */
typedef struct CUgraph_st *Graph;
typedef struct CUgraphExec_st *GraphExec;

typedef struct Driver {
  int (*cuInit)(unsigned flags);
  int (*cuDeviceGet)(int *device, int ordinal);
  int (*cuDevicePrimaryCtxRetain)(void **context, int device);
  int (*cuCtxPushCurrent_v2)(void *context);
  int (*cuMemAlloc_v2)(DeviceAddress *address, size_t bytes);
  int (*cuMemsetD8Async)(DeviceAddress target, unsigned char value, size_t count, Stream stream);
  int (*cuStreamCreate)(Stream *stream, unsigned flags);
  int (*cuStreamSynchronize)(Stream stream);
  int (*cuStreamBeginCapture_v2)(Stream stream, int mode);
  int (*cuStreamEndCapture)(Stream stream, Graph *graph);
  int (*cuGraphInstantiateWithFlags)(GraphExec *executable, Graph graph, unsigned long long flags);
  int (*cuGraphLaunch)(GraphExec executable, Stream stream);
} Driver;

/* Ends the program where a call of the driver failed. */
static inline void checkCuda(int result, const char *call) {
  if (result == 0)
    return;
  fprintf(stderr, "%s failed with %d\n", call, result);
  exit(5);
}
#define CHECK_CUDA(call) checkCuda(call, #call)

/* Loads libcuda (or $MOEC_LIBCUDA, as moec does) and makes the primary context of device 0, which
   moec uses too, current on this thread. */
static inline Driver openDriver(void) {
  Driver driver;
  int device = 0;
  void *context = NULL;
  const char *path = getenv("MOEC_LIBCUDA");
  void *library = dlopen(path ? path : "libcuda.so.1", RTLD_NOW);
  if (!library) {
    fprintf(stderr, "no CUDA driver: %s\n", dlerror());
    exit(6);
  }
#define TAKE(symbol) *(void **)&driver.symbol = dlsym(library, #symbol)
  TAKE(cuInit);
  TAKE(cuDeviceGet);
  TAKE(cuDevicePrimaryCtxRetain);
  TAKE(cuCtxPushCurrent_v2);
  TAKE(cuMemAlloc_v2);
  TAKE(cuMemsetD8Async);
  TAKE(cuStreamCreate);
  TAKE(cuStreamSynchronize);
  TAKE(cuStreamBeginCapture_v2);
  TAKE(cuStreamEndCapture);
  TAKE(cuGraphInstantiateWithFlags);
  TAKE(cuGraphLaunch);
#undef TAKE
  CHECK_CUDA(driver.cuInit(0));
  CHECK_CUDA(driver.cuDeviceGet(&device, 0));
  CHECK_CUDA(driver.cuDevicePrimaryCtxRetain(&context, device));
  CHECK_CUDA(driver.cuCtxPushCurrent_v2(context));
  return driver;
}

/* Zeroed device memory; never freed, as these programs end with it. */
static inline void *allocate(const Driver *driver, size_t bytes, Stream stream) {
  DeviceAddress address = 0;
  if (bytes == 0)
    return NULL;
  CHECK_CUDA(driver->cuMemAlloc_v2(&address, bytes));
  CHECK_CUDA(driver->cuMemsetD8Async(address, 0, bytes, stream));
  return (void *)(uintptr_t)address;
}

#endif /* MOEC_EXAMPLES_DRIVER_H */
