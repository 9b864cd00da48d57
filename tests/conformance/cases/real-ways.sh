# SPDX-License-Identifier: MIT
# NEEDS: run v1 v2 noswap
# PROFILE: 6.1 6.12
# TIMEOUT: 120
#
# Memory that real programs get and give back by ways that are seldom gone.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a
usage=$PWD/a/memory.current
((HIER == 2)) || usage=$PWD/a/memory.usage_in_bytes

# in_group STEP...: with USAGE for a's usage.
in_group() {
    bash -c 'echo $$ >a/cgroup.procs; exec oddmem "$@"' x "${@//USAGE/$usage}" |
        sed "s|$usage|usage|"
}
empty() { becomes 'nothing is left' "((\$(<$usage) < 2097152))"; }

for how in 'huge 24' 'sparse 100 24' 'lockall 24' 'userfault 24' 'ring 24' 'copied 24' \
    'remap 24' 'stack 24' 'free 24' 'pageout 24'; do
    section "$how"
    # shellcheck disable=SC2086
    in_group $how between 24 28 USAGE drop between 0 4 USAGE
    empty
done
section 'a thousand threads'
# Their stacks in the kernel, 16 KiB each, may still be there.
in_group many 1000 24 between 20 44 USAGE drop
becomes 'their stacks have gone' "((\$(<$usage) < 2097152))"
section 'half of it is given back'
in_group dontneed 24 between 12 16 USAGE
empty
section 'processes that are something else meanwhile'
in_group filter anon 12 between 12 16 USAGE user 65534 anon 12 between 24 28 USAGE
in_group vforks 20 anon 24 between 24 28 USAGE
empty
section 'what waits is not interrupted'
in_group waits 5
run 'rmdir a'
