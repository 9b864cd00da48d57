# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap root
# PROFILE: 6.1 6.12
#
# A process that lowers its oom_score_adj and then joins a group is spared from the first moment.
# The FIFO holds it between the two.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a
echo 16M >a/memory.max
echo 1 >a/memory.oom.group
mkfifo "$TMP/gate"
# A name of its own tells this shell's descriptor, which the process inherits, from the process's.
ln "$TMP/gate" "$TMP/held"
exec {held}<>"$TMP/held"
# Full, so that the next write waits.
dd if=/dev/zero of="$TMP/held" bs=4K oflag=nonblock 2>/dev/null
memhog -a -1000 -j "$TMP/gate" anon 1M &
safe=$!
until readlink /proc/$safe/fd/* | grep -q /gate$; do sleep 0.01; done
run 'echo $safe >a/cgroup.procs'
once a anon 20M
run 'grep -E "^oom" a/memory.events'
# Empty, so that the write ends; what it wrote follows.
dd if="$TMP/held" of=/dev/null bs=4K count=16 2>/dev/null
wait $safe
echo "[status $?]"
