# What a host needs: libraries, headers, find_package(moec) and pkg-config. The tree may be moved.
include_guard()
include(CMakePackageConfigHelpers)

set(libraries libmoert)
if(TARGET libmoec)
  list(APPEND libraries libmoec)
endif()
install(TARGETS ${libraries} EXPORT moec-targets LIBRARY DESTINATION lib)
install(FILES runtime/Api/moec.h runtime/Api/moec.hpp DESTINATION include/moec)
install(DIRECTORY examples/hosts DESTINATION share/moec/examples)

set(config ${PROJECT_BINARY_DIR}/cmake)
configure_package_config_file(runtime/Api/moec-config.cmake.in ${config}/moec-config.cmake
  INSTALL_DESTINATION lib/cmake/moec)
write_basic_package_version_file(${config}/moec-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${config}/moec-config.cmake ${config}/moec-config-version.cmake
  DESTINATION lib/cmake/moec)
install(EXPORT moec-targets NAMESPACE moec:: DESTINATION lib/cmake/moec)

function(moec_install_pkgconfig name description)
  set(MOEC_PC_NAME ${name})
  set(MOEC_PC_DESCRIPTION ${description})
  configure_file(runtime/Api/library.pc.in ${config}/${name}.pc @ONLY)
  install(FILES ${config}/${name}.pc DESTINATION lib/pkgconfig)
endfunction()
moec_install_pkgconfig(moert "launches compiled Mixture-of-Experts blocks on CUDA devices")
if(TARGET libmoec)
  moec_install_pkgconfig(moec "compiles and launches Mixture-of-Experts blocks on CUDA devices")
endif()
