#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# tap.sh PROGRAM [ARG…]: runs a test. cmocka calls a skipped case "not ok … # SKIP",
# which is a failure to meson; in TAP it is "ok … # SKIP".
"$@" | sed -u '/# SKIP/s/^not ok /ok /'
exit "${PIPESTATUS[0]}"
