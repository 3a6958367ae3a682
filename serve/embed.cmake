# SPDX-License-Identifier: MIT
# cmake -DOUT=pages.c -DPAGES=a;b -DFOLDER=... -P embed.cmake: files as arrays, found by their path.
set(text "/* Made by embed.cmake. */\n#include \"answer.h\"\n\n#include <string.h>\n\n")
set(table "")
foreach(page IN LISTS PAGES)
    file(READ ${FOLDER}/${page} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(MAKE_C_IDENTIFIER ${page} name)
    string(APPEND text "static const uint8_t ${name}[] = {${bytes}};\n")
    if(page MATCHES "html$")
        set(type "text/html; charset=utf-8")
    elseif(page MATCHES "js$")
        set(type "text/javascript; charset=utf-8")
    else()
        set(type "text/css; charset=utf-8")
    endif()
    set(path "/${page}")
    if(page STREQUAL "index.html")
        set(path "/")
    endif()
    string(APPEND table "    {\"${path}\", \"${type}\", ${name}, sizeof ${name}},\n")
endforeach()
string(APPEND text "\nstatic const struct pxr_page pages[] = {\n${table}};\n
const struct pxr_page *pxr_page_find(const char *path)
{
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (!strcmp(path, pages[i].path))
            return &pages[i];
    return NULL;
}
")
file(WRITE ${OUT} "${text}")
