# SPDX-License-Identifier: MIT
# Three packages: the programs, the shared library, what building against it needs.
set(PXR_PACKAGE_MAINTAINER "The PixelRain authors <pixelrain@example.org>" CACHE STRING "Of the Debian packages")
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME pixelrain)
set(CPACK_PACKAGE_VENDOR "The PixelRain authors")
set(CPACK_PACKAGE_CONTACT "${PXR_PACKAGE_MAINTAINER}")
set(CPACK_COMPONENTS_ALL tool library dev)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
    WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS OFF)
# Where dpkg-shlibdeps finds our own library's package while it is being made.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lib)
# Each package has a synopsis of its own instead of the project's.
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/synopsis.cmake "set(CPACK_PACKAGE_DESCRIPTION_SUMMARY \"\")\n")
set(CPACK_PROJECT_CONFIG_FILE ${CMAKE_CURRENT_BINARY_DIR}/synopsis.cmake)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
# Before 1.0 a program needs at least the version that it was built with.
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(words "A PixelRain archive holds long sequences of grayscale frames of 8 or
16 bits, several times smaller than their samples, bit for bit the same.")

set(CPACK_DEBIAN_TOOL_PACKAGE_NAME ${package_of_tool})
set(CPACK_DEBIAN_TOOL_PACKAGE_SECTION graphics)
set(CPACK_DEBIAN_TOOL_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_TOOL_PACKAGE_RECOMMENDS "fuse3, shared-mime-info")
set(CPACK_DEBIAN_TOOL_DESCRIPTION "lossless archives of grayscale frames, mounted as files
${words}
Mounted, each frame is a file again, for every program that reads files.

This package holds the command pixelrain and the mount helper.")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME ${package_of_library})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_LIBRARY_DESCRIPTION "lossless archives of grayscale frames (shared library)
${words}

This package holds the shared library.")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME ${package_of_dev})
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
# The static library and pkg-config need these.
string(REPLACE "libxxhash" "libxxhash-dev" needs "${PC_REQUIRES}")
string(REPLACE "libdeflate" "libdeflate-dev" needs "${needs}")
string(REPLACE "libzstd" "libzstd-dev" needs "${needs}")
string(REPLACE "libisal" "libisal-dev" needs "${needs}")
string(REPLACE "zlib" "zlib1g-dev" needs "${needs}")
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS "${package_of_library} (= ${PROJECT_VERSION}), ${needs}")
set(CPACK_DEBIAN_DEV_DESCRIPTION "lossless archives of grayscale frames (development)
${words}

This package holds the header, the static library, examples in C and Python,
and what CMake and pkg-config need.")

# The packages' own papers.
set(debian ${CMAKE_CURRENT_BINARY_DIR}/debian)
file(WRITE ${debian}/changelog "pixelrain (${PROJECT_VERSION}) unstable; urgency=medium

  * See CHANGELOG.md of the source.

 -- ${PXR_PACKAGE_MAINTAINER}  Thu, 01 Jan 2026 00:00:00 +0000
")
file(READ ${PROJECT_SOURCE_DIR}/LICENSE licence)
string(REGEX REPLACE "^MIT License\n\nCopyright \\(c\\) ([^\n]*)\n\n" "" licence "${licence}")
set(holder ${CMAKE_MATCH_1})
string(REGEX REPLACE "\n+$" "" licence "${licence}")
string(REGEX REPLACE "\n\n" "\n.\n" licence "${licence}")
string(REGEX REPLACE "\n" "\n " licence "${licence}")
file(WRITE ${debian}/copyright "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: pixelrain

Files: *
Copyright: ${holder}
License: Expat

License: Expat
 ${licence}
")
foreach(component tool library dev)
    pxr_install_text(${debian}/changelog ${doc}/${package_of_${component}} ${component})
    install(FILES ${debian}/copyright DESTINATION ${doc}/${package_of_${component}} COMPONENT ${component})
endforeach()

file(WRITE ${debian}/pixelrain "# It is no copy of zlib: 'pixelrain -Vv' names the libdeflate that it was built with.
pixelrain: embedded-library zlib *
")
install(FILES ${debian}/pixelrain DESTINATION share/lintian/overrides COMPONENT tool)

set(CPACK_POST_BUILD_SCRIPTS ${CMAKE_CURRENT_SOURCE_DIR}/ldconfig.cmake)
include(CPack)
