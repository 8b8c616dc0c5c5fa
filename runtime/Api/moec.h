/*===- moec.h - The C interface of libmoert -------------------------------===*
 *
 * Launches compiled MoE blocks on CUDA devices. Needs the CUDA driver and nothing else.
 *
 *   moec_context *context;  moec_package *package;  moec_error *error = NULL;
 *   if (moec_context_create(0, &context, &error) != MOEC_OK) fail(moec_error_message(error));
 *   moec_package_open(context, "block.moepkg", &package, &error);
 *   moec_package_workspace_bytes(package, max_tokens, &bytes, &error);     // once
 *   ... allocate the workspace, a multiple of MOEC_WORKSPACE_ALIGNMENT ...
 *   moec_package_launch(package, tokens, tensors, count, workspace, bytes, stream, &error);
 *
 * Every function may be called from any thread at any time, except that an object must not be used
 * while or after it is destroyed. Launches of one package may run at once where each has a
 * workspace of its own. No function prints, exits or throws.
 *
 * A function that can fail returns a status and takes `error`, which may be NULL. On failure it
 * stores a new moec_error there, to be released with moec_error_destroy; on success it stores NULL.
 *
 *===----------------------------------------------------------------------===*/

#ifndef MOEC_RUNTIME_API_MOEC_H
#define MOEC_RUNTIME_API_MOEC_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MOEC_API __attribute__((visibility("default")))
#else
#define MOEC_API
#endif

/** The version of this interface. It grows when something is removed or changes its meaning. */
#define MOEC_ABI_VERSION 1

/** The workspace must start at a multiple of this many bytes. */
#define MOEC_WORKSPACE_ALIGNMENT 256
/** Tensors must start at multiples of this many bytes. */
#define MOEC_TENSOR_ALIGNMENT 16
/** No tensor has more dimensions. */
#define MOEC_MAX_RANK 8

/** What kind of failure it is; the values are the exit codes of the `moec` tool. */
typedef enum moec_status {
  MOEC_OK = 0,
  MOEC_MISMATCH = 1,      /**< a checked result differs */
  MOEC_USAGE = 2,         /**< the caller broke the contract of a call */
  MOEC_INVALID_INPUT = 3, /**< a package is damaged or of another format version */
  MOEC_UNSUPPORTED = 4,   /**< a valid problem that this package or device does not serve */
  MOEC_TOOLCHAIN = 5,     /**< the CUDA driver or the operating system failed */
  MOEC_NO_DEVICE = 6,     /**< no such device, or none that runs the package's code */
  MOEC_BUDGET = 7,        /**< out of device memory */
  MOEC_CACHE_MISS = 8,    /**< nothing in the cache, in strict mode */
  MOEC_INTERNAL = 9       /**< a defect of this library */
} moec_status;

/** Element types. */
typedef enum moec_dtype {
  MOEC_BF16 = 0,
  MOEC_F16 = 1,
  MOEC_F32 = 2,
  MOEC_F64 = 3,
  MOEC_F8E4M3 = 4,
  MOEC_F8E5M2 = 5,
  MOEC_I8 = 6,
  MOEC_U8 = 7,
  MOEC_I32 = 8,
  MOEC_I64 = 9
} moec_dtype;

typedef struct moec_context moec_context; /**< a device whose primary context is in use */
typedef struct moec_package moec_package; /**< a block that is loaded on a context's device */
typedef struct moec_error moec_error;     /**< why a call failed */

/** A CUDA stream; the type behind CUstream and cudaStream_t. NULL is the legacy default stream. */
typedef struct CUstream_st *moec_stream;

/*--- Version and errors -------------------------------------------------------------------------*/

/** The MOEC_ABI_VERSION that the library was built with; compare before anything else. */
MOEC_API uint32_t moec_abi_version(void);
/** The version of the library, such as "0.1.0". */
MOEC_API const char *moec_version(void);

/** The status of the failed call; MOEC_OK for NULL. */
MOEC_API moec_status moec_error_status(const moec_error *error);
/** One sentence, valid until the error is destroyed; "" for NULL. */
MOEC_API const char *moec_error_message(const moec_error *error);
/** Releases the error; NULL is allowed. */
MOEC_API void moec_error_destroy(moec_error *error);

/** The name of an element type, such as "bf16"; NULL for no element type. */
MOEC_API const char *moec_dtype_name(moec_dtype dtype);
/** The bytes of one element; 0 for no element type. */
MOEC_API size_t moec_dtype_bytes(moec_dtype dtype);

/*--- Logging ------------------------------------------------------------------------------------*/

typedef enum moec_log_level {
  MOEC_LOG_DEBUG = 0,
  MOEC_LOG_INFO = 1,
  MOEC_LOG_WARNING = 2,
  MOEC_LOG_ERROR = 3
} moec_log_level;

/** Receives a message; may be called from any thread. */
typedef void (*moec_log_callback)(moec_log_level level, const char *component, const char *message,
                                  void *user);

/** Sets the callback of the process for messages of at least `minimum`. Without one, and with NULL,
    nothing is logged. */
MOEC_API void moec_set_log_callback(moec_log_callback callback, void *user, moec_log_level minimum);

/*--- Contexts -----------------------------------------------------------------------------------*/

/** How many CUDA devices there are; 0 without a driver. */
MOEC_API int32_t moec_device_count(void);

/** Uses the primary context of device `ordinal`, which is that of the CUDA runtime. */
MOEC_API moec_status moec_context_create(int32_t ordinal, moec_context **context,
                                         moec_error **error);
/** Releases the context; its packages stay usable. NULL is allowed. */
MOEC_API void moec_context_destroy(moec_context *context);

/*--- Packages -----------------------------------------------------------------------------------*/

/** Reads and verifies the package in the folder `path` and loads its kernels onto the device. */
MOEC_API moec_status moec_package_open(moec_context *context, const char *path,
                                       moec_package **package, moec_error **error);
/** Unloads the package. Its launches must have finished, and CUDA graphs that hold them must not
   run any more. NULL is allowed. */
MOEC_API void moec_package_close(moec_package *package);

/** The name of the block, valid until the package is closed. */
MOEC_API const char *moec_package_name(const moec_package *package);
/** The architecture of its code, such as "sm_90a", valid until the package is closed. */
MOEC_API const char *moec_package_target(const moec_package *package);
/** The greatest number of tokens that can be launched. */
MOEC_API int64_t moec_package_max_tokens(const moec_package *package);
/** 1 where the same inputs give the same bits for every number of tokens, else 0. */
MOEC_API int32_t moec_package_is_deterministic(const moec_package *package);

/** How many tensors the block takes and gives. */
MOEC_API size_t moec_package_argument_count(const moec_package *package);

/** What a tensor is. */
typedef struct moec_argument {
  const char *name; /**< its `moe.name`, valid until the package is closed */
  moec_dtype dtype;
  int32_t rank;
  int32_t is_output; /**< 1: the block writes it; 0: the block reads it */
} moec_argument;

/** Tells what argument `index` is. */
MOEC_API moec_status moec_package_argument(const moec_package *package, size_t index,
                                           moec_argument *argument, moec_error **error);
/** The index of the argument with that `moe.name`. */
MOEC_API moec_status moec_package_find_argument(const moec_package *package, const char *name,
                                                size_t *index, moec_error **error);
/** Stores the `rank` extents of argument `index` for `tokens` tokens; `dims` has room for
    MOEC_MAX_RANK. Tensors are compact and row-major. */
MOEC_API moec_status moec_package_argument_dims(const moec_package *package, size_t index,
                                                int64_t tokens, int64_t *dims, moec_error **error);

/** The bytes of workspace that a launch for `tokens` tokens needs. Never shrinks as `tokens` grows:
    a workspace for N tokens serves every smaller number. */
MOEC_API moec_status moec_package_workspace_bytes(const moec_package *package, int64_t tokens,
                                                  uint64_t *bytes, moec_error **error);

/** Puts the block on `stream`. `tensors` holds `count` device addresses, one for each argument in
    their order; an address may be NULL where the tensor has no element. Checks its arguments before
    it launches anything; allocates nothing, does not synchronise, reads no device memory, and may
   be captured in a CUDA graph. */
MOEC_API moec_status moec_package_launch(const moec_package *package, int64_t tokens,
                                         void *const *tensors, size_t count, void *workspace,
                                         uint64_t workspace_bytes, moec_stream stream,
                                         moec_error **error);

#ifdef __cplusplus
}
#endif

#endif /* MOEC_RUNTIME_API_MOEC_H */
