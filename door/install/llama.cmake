# Read by llama-cpp-python's own CMakeLists right after its project() (CMAKE_PROJECT_llama_cpp_INCLUDE).

# llama.cpp's command line helpers: a quarter of the build, and nothing here uses them. A plain variable wins over the
# cache entry that llama-cpp-python forces (CMP0126, CMP0077).
set(LLAMA_BUILD_COMMON OFF)

# gcc drops the stores into the tile configuration before _tile_loadconfig (llama.cpp issue 20824): signal 11 at the
# first batch of eight tokens. VIGNETTE_AMX=mended keeps those stores, in the one file that needs it; =off compiles
# without AMX; anything else leaves all as it is.
function(vignette_mend_amx)
  if(NOT TARGET ggml-cpu)
    return()
  endif()
  if(VIGNETTE_AMX STREQUAL "mended")
    get_target_property(folder ggml-cpu SOURCE_DIR)
    set_property(
      SOURCE "${folder}/ggml-cpu/amx/mmq.cpp"
      TARGET_DIRECTORY ggml-cpu
      APPEND PROPERTY COMPILE_OPTIONS -fno-tree-dse -fno-dse)
  elseif(VIGNETTE_AMX STREQUAL "off")
    target_compile_options(ggml-cpu PRIVATE -U__AMX_INT8__)
  endif()
endfunction()
cmake_language(DEFER CALL vignette_mend_amx)
