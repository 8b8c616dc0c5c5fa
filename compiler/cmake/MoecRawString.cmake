# moec_append_raw_string(VARIABLE FILE DELIMITER)
# Appends the text of FILE to VARIABLE as C++ raw strings. String literals of more than 64 KiB are not
# portable, so long files become several adjacent ones.
function(moec_append_raw_string variable path delimiter)
  # Brackets and semicolons are CMake's own list syntax: pieces are cut from the quoted text only.
  file(READ "${path}" content)
  if(content MATCHES "\\)${delimiter}\"")
    message(FATAL_ERROR "${path} contains the delimiter of raw strings")
  endif()
  set(text "${${variable}}")
  string(LENGTH "${content}" length)
  set(offset 0)
  while(offset LESS length)
    string(SUBSTRING "${content}" ${offset} 16000 piece)
    string(APPEND text "R\"${delimiter}(${piece})${delimiter}\"\n")
    math(EXPR offset "${offset} + 16000")
  endwhile()
  set(${variable} "${text}" PARENT_SCOPE)
endfunction()
