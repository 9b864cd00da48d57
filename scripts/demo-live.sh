#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# demo-live.sh MEMCGFS RATIO: inside a tree at /sys/fs/cgroup, a simulated task streams a file
# larger than the limit through its group's page cache; readings of the group, and a verdict.
set -euo pipefail
memcgfs=$1
ratio=$2
group=/sys/fs/cgroup/memory/load
# On a disk: the pages of a tmpfs file are not cache, and without swap they have nowhere to go.
for place in "${TMPDIR:-/tmp}" /var/tmp "$PWD"; do
    [[ ! -w $place || $(stat -f -c %T "$place") == tmpfs ]] || break
done
scratch=$(mktemp -d -p "$place")
trap 'rm -rf "$scratch"' EXIT

value() { printf '%s' "$(<"$group/memory.$1")"; }
mebibytes() { printf '%d.%d' "$(($1 >> 20))" "$((($1 & 0xfffff) * 10 >> 20))"; }

fail() {
    printf 'demo: %s\n' "$1" >&2
    exit 1
}

mkdir "$group"
echo 1G >"$group/memory.limit_in_bytes"
echo "$ratio" >"$group/memory.wmark_ratio"
high=$(value wmark_high) low=$(value wmark_low)
if ((ratio)); then
    printf '\nA task fills a group limited to 1G, wmark_ratio %d (wmark_high %s MiB, wmark_low %s MiB):\n\n' \
        "$ratio" "$(mebibytes "$high")" "$(mebibytes "$low")"
else
    printf '\nThe same with wmark_ratio 0, so without background reclaim:\n\n'
fi
printf '  seconds   memory.usage_in_bytes             memory.failcnt\n'

# Where a usage lies.
zone() {
    if (($1 >= high)); then echo '>= wmark_high'; elif (($1 < low)); then echo '<  wmark_low'; else echo 'between'; fi
}

# reading LABEL: one line of the table.
reading() {
    local usage now
    usage=$(value usage_in_bytes)
    now=$((${EPOCHREALTIME/./} - start))
    printf '  %3d.%d   %14d %7s MiB   %-15s %-8d %s\n' "$((now / 1000000))" "$((now / 100000 % 10))" \
        "$usage" "$(mebibytes "$usage")" "$( ((ratio == 0)) || zone "$usage")" "$(value failcnt)" "$1"
}

# Sparse files take no space; their page cache is simulated.
truncate -s 1536M "$scratch/stream"
truncate -s 512K "$scratch"/piece{1..20}
start=${EPOCHREALTIME/./}
coproc task { exec "$memcgfs" hog -j "$group/cgroup.procs" in; }
# shellcheck disable=SC2154 # coproc sets it, and unsets it when the task has ended
task_pid=$task_PID
# tell STEP: gives the task a step. heard: its answer has come.
tell() { printf '%s\n' "$1" >&"${task[1]}"; }
heard() { read -r -t 0.4 said <&"${task[0]}"; }

reading 'start'
tell "read $scratch/stream"
until heard; do
    reading 'reading a file of 1536 MiB'
    ((${EPOCHREALTIME/./} - start < 30000000)) || fail "the task did not come to its end within 30 s."
done
[[ $said == *': ok' ]] || fail "the task said: $said"
reading 'the whole file has been read'

# Half a mebibyte more at a time, until the mark is crossed once more and the worker is seen to
# have gone below the lower one.
fell=no
for piece in "$scratch"/piece*; do
    if ((ratio == 0)) || [[ $fell == yes ]]; then break; fi
    tell "read $piece"
    heard || fail "the task does not answer."
    reading '512 KiB more'
    (($(value usage_in_bytes) >= low)) || fell=yes
done
tell exit
wait "$task_pid" || fail "the task ended badly."

usage=$(value usage_in_bytes) failcnt=$(value failcnt) peak=$(value max_usage_in_bytes)
printf '\n  highest usage %s MiB, in the end %s MiB; direct reclaims (memory.failcnt): %d\n' \
    "$(mebibytes "$peak")" "$(mebibytes "$usage")" "$failcnt"
if ((ratio)); then
    ((peak >= high)) || fail "the usage never reached wmark_high."
    [[ $fell == yes ]] || fail "the usage did not fall below wmark_low."
    ((failcnt == 0)) || fail "there was direct reclaim, though the background reclaim was on."
    printf '  Background reclaim took it from wmark_high to below wmark_low; the task never reclaimed.\n'
else
    ((failcnt > 0)) || fail "there was no direct reclaim, though the background reclaim was off."
    printf '  No background reclaim: the task had to reclaim for itself at the limit.\n'
fi
