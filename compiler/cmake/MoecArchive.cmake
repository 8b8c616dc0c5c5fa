# The relocatable archive: `cpack` (or `ninja package`) in the build folder.
#
#   bin/    moec, moe-opt        lib/   libmoec.so, libmoert.so, libomp.so.5, cmake/, pkgconfig/
#   include/moec/                share/moec/examples, share/moec/gpu-tests
#
# It runs on any x86-64 Linux with glibc 2.36 or newer, without LLVM and without a CUDA toolkit's
# headers; gpu-tests/run.sh is how a machine that has a GPU, and nothing else, tests it.
include_guard()

install(TARGETS moec moe-opt RUNTIME DESTINATION bin)
install(DIRECTORY examples/models DESTINATION share/moec/examples)
install(PROGRAMS test/gpu/run.sh DESTINATION share/moec/gpu-tests)
install(FILES test/gpu/random_block.awk DESTINATION share/moec/gpu-tests)
if(MOEC_BUILD_TESTS)
  install(TARGETS moert-gpu-tests RUNTIME DESTINATION share/moec/gpu-tests)
endif()

# Code that is compiled for the CPU runs in parallel through LLVM's OpenMP runtime.
find_file(MOEC_LIBOMP libomp.so.5 HINTS ${LLVM_LIBRARY_DIR} NO_CACHE)
if(MOEC_LIBOMP)
  file(REAL_PATH ${MOEC_LIBOMP} MOEC_LIBOMP_FILE)
  install(FILES ${MOEC_LIBOMP_FILE} DESTINATION lib RENAME libomp.so.5)
endif()

set(CPACK_GENERATOR TXZ)
set(CPACK_STRIP_FILES ON)
set(CPACK_THREADS 0)
set(CPACK_PACKAGE_NAME moec)
set(CPACK_PACKAGE_FILE_NAME moec-${PROJECT_VERSION}-linux-x86_64)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "JIT kernel-generation compiler for Mixture-of-Experts blocks")
set(CPACK_PACKAGE_VENDOR moec)
set(CPACK_VERBATIM_VARIABLES ON)
include(CPack)
