/*===- CApiFromC.c - moec.h in a C program --------------------------------===*/

#include "test/unit/Runtime/CApiFromC.h"

#include "runtime/Api/moec.h"

#include <string.h>

#define CHECK(condition)                                                                           \
  if (!(condition))                                                                                \
  return __LINE__

int useMoecFromC(const char *packagePath, void *hidden, void *output, void *workspace,
                 uint64_t workspaceBytes) {
  moec_error *error = (moec_error *)packagePath; /* must be overwritten */
  moec_context *context = NULL;
  moec_package *package = NULL;
  moec_argument argument;
  int64_t dims[MOEC_MAX_RANK];
  uint64_t bytes = 0;
  size_t index = 99;
  void *tensors[2];

  CHECK(moec_abi_version() == MOEC_ABI_VERSION);
  CHECK(strlen(moec_version()) >= 5);
  CHECK(moec_device_count() == 2);
  CHECK(strcmp(moec_dtype_name(MOEC_BF16), "bf16") == 0 && moec_dtype_bytes(MOEC_BF16) == 2);
  CHECK(moec_dtype_name((moec_dtype)77) == NULL && moec_dtype_bytes((moec_dtype)-1) == 0);
  CHECK(moec_error_status(NULL) == MOEC_OK && strcmp(moec_error_message(NULL), "") == 0);

  CHECK(moec_context_create(0, &context, &error) == MOEC_OK && context && !error);
  CHECK(moec_package_open(context, packagePath, &package, &error) == MOEC_OK && !error);
  moec_context_destroy(context); /* the package keeps what it needs */

  CHECK(strcmp(moec_package_name(package), "scale_block") == 0);
  CHECK(strcmp(moec_package_target(package), "sm_80") == 0);
  CHECK(moec_package_max_tokens(package) == 1 << 20);
  CHECK(moec_package_is_deterministic(package) == 1);
  CHECK(moec_package_argument_count(package) == 2);
  CHECK(moec_package_argument(package, 1, &argument, &error) == MOEC_OK);
  CHECK(strcmp(argument.name, "output") == 0 && argument.dtype == MOEC_F32);
  CHECK(argument.rank == 2 && argument.is_output == 1);
  CHECK(moec_package_find_argument(package, "output", &index, &error) == MOEC_OK && index == 1);
  CHECK(moec_package_argument_dims(package, 0, 40, dims, &error) == MOEC_OK);
  CHECK(dims[0] == 40 && dims[1] == 8);
  CHECK(moec_package_workspace_bytes(package, 40, &bytes, &error) == MOEC_OK);
  CHECK(bytes == workspaceBytes);

  tensors[0] = hidden;
  tensors[1] = output;
  CHECK(moec_package_launch(package, 40, tensors, 2, workspace, bytes, NULL, &error) == MOEC_OK);
  CHECK(!error);
  CHECK(moec_package_launch(package, 40, tensors, 2, workspace, bytes - 1, NULL, NULL) ==
        MOEC_USAGE);
  moec_package_close(package);
  return 0;
}
