/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands: each takes its own name as argv[0], returns an exit code. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

int cmd_run(int argc, char **argv);

#endif
