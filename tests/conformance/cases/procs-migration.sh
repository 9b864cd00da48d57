# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# Processes join by cgroup.procs, take their children along, and are seen in one group only.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a b
puppet p a
pid=$(id_of p)
members() { sed "s/^$pid\$/p/" "$1/cgroup.procs"; }
run 'members a; echo -; members b'
run 'echo $pid > b/cgroup.procs; members a; echo -; members b'
run 'echo $pid > b/cgroup.procs; members b'
section 'what is no process'
for v in 0x -1 x '1 2' 99999999 4294967296; do
    printf '%-12s %s\n' "${v@Q}" "$(errno_of one_write a/cgroup.procs "$v")"
done
section '0 is the writer, and children stay where they were born'
run '(echo 0 > a/cgroup.procs; wc -l < a/cgroup.procs)'
(
    echo $BASHPID >a/cgroup.procs
    sleep 60 &
    child=$!
    run 'grep -cx $child a/cgroup.procs'
    echo 0 >"$CG/cgroup.procs"
    run 'grep -cx $child a/cgroup.procs'
    kill $child
    wait $child 2>/dev/null
)
section 'charged memory stays behind'
ask p 'anon 4M'
range 'b' 4M 6M 'usage b'
echo "$pid" >a/cgroup.procs
range 'b still' 4M 6M 'usage b'
ask p 'anon 4M'
range 'a' 4M 6M 'usage a'
finish p
becomes 'both empty' '[[ ! -s a/cgroup.procs && ! -s b/cgroup.procs ]]'
range 'b in the end' 0 1M 'usage b'
run 'rmdir a b'
