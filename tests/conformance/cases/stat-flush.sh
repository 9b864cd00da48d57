# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap classic
# PROFILE: 6.1 6.12
#
# Reclaim compares list sizes as they were when the statistics were flushed last: every two seconds
# and when they are read; in 6.1 also at each visit of reclaim. The limits are such that the 19
# pages of kernel memory in a real group make no difference. A recording comes out wrong where the
# kernel's own flush, which cannot be seen, falls among what follows a `pause`.
. "${CASE_LIB:-/case/lib.sh}"
start
stat_of() { field t/memory.stat "$1"; }
told() { printf '%s %s\n' "$1" "$(stat_of "$1")"; }
pause() { sleep 2.2; } # all is flushed then
begin() {
    mkdir t
    sparse_file f 32M
    once t read "$TMP/f" read "$TMP/f"
}
end() {
    echo max >t/memory.max
    echo max >t/memory.high
    once t "$@"
    rm "$TMP"/*
    rmdir t
}
for high in 28648K 24552K 20456K 12M 8168K 4M; do
    section "32 MiB, used twice, above memory.high $high"
    begin
    echo $high >t/memory.high
    told pgsteal
    told pgrefill
    end drop "$TMP/f"
done
section 'one limit after another'
begin
pause
for high in 28652K 24576K 20464K 16448K 12288K; do
    echo $high >t/memory.high
done
told pgrefill
told pgsteal
end drop "$TMP/f"
section 'the same with a look at the statistics in between'
for file in memory.stat memory.numa_stat cpu.stat; do
    begin
    pause
    for high in 28652K 24576K 20464K 16448K 12288K; do
        echo $high >t/memory.high
        cat t/$file >/dev/null
    done
    told pgrefill
    told pgsteal
    end drop "$TMP/f"
done
section 'a stream passes the hot pages'
mkdir t
echo 8M >t/memory.max
sparse_file hot 2M
sparse_file f 8M
once t read "$TMP/hot" read "$TMP/hot"
pause
once t read "$TMP/f"
fact 'some are deactivated' '(($(stat_of pgdeactivate) > 0))'
end drop "$TMP/hot" drop "$TMP/f"
section 'pages come back after the active list has grown'
for file in '' memory.stat; do
    mkdir t
    sparse_file warm 2M
    sparse_file hot 3M
    sparse_file f 8M
    once t read "$TMP/f" read "$TMP/warm" read "$TMP/warm"
    echo 6M >t/memory.high
    echo max >t/memory.high
    pause
    if [[ $file ]]; then
        once t read "$TMP/hot" read "$TMP/hot"
        cat t/$file >/dev/null
        once t read "$TMP/f"
    else
        once t read "$TMP/hot" read "$TMP/hot" read "$TMP/f"
    fi
    echo "$(stat_of workingset_refault_file) $(stat_of workingset_activate_file)"
    end drop "$TMP/warm" drop "$TMP/hot" drop "$TMP/f"
done
