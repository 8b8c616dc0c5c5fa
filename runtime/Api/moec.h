/*===- moec.h - The C interface of libmoec and libmoert -------------------===*
 *
 * Launches MoE blocks on CUDA devices. Two libraries have this interface: libmoert launches
 * compiled packages and needs the CUDA driver and nothing else; libmoec also compiles blocks from
 * their text. A host includes this header and links one of them: in libmoert,
 * moec_package_from_text fails with MOEC_UNSUPPORTED, and everything else is the same.
 *
 *   moec_context *context;  moec_package *package;  moec_error *error = NULL;
 *   if (moec_context_create(0, &context, &error) != MOEC_OK) fail(moec_error_message(error));
 *   moec_package_open(context, "block.moepkg", &package, &error);          // or _from_text, and
 *   moec_package_prepare(package, tokens, count, MOEC_PREPARE_WAIT, NULL, NULL, &error);
 *   moec_package_workspace_bytes(package, max_tokens, &bytes, &error);     // once
 *   ... allocate the workspace, a multiple of MOEC_WORKSPACE_ALIGNMENT ...
 *   moec_package_launch(package, tokens, tensors, count, workspace, bytes, stream, &error);
 *
 * Every function may be called from any thread at any time, except that an object must not be used
 * while or after it is destroyed. Launches of one package may run at once where each has a
 * workspace of its own. No function prints, exits or throws. The process must not fork and go on
 * using objects in the child.
 *
 * A function that can fail returns a status and takes `error`, which may be NULL. On failure it
 * stores a new moec_error there, to be released with moec_error_destroy; on success it stores NULL.
 *
 * Structures whose first member is `size` may grow: a caller sets it to the sizeof that it was
 * compiled with, and members beyond it count as zero. A size that is no multiple of 8 is none that
 * such a structure had, and MOEC_USAGE.
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
  MOEC_INVALID_INPUT = 3, /**< no valid IR; a package is damaged or of another format version */
  MOEC_UNSUPPORTED = 4,   /**< a valid problem that this package or device does not serve */
  MOEC_TOOLCHAIN = 5,     /**< the CUDA driver, NVRTC or the operating system failed */
  MOEC_NO_DEVICE = 6,     /**< no such device, or none that runs the package's code */
  MOEC_BUDGET = 7,        /**< out of device memory */
  MOEC_CACHE_MISS = 8,    /**< a variant is not ready, or, in strict mode, not in the cache */
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
typedef struct moec_package moec_package; /**< a block on a context's device, with its variants */
typedef struct moec_error moec_error;     /**< why a call failed */

/** A CUDA stream; the type behind CUstream and cudaStream_t. NULL is the legacy default stream. */
typedef struct CUstream_st *moec_stream;

/*--- Version and errors -------------------------------------------------------------------------*/

/** The MOEC_ABI_VERSION that the library was built with; compare before anything else. */
MOEC_API uint32_t moec_abi_version(void);
/** The version of the library, such as "0.1.0". */
MOEC_API const char *moec_version(void);
/** 1 in libmoec, which compiles; 0 in libmoert. */
MOEC_API int32_t moec_has_compiler(void);

/** The status of the failed call; MOEC_OK for NULL. */
MOEC_API moec_status moec_error_status(const moec_error *error);
/** One sentence, valid until the error is destroyed; "" for NULL. */
MOEC_API const char *moec_error_message(const moec_error *error);
/** Where in the text of the block the failure is, as "block.mlir:12:8" (the first operation of a
    list, lines and columns from 1); "" where it is nowhere. Valid until the error is destroyed. */
MOEC_API const char *moec_error_location(const moec_error *error);
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
    nothing is logged. A message that is under way on another thread may still reach the old
    callback, with its `user`, after this has returned. */
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

/** Reads and verifies the package in the folder `path` and loads its kernels onto the device. Of a
    package for several architectures, the part that serves the device best. */
MOEC_API moec_status moec_package_open(moec_context *context, const char *path,
                                       moec_package **package, moec_error **error);
/** How moec_package_from_text compiles. Zero everywhere but in `size` is the default. */
typedef struct moec_text_options {
  size_t size;           /**< sizeof(moec_text_options) */
  const char *name;      /**< what messages call the text; NULL: "block.mlir" */
  const char *cache_dir; /**< of compiled kernels; NULL: as the environment says, "": none */
  const char *schedule;  /**< of products, as `moec compile --schedule` takes it; NULL: default */
  int32_t strict_cache;  /**< 1: a kernel that is not cached is MOEC_CACHE_MISS, not a compile */
  int32_t accumulate;    /**< 1: a fused combine may add in any order: faster, not deterministic */
  uint32_t jobs;         /**< kernels compiled at once for a variant; 0: one for each core */
  const char *routing;   /**< how tokens choose experts, as `moec tune --routing` takes one: which
                              tuning records serve the block, and what moec_package_tune measures;
                              NULL: "uniform" */
} moec_text_options;

/** Reads a block from the `bytes` of its text (IR of the moe dialect with one function) and plans
    its variants for the context's device; this takes milliseconds and compiles nothing. `options`
    may be NULL. Only libmoec has a compiler; NVRTC is needed when a kernel is not in the cache. */
MOEC_API moec_status moec_package_from_text(moec_context *context, const char *text, size_t bytes,
                                            const moec_text_options *options,
                                            moec_package **package, moec_error **error);
/** Unloads the package. Its launches must have finished, and CUDA graphs that hold them must not
    run any more. Waits for variants that are being compiled and breaks off tuning; not to be called
    from a progress callback. NULL is allowed. */
MOEC_API void moec_package_close(moec_package *package);

/** The name of the block, valid until the package is closed. */
MOEC_API const char *moec_package_name(const moec_package *package);
/** The architecture of its code, such as "sm_90a", valid until the package is closed. */
MOEC_API const char *moec_package_target(const moec_package *package);
/** The greatest number of tokens that can be launched, whichever variant serves them. */
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
    a workspace for N tokens serves every smaller number. Does not change as variants become ready. */
MOEC_API moec_status moec_package_workspace_bytes(const moec_package *package, int64_t tokens,
                                                  uint64_t *bytes, moec_error **error);

/*--- Variants -----------------------------------------------------------------------------------*/

/** A block has a variant for each of some intervals of token counts: what there is to prepare. */
MOEC_API size_t moec_package_variant_count(const moec_package *package);

typedef enum moec_variant_state {
  MOEC_VARIANT_ABSENT = 0,    /**< nobody has asked for it */
  MOEC_VARIANT_PREPARING = 1, /**< it is compiled or loaded, or waits for a thread */
  MOEC_VARIANT_READY = 2,
  MOEC_VARIANT_FAILED = 3 /**< launches report why; moec_package_prepare tries again */
} moec_variant_state;

typedef struct moec_variant {
  int64_t min_tokens, max_tokens; /**< that it is made for, both inclusive */
  int32_t is_deterministic;       /**< 1: the same inputs give the same bits */
  moec_variant_state state;
} moec_variant;

/** Tells what variant `index` is; they are in the order of their tokens. All variants of an opened
    package are ready. */
MOEC_API moec_status moec_package_variant(const moec_package *package, size_t index,
                                          moec_variant *variant, moec_error **error);
/** 1 where a launch for `tokens` tokens finds its variant ready, else 0. */
MOEC_API int32_t moec_package_is_ready(const moec_package *package, int64_t tokens);

typedef enum moec_prepare_mode {
  MOEC_PREPARE_WAIT = 0,      /**< return when the variants are ready, or with what failed */
  MOEC_PREPARE_BACKGROUND = 1 /**< return at once; see moec_package_is_ready */
} moec_prepare_mode;

/** Gets the steps done and all steps to do (kernels and the loading of each variant; token counts
    that are tuned). One call at a time, from any thread; done == total is the last call, also after
    a failure, and the only one, with 0 and 0, where nothing is to do. May launch, and prepare in
    the background. Variants may be waiting for its thread, so nothing in it waits for one: under
    MOEC_POLICY_WAIT a launch whose variant is not ready is MOEC_CACHE_MISS, and MOEC_PREPARE_WAIT
    is MOEC_USAGE. Nor must it wait for another thread that waits for one. */
typedef void (*moec_progress_callback)(size_t done, size_t total, void *user);

/** Compiles and loads the variants for all of `tokens` (none: every variant) on threads of the
    context; variants that are ready cost nothing. `progress` may be NULL. In the background it may
    be called until the package is closed; where nothing is to do it is called before this returns.
    Launches take a variant as soon as it is ready. Where the system has no thread to give, or the
    activation of a wgmma kernel finds no registers (its product then needs a smaller tile by
    `schedule`), the variant fails with MOEC_TOOLCHAIN. */
MOEC_API moec_status moec_package_prepare(moec_package *package, const int64_t *tokens,
                                          size_t count, moec_prepare_mode mode,
                                          moec_progress_callback progress, void *user,
                                          moec_error **error);

/** How moec_package_tune searches. Zero everywhere but in `size` is the default. */
typedef struct moec_tune_options {
  size_t size;           /**< sizeof(moec_tune_options) */
  const char *tool;      /**< the `moec` program, which measures; NULL: bin/moec of the installed
                              tree that this library is in */
  double budget_seconds; /**< for all token counts; 0: until each search comes to its end */
  int32_t full_effort;   /**< 1: try more, as `moec tune --effort full` does */
} moec_tune_options;

/** Searches in the background for a faster build at each of `tokens`, one after the other, and
    keeps a record of what it finds beside the kernel cache. A faster build takes the place of the
    variant between two launches, for the token counts that are nearest to the same power of two as
    the one that was measured. Graphs keep what they hold; the list of variants and the workspace
    stay as they are: a build that needs more workspace than moec_package_workspace_bytes told is
    kept for blocks that are opened later, which is logged. A token count that has a record, of
    whatever process, is not searched again.

    Candidates are measured by a process of its own (`options->tool`) on the context's device, so
    that one that faults or hangs harms neither the host nor its CUDA context. That process holds
    the block's weights once more, and shares the device with the host's launches while it measures.
    `progress` gets the token counts that are done, whatever came of them: see moec_counters, and
    the log for reasons. It may be called until the package is closed.

    For blocks from text with a cache folder and without a schedule of the host's own; for others,
    and where there is no such program, it fails and nothing begins. `options` may be NULL. */
MOEC_API moec_status moec_package_tune(moec_package *package, const int64_t *tokens, size_t count,
                                       const moec_tune_options *options,
                                       moec_progress_callback progress, void *user,
                                       moec_error **error);

/** What a launch does whose variant is not ready. A variant that was prepared for some tokens runs
    any number of them, if more slowly. */
typedef enum moec_policy {
  MOEC_POLICY_WAIT = 0,     /**< wait until it is; begin to prepare it where nobody has. In a
                                 progress callback: MOEC_CACHE_MISS */
  MOEC_POLICY_FALLBACK = 1, /**< run the nearest one that is ready, and prepare it meanwhile;
                                 MOEC_CACHE_MISS where none is */
  MOEC_POLICY_STRICT = 2    /**< MOEC_CACHE_MISS, at once; nothing is prepared */
} moec_policy;

/** Sets the policy of the package's launches; MOEC_POLICY_WAIT until then. Where the stream is being
    captured, every policy is strict, and the capture stays valid. */
MOEC_API moec_status moec_package_set_policy(moec_package *package, moec_policy policy,
                                             moec_error **error);

/** Keeps up to `launches` (at most 4096) different launches as CUDA graphs, the latest ones; 0, as in
    the beginning: none. A launch of the same tokens, addresses, workspace and stream as one of them
    is a single call to the driver instead of one for each kernel: for hosts that launch with the
    same buffers step after step and capture no graph themselves. The second launch of a kind takes
    longer (it is captured, and allocates). Each graph takes some memory of host and device. */
MOEC_API moec_status moec_package_keep_replays(moec_package *package, uint32_t launches,
                                               moec_error **error);

/** What happened since the package was opened. */
typedef struct moec_counters {
  size_t size;               /**< sizeof(moec_counters), set by the caller */
  uint64_t launches;         /**< that succeeded */
  uint64_t fallbacks;        /**< launches with another variant than that of their tokens */
  uint64_t waits;            /**< launches that waited */
  uint64_t misses;           /**< launches that failed as no variant was ready */
  uint64_t prepared;         /**< variants that became ready */
  uint64_t failed;           /**< variants that could not be prepared, each attempt */
  uint64_t compiled_kernels; /**< in the variants that became ready */
  uint64_t cached_kernels;
  uint64_t tuned;       /**< faster builds that took the place of a variant */
  uint64_t tune_failed; /**< token counts whose tuning failed */
  uint64_t replays;     /**< launches that were one call to the driver */
} moec_counters;

MOEC_API moec_status moec_package_counters(const moec_package *package, moec_counters *counters,
                                           moec_error **error);

/*--- Launching ----------------------------------------------------------------------------------*/

/** Puts the block on `stream`. `tensors` holds `count` device addresses, one for each argument in
    their order; an address may be NULL where the tensor has no element. Checks its arguments before
    it launches anything; allocates nothing unless it fails or is captured to be repeated
    (moec_package_keep_replays), compiles and loads nothing, does not
    synchronise, reads no device memory, and may be captured in a CUDA graph. */
MOEC_API moec_status moec_package_launch(const moec_package *package, int64_t tokens,
                                         void *const *tensors, size_t count, void *workspace,
                                         uint64_t workspace_bytes, moec_stream stream,
                                         moec_error **error);

/** A tensor as DLPack describes it: the layout is that of DLTensor, so that a pointer to one may be
    cast. This header needs no dlpack.h. */
typedef struct moec_tensor {
  void *data; /**< a device address */
  struct {
    int32_t device_type; /**< kDLCUDA (2), or kDLCUDAManaged (13) */
    int32_t device_id;   /**< the ordinal of the context's device */
  } device;
  int32_t ndim;
  struct {
    uint8_t code; /**< kDLInt (0), kDLUInt (1), kDLFloat (2), kDLBfloat (4), the float8 codes */
    uint8_t bits;
    uint16_t lanes; /**< 1 */
  } dtype;
  int64_t *shape;
  int64_t *strides; /**< in elements, of a compact row-major tensor; NULL says the same */
  uint64_t byte_offset;
} moec_tensor;

/** moec_package_launch for tensors that say what they are: device, element type, shape and strides
    are checked too. The owner keeps them; nothing is kept. */
MOEC_API moec_status moec_package_launch_tensors(const moec_package *package, int64_t tokens,
                                                 const moec_tensor *const *tensors, size_t count,
                                                 void *workspace, uint64_t workspace_bytes,
                                                 moec_stream stream, moec_error **error);

#ifdef __cplusplus
}
#endif

#endif /* MOEC_RUNTIME_API_MOEC_H */
