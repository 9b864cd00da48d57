#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# demo-live.sh MEMCGFS RATIO: inside a tree at /sys/fs/cgroup, a simulated task streams a file
# larger than the limit through its group's page cache; readings of the group, and a verdict.
set -euo pipefail
memcgfs=$1
ratio=$2
group=/sys/fs/cgroup/memory/load
scratch=$(mktemp -d)
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

# Where a usage lies: what makes a reading worth a line.
zone() {
    if (($1 >= high)); then echo '>= wmark_high'; elif (($1 < low)); then echo '<  wmark_low'; else echo 'between'; fi
}

# A sparse file takes no space; its page cache is simulated.
truncate -s 1536M "$scratch/stream"
"$memcgfs" hog -j "$group/cgroup.procs" read "$scratch/stream" >"$scratch/said" &
task=$!
start=${EPOCHREALTIME/./}
crossed=no fell=no last_zone='' next=0 settled=0
# Until the task is done and the usage has settled: twenty readings alike.
while ((settled < 20)); do
    usage=$(value usage_in_bytes)
    now=$((${EPOCHREALTIME/./} - start))
    where=$(zone "$usage")
    ((usage < high)) || crossed=yes
    [[ $crossed == no || $usage -ge $low ]] || fell=yes
    if ((now >= next)) || [[ $where != "$last_zone" && $ratio -ne 0 && $now -ge $((next - 400000)) ]]; then
        ((ratio)) || where=
        printf '  %3d.%d   %14d %7s MiB   %-15s %d\n' "$((now / 1000000))" "$((now / 100000 % 10))" \
            "$usage" "$(mebibytes "$usage")" "$where" "$(value failcnt)"
        next=$((now + 500000)) last_zone=$(zone "$usage")
    fi
    kill -0 "$task" 2>/dev/null && settled=0 || settled=$((settled + 1))
    ((now < 30000000)) || fail "the task did not come to its end within 30 s."
    sleep 0.02
done
wait "$task" || fail "the task ended badly: $(<"$scratch/said")"

usage=$(value usage_in_bytes) failcnt=$(value failcnt) peak=$(value max_usage_in_bytes)
((peak < high)) || crossed=yes
printf '\n  highest usage %s MiB, in the end %s MiB; direct reclaims (memory.failcnt): %d\n' \
    "$(mebibytes "$peak")" "$(mebibytes "$usage")" "$failcnt"
if ((ratio)); then
    [[ $crossed == yes ]] || fail "the usage never reached wmark_high."
    [[ $fell == yes ]] || ((usage < low)) || fail "the usage did not fall below wmark_low."
    ((failcnt == 0)) || fail "there was direct reclaim, though the background reclaim was on."
    printf '  Background reclaim took it from wmark_high to below wmark_low; the task never reclaimed.\n'
else
    ((failcnt > 0)) || fail "there was no direct reclaim, though the background reclaim was off."
    printf '  No background reclaim: the task had to reclaim for itself at the limit.\n'
fi
