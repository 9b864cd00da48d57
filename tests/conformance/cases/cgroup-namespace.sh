# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 run root
# PROFILE: 6.1 6.12
#
# Cgroup namespaces: what is shown of groups and mounts from inside one and of it from outside, and
# what who is inside may write.
. "${CASE_LIB:-/case/lib.sh}"
start
outer=$$
export outer CG HIER TMP
memory_of() { sed -n 's/^\(0:\|[0-9]*:memory\):/memory:/p' /proc/"$1"/cgroup; }
# Root and place of the mounts of the hierarchy.
mounts_of() {
    awk -v cg="$CG" -v tmp="$TMP" '$0 ~ / - cgroup/ && ($5 == cg || index($5, tmp) == 1) {
        sub(tmp, "TMP", $5); sub(cg, "CG", $5); print $4, $5 }' /proc/"$1"/mountinfo
}
try() {
    local said
    if said=$( (printf %s "$2" >"$1") 2>&1); then echo "${1##*/}: ok"; else echo "${1##*/}: ${said##*: }"; fi
}
export -f memory_of mounts_of try
mkdir -p a/c other "$TMP/m"
inside() { (echo 0 >"$1/cgroup.procs" && shift && exec unshare -C "$@"); }

section 'groups, from inside'
inside a/c bash -c 'memory_of self; memory_of $outer; memory_of thread-self
    [[ $(readlink /proc/self/ns/cgroup) != $(readlink /proc/$outer/ns/cgroup) ]] && echo another namespace'
section 'a process beside it'
echo 0 >other/cgroup.procs
inside a/c bash -c 'memory_of $outer'
echo 0 >cgroup.procs
section 'what it makes is in the namespace, too'
inside a/c bash -c 'mkdir "$CG/a/c/d"; (echo 0 >"$CG/a/c/d/cgroup.procs"; memory_of self; exec bash -c "memory_of self")
    memory_of self; rmdir "$CG/a/c/d"'
section 'from outside'
mkfifo "$TMP/go" "$TMP/ready"
inside a/c bash -c 'echo $$ >"$TMP/ready"; read -r <"$TMP/go"; memory_of self; mounts_of self' &
read -r pid <"$TMP/ready"
memory_of "$pid"
mounts_of "$pid"
mounts_of self
section 'moved out of its root, from inside'
echo "$pid" >other/cgroup.procs
echo >"$TMP/go"
wait
section 'a namespace in a namespace'
inside a unshare -C bash -c 'memory_of self'
inside a bash -c 'echo 0 >"$CG/a/c/cgroup.procs"; unshare -C bash -c "memory_of self; memory_of \$PPID" ; memory_of self'
section 'back to the first'
inside a/c nsenter --cgroup=/proc/$outer/ns/cgroup bash -c 'memory_of self'
section 'a namespace that is not asked for'
(echo 0 >a/c/cgroup.procs; setpriv --reuid=65534 --regid=65534 --clear-groups unshare -C true) 2>&1 | sed 's/.*: //'
(echo 0 >a/c/cgroup.procs; setpriv --reuid=65534 --regid=65534 --clear-groups unshare -C true; memory_of self) 2>/dev/null

section 'mounts'
inside a/c unshare -m bash -c 'if ((HIER == 2)); then mount -t cgroup2 none "$TMP/m"; else mount -t cgroup -o memory none "$TMP/m"; fi
    mounts_of self; (cd "$TMP/m" && mkdir d && ls -d d cgroup.procs memory.pressure* 2>/dev/null); rmdir "$CG/a/c/d" && echo the same
    umount "$TMP/m"'
ls "$TMP/m"

if ((HIER == 2)); then
    echo +memory >a/cgroup.subtree_control
    section 'files of the root of the namespace'
    inside a/c bash -c 'cd "$CG/a/c"
        for f in memory.max memory.high memory.min memory.reclaim cgroup.max.depth cgroup.freeze cgroup.kill cgroup.pressure memory.pressure; do try $f 0; done
        try memory.oom.group 0; mkdir d e; try d/cgroup.procs $$; try cgroup.subtree_control +memory
        try d/memory.max 7M; cat d/memory.max; try ../memory.max 9M; try "$CG/other/memory.max" 9M
        memory_of self
        echo; echo "# moves"
        try e/cgroup.procs $$; try cgroup.procs $$; try ../cgroup.procs $$; try ../../other/cgroup.procs $$
        try e/cgroup.procs $outer; try d/cgroup.procs $outer; try e/cgroup.threads $$; memory_of self'
    cat a/c/memory.max a/memory.max
    section 'a file that was opened outside'
    exec {out}>a/c/d/memory.max
    inside a/c/d bash -c "echo 5M >&$out; cat $CG/a/c/d/memory.max; try $CG/a/c/d/memory.max 6M"
    exec {out}>&-
    section 'who has opened it counts as what he was then'
    inside a/c/e bash -c 'exec {out}>"$CG/other/cgroup.procs"
        exec nsenter --cgroup=/proc/$outer/ns/cgroup bash -c "echo 0 >&$out; memory_of self"' 2>&1 | sed 's/.*: //'
    (echo 0 >a/c/e/cgroup.procs; exec {out}>other/cgroup.procs; exec unshare -C bash -c "echo 0 >&$out; memory_of self")
    rmdir a/c/d a/c/e
else
    section 'files of the root of the namespace'
    inside a/c bash -c 'cd "$CG/a/c"; try memory.limit_in_bytes 9M; cat memory.limit_in_bytes; try ../memory.limit_in_bytes 8M; try ../../other/tasks 0; memory_of self; try ../../release_agent /x'
    inside a/c unshare -m bash -c 'mount -t cgroup -o memory none "$TMP/m"; cat "$TMP/m/memory.limit_in_bytes"; ls "$TMP/m/release_agent"' 2>&1 | sed 's/.*: //'
fi
rmdir a/c a other
