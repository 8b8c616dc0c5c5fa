# cmake -DROOT=compiler/Device -DOUTPUT=x.cpp -P EmbedHeaders.cmake
#
# Writes a C++ file with every moe/**/*.cuh under ROOT as a raw string literal, sorted by name, and
# moec::embeddedDeviceHeaders() over them.
cmake_minimum_required(VERSION 3.25)

file(GLOB_RECURSE headers RELATIVE ${ROOT} ${ROOT}/moe/*.cuh)
list(SORT headers)
set(entries "")
foreach(header ${headers})
  file(READ ${ROOT}/${header} text)
  string(APPEND entries "    {\"${header}\", R\"__cuh(${text})__cuh\"},\n")
endforeach()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT
"// Made from compiler/Device by compiler/cmake/EmbedHeaders.cmake.
#include \"compiler/Target/Cuda/DeviceHeaders.h\"

static constexpr moert::SourceHeader kHeaders[] = {
@entries@};

std::span<const moert::SourceHeader> moec::embeddedDeviceHeaders() { return kHeaders; }
" @ONLY)
