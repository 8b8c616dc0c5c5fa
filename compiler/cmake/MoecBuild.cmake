# Flags and thin wrappers shared by every target of the project.
include_guard()

include_directories(${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
add_compile_options(-Wall -Wextra -Wno-unused-parameter -fno-exceptions -ffunction-sections
                    -fdata-sections)
# The build id is part of the keys of cached packages: see compiler/Cache/BuildId.h.
add_link_options(-static-libstdc++ -static-libgcc -Wl,--gc-sections -Wl,--as-needed
                 -Wl,--build-id=sha1)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  add_link_options(-fuse-ld=lld -Wl,--icf=all)
endif()

# moec_add_library(NAME SOURCES a.cpp ... [LINK lib ...] [DEPENDS target ...])
# A static library; LINK is public. DEPENDS names generated-header targets.
function(moec_add_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK;DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_link_libraries(${name} PUBLIC ${ARG_LINK})
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
endfunction()

# moec_add_unit_test(NAME SOURCES a.cpp ... [LINK lib ...])
# One GoogleTest program, registered with CTest under its own name.
function(moec_add_unit_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  find_package(GTest REQUIRED)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} GTest::gtest GTest::gtest_main)
  set_property(GLOBAL APPEND PROPERTY MOEC_UNIT_TESTS ${name})
  add_test(NAME ${name} COMMAND ${name})
endfunction()
