/* SPDX-License-Identifier: MIT
 * What shells need to complete our command line, made from the tables that parse it. */
#include "completions.h"

#include <stdio.h>
#include <string.h>

/* The mount's options belong to another program, so a shell asks for them when they are wanted. */
#define MOUNT_OPTIONS                                                                                                  \
    "pixelrain mount --help 2>/dev/null | sed -n 's/^  \\([a-z_]*\\)=[^ ]* .*/\\1=/p; s/^  \\([a-z_]*\\)  .*/\\1/p'"

static bool is_file(const struct pxr_option *o)
{
    return o->arg && (!strncmp(o->arg, "FILE", 4) || !strcmp(o->arg, "DIR"));
}

/* One line of help, without what would end a quoted text of any shell or one of zsh's fields. */
static void put_help(const char *help)
{
    for (const char *c = help; *c; c++)
        putchar(*c == '\n' ? ' ' : strchr("'\"\\`$[]:", *c) ? ' ' : *c);
}

static void put_choices(const struct pxr_option *o)
{
    for (int i = 0; o->choices[i]; i++)
        printf("%s%s", i ? " " : "", o->choices[i]);
}

/* ---- bash ------------------------------------------------------------------------------------------ */

static void bash_case(const struct pxr_option *o)
{
    printf("        --%s", o->name);
    if (o->letter)
        printf(" | -%c", o->letter);
    printf(") ");
    if (o->kind == PXR_OPT_CHOICE) {
        printf("mapfile -t COMPREPLY < <(compgen -W '");
        put_choices(o);
        printf("' -- \"$word\"); ");
    }
    printf("return ;;\n"); /* a file: bash completes it by itself */
}

static void bash_command(const struct pxr_cli_command *command, const struct pxr_option *table)
{
    printf("    %s)\n        case $before in\n", command->name);
    for (const struct pxr_option *o = table; o->name; o++)
        if (o->kind != PXR_OPT_FLAG)
            bash_case(o);
    if (command->takes_mount_options)
        printf("        -o)\n"
               "            mapfile -t COMPREPLY < <(compgen -P \"${word%%\"${word##*,}\"}\" "
               "-W \"$(" MOUNT_OPTIONS ")\" -- \"${word##*,}\")\n"
               "            compopt -o nospace\n"
               "            return ;;\n");
    printf("        esac\n        options='");
    for (const struct pxr_option *o = table; o->name; o++)
        printf("--%s ", o->name);
    printf("%s' ;;\n", command->takes_mount_options ? "-o -f -v" : "");
}

static void bash_begin(const struct pxr_cli_command *const *commands, int n)
{
    printf("# bash completion for pixelrain, made by 'pixelrain --completions bash'\n"
           "_pixelrain() {\n"
           "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} options=\n"
           "    COMPREPLY=()\n"
           "    if [ \"$COMP_CWORD\" = 1 ]; then\n"
           "        mapfile -t COMPREPLY < <(compgen -W '");
    for (int i = 0; i < n; i++)
        printf("%s ", commands[i]->name);
    printf("--help --version' -- \"$word\")\n"
           "        return\n"
           "    fi\n"
           "    case ${COMP_WORDS[1]} in\n");
}

static void bash_end(void)
{
    printf("    esac\n"
           "    if [[ $word == -* ]]; then mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$word\"); fi\n"
           "}\n"
           "complete -o bashdefault -o default -F _pixelrain pixelrain\n");
}

/* ---- zsh ------------------------------------------------------------------------------------------- */

static void zsh_option(const struct pxr_option *o)
{
    printf(" \\\n            ");
    if (o->letter)
        printf("'(-%c --%s)'{-%c,--%s}", o->letter, o->name, o->letter, o->name);
    else
        printf("--%s", o->name);
    printf("'[");
    put_help(o->help);
    printf("]");
    if (o->kind == PXR_OPT_CHOICE) {
        printf(":%s:(", o->name);
        put_choices(o);
        printf(")");
    } else if (o->kind != PXR_OPT_FLAG) {
        printf(":");
        put_help(o->arg);
        printf(":%s", is_file(o) ? "_files" : "");
    }
    printf("'");
}

static void zsh_command(const struct pxr_cli_command *command, const struct pxr_option *table)
{
    printf("    %s)\n        _arguments -S", command->name);
    for (const struct pxr_option *o = table; o->name; o++)
        zsh_option(o);
    if (command->takes_mount_options)
        printf(" \\\n            '-o[Options of the mount]:options:_values -s , option ${=\"$(" MOUNT_OPTIONS
               " | tr -d =)\"}' '-f[Stay in the foreground]' '-v[Say what is mounted where]'");
    printf(" \\\n            '*:file:_files' ;;\n");
}

static void zsh_begin(const struct pxr_cli_command *const *commands, int n)
{
    printf("#compdef pixelrain\n"
           "# zsh completion for pixelrain, made by 'pixelrain --completions zsh'\n"
           "if (( CURRENT == 2 )); then\n"
           "    local -a commands=(\n");
    for (int i = 0; i < n; i++) {
        printf("        '%s:", commands[i]->name);
        put_help(commands[i]->summary);
        printf("'\n");
    }
    printf("    )\n"
           "    _describe command commands\n"
           "    _arguments -S '--help[Show help]' '--version[Print the version]'\n"
           "    return\n"
           "fi\n"
           "shift words\n"
           "(( CURRENT-- ))\n"
           "case $words[1] in\n");
}

static void zsh_end(void) { printf("esac\n"); }

/* ---- fish ------------------------------------------------------------------------------------------ */

static void fish_option(const struct pxr_cli_command *command, const struct pxr_option *o)
{
    printf("complete -c pixelrain -n '__fish_seen_subcommand_from %s' -l %s", command->name, o->name);
    if (o->letter)
        printf(" -s %c", o->letter);
    if (o->kind == PXR_OPT_CHOICE) {
        printf(" -x -a '");
        put_choices(o);
        printf("'");
    } else if (o->kind != PXR_OPT_FLAG) {
        printf(is_file(o) ? " -r -F" : " -x");
    }
    printf(" -d '");
    put_help(o->help);
    printf("'\n");
}

static void fish_command(const struct pxr_cli_command *command, const struct pxr_option *table)
{
    printf("complete -c pixelrain -f -n __fish_use_subcommand -a %s -d '", command->name);
    put_help(command->summary);
    printf("'\n");
    for (const struct pxr_option *o = table; o->name; o++)
        fish_option(command, o);
    if (command->takes_mount_options)
        printf("complete -c pixelrain -n '__fish_seen_subcommand_from mount' -s o -x "
               "-a '(__fish_append , (__pixelrain_mount_options))' -d 'Options of the mount'\n"
               "complete -c pixelrain -n '__fish_seen_subcommand_from mount' -s f -d 'Stay in the foreground'\n"
               "complete -c pixelrain -n '__fish_seen_subcommand_from mount' -s v -d 'Say what is mounted where'\n");
}

static void fish_begin(const struct pxr_cli_command *const *commands, int n)
{
    (void)commands;
    (void)n;
    printf("# fish completion for pixelrain, made by 'pixelrain --completions fish'\n"
           "function __pixelrain_mount_options\n"
           "    " MOUNT_OPTIONS "\n"
           "end\n"
           "complete -c pixelrain -n __fish_use_subcommand -l help -s h -d 'Show help'\n"
           "complete -c pixelrain -n __fish_use_subcommand -l version -s V -d 'Print the version'\n");
}

static void fish_end(void) {}

/* ---- */

static const struct shell {
    const char *name;
    void (*begin)(const struct pxr_cli_command *const *commands, int n);
    pxr_cli_table_fn *command;
    void (*end)(void);
} shells[] = {
    {"bash", bash_begin, bash_command, bash_end},
    {"zsh", zsh_begin, zsh_command, zsh_end},
    {"fish", fish_begin, fish_command, fish_end},
};

int pxr_completions_print(const char *shell, const struct pxr_cli_command *const *commands, int n)
{
    for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
        if (strcmp(shell, shells[i].name))
            continue;
        shells[i].begin(commands, n);
        for (int k = 0; k < n; k++)
            pxr_cli_visit_table(commands[k], shells[i].command);
        shells[i].end();
        return 0;
    }
    return pxr_cli_usage(NULL, "--completions is one of bash, zsh, fish, not '%s'", shell);
}
