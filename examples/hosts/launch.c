/* A host in C that runs a compiled package, with no compiler, no NVRTC and no cache around:
 *
 *   launch BLOCK.moepkg TOKENS...     launch qwen3-30b-a3b.moepkg 1 64 4096
 *
 * Link: moec::moert (find_package) or `pkg-config moert`. */
#include "driver.h"

#include <moec/moec.h>

static int fail(moec_error *error) {
  int status = moec_error_status(error);
  fprintf(stderr, "%s\n", moec_error_message(error));
  moec_error_destroy(error);
  return status;
}

/* The bytes of argument `index` for `tokens` tokens. */
static moec_status argumentBytes(const moec_package *package, size_t index, int64_t tokens,
                                 size_t *bytes, moec_argument *argument, moec_error **error) {
  int64_t dims[MOEC_MAX_RANK];
  int32_t i;
  moec_status status = moec_package_argument(package, index, argument, error);
  if (status == MOEC_OK)
    status = moec_package_argument_dims(package, index, tokens, dims, error);
  if (status != MOEC_OK)
    return status;
  *bytes = moec_dtype_bytes(argument->dtype);
  for (i = 0; i < argument->rank; ++i)
    *bytes *= (size_t)dims[i];
  return MOEC_OK;
}

int main(int argc, char **argv) {
  moec_context *context = NULL;
  moec_package *package = NULL;
  moec_error *error = NULL;
  void *tensors[64];
  uint64_t workspaceBytes = 0;
  int64_t most = 0;
  size_t i, count;
  int arg;
  Driver driver;
  Stream stream = NULL;
  void *workspace;

  if (argc < 3 || moec_abi_version() != MOEC_ABI_VERSION) {
    fprintf(stderr, "usage: launch BLOCK.moepkg TOKENS..., with a library of this ABI\n");
    return 2;
  }
  driver = openDriver();
  if (moec_context_create(0, &context, &error) != MOEC_OK ||
      moec_package_open(context, argv[1], &package, &error) != MOEC_OK)
    return fail(error);
  printf("%s for %s\n", moec_package_name(package), moec_package_target(package));

  for (arg = 2; arg < argc; ++arg)
    most = atoll(argv[arg]) > most ? atoll(argv[arg]) : most;
  CHECK_CUDA(driver.cuStreamCreate(&stream, 1));
  count = moec_package_argument_count(package);
  for (i = 0; i < count; ++i) {
    moec_argument argument;
    size_t bytes = 0;
    if (argumentBytes(package, i, most, &bytes, &argument, &error) != MOEC_OK)
      return fail(error);
    printf("%s %s: %zu bytes of %s\n", argument.is_output ? "output" : "input", argument.name,
           bytes, moec_dtype_name(argument.dtype));
    tensors[i] = allocate(&driver, bytes, stream);
  }
  if (moec_package_workspace_bytes(package, most, &workspaceBytes, &error) != MOEC_OK)
    return fail(error);
  workspace = allocate(&driver, workspaceBytes, stream);

  for (arg = 2; arg < argc; ++arg) {
    if (moec_package_launch(package, atoll(argv[arg]), tensors, count, workspace, workspaceBytes,
                            stream, &error) != MOEC_OK)
      return fail(error);
    CHECK_CUDA(driver.cuStreamSynchronize(stream));
    printf("%s tokens: launched\n", argv[arg]);
  }
  moec_package_close(package);
  moec_context_destroy(context);
  return 0;
}
