#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs a script of plain commands as if typed: demo-transcript.sh FILE
while IFS= read -r command; do
    [[ -z $command || $command == \#* ]] && continue
    printf '$ %s\n' "$command"
    eval "$command" || exit
done <"$1"
