# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# Anonymous memory of a real program is charged to its group, however it comes, and goes with it.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a b
usage=$PWD/a/memory.current
((HIER == 2)) || usage=$PWD/a/memory.usage_in_bytes

# in_group GROUP STEP...: as a member of GROUP, with USAGE for a's usage.
in_group() {
    local group=$1
    shift
    bash -c 'echo $$ >"$0/cgroup.procs"; exec realmem "$@"' "$group" "${@//USAGE/$usage}" |
        sed "s|$usage|usage|"
}
# empty: usage of the group without members.
empty() { becomes 'nothing is left' "((\$(<$usage) < 2097152))"; }

for how in 'anon 24' 'threads 3 24' 'populate 24' 'lock 24' 'read 24'; do
    section "$how"
    # shellcheck disable=SC2086
    in_group a between 0 4 USAGE $how between 24 28 USAGE drop between 0 4 USAGE
    empty
done
section 'it ends with all its memory'
in_group a anon 8 anon 16
empty
section 'pages that a fork shares are charged once'
in_group a anon 20 fork fork between 20 24 USAGE anon 4 between 24 28 USAGE
empty
section 'what it had before is its old group'"'"'s'
in_group b anon 12 between 0 4 USAGE
section 'a program that another one runs begins anew'
bash -c 'echo $$ >"$0/cgroup.procs"; x=$(head -c 12M /dev/zero | tr "\0" x); exec realmem "$@"' \
    a between 0 4 "$usage" | sed "s|$usage|usage|"
empty
run 'rmdir a b'
