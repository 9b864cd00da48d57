# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# Who may hand the memory controller on, and who may take it back.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG"
set_to() {
    printf '%-22s %-10s %-26s now %s\n' "${2@Q}" "$1" "$(errno_of one_write "$1/cgroup.subtree_control" "$2")" \
        "$(tr ' ' '\n' <"$1/cgroup.subtree_control" | grep memory)"
}
for v in +memory +memory -memory -memory memory '+memory -memory' '-memory +memory' +nosuch '+memory +nosuch' \
    +Memory ++memory ' ' $'  +memory\n' '=memory' +memory,+pids; do
    set_to . "$v"
done
section 'a child has only what its parent hands on'
echo -memory >cgroup.subtree_control
mkdir -p t/u
set_to t +memory
run 'ls t | grep -c "^memory\.[mc]"'
set_to . +memory
run 'ls t | grep "^memory\.[mc]"'
run 'grep -ow memory t/cgroup.controllers'
set_to t +memory
set_to . -memory
set_to t -memory
section 'no processes inside a group that hands on'
puppet p t
set_to t +memory
finish p
becomes 'empty' '[[ ! -s t/cgroup.procs ]]'
set_to t +memory
run 'echo $$ > t/cgroup.procs'
run '(echo 0 > t/u/cgroup.procs; wc -l < t/u/cgroup.procs)'
run 'rmdir t/u'
