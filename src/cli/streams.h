/* SPDX-License-Identifier: Apache-2.0 */
/* Standard streams: none of them may be another file's, or fail in silence. */
#ifndef CLI_STREAMS_H
#define CLI_STREAMS_H

/*
 * Before anything else in main().  What cannot be written to standard output is
 * told at the exit, whose code is CLI_STREAMS_FAILED then.
 */
void cli_streams(void);

#define CLI_STREAMS_FAILED	2

#endif
