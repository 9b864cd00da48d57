# SPDX-License-Identifier: MIT
# NEEDS: v1 noswap
# PROFILE: 6.1
#
# memory.move_charge_at_immigrate of the new group says what comes along: 1 anonymous, 2 mapped files.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a b
for v in 4 -1 x 3 0; do put b/memory.move_charge_at_immigrate "$v"; done
mkdir b/c
echo 3 >b/memory.move_charge_at_immigrate
mkdir b/d
run 'cat b/c/memory.move_charge_at_immigrate b/d/memory.move_charge_at_immigrate'
rmdir b/c b/d
both() {
    range 'a' "$1" "$2" 'usage a'
    range 'b' "$3" "$4" 'usage b'
}
for mask in 0 1 2 3; do
    section "mask $mask"
    echo $mask >b/memory.move_charge_at_immigrate
    puppet x a
    ask x 'anon 4M'
    ask x 'shm 2M'
    ask x "map $TMP/f 8M"
    both 14M 16M 0 1M
    id_of x >b/cgroup.procs
    case $mask in
        0) both 14M 16M 0 1M ;;
        1) both 10M 12M 4M 5M ;;
        2) both 4M 6M 10M 11M ;;
        3) both 0 2M 14M 15M ;;
    esac
    range 'a rss' $((mask % 2 == 0 ? 4194304 : 0)) $((mask % 2 == 0 ? 5242880 : 1048576)) 'field a/memory.stat rss'
    range 'b mapped' $((mask >= 2 ? 10485760 : 0)) $((mask >= 2 ? 11534336 : 1048576)) 'field b/memory.stat mapped_file'
    finish x
    rm "$TMP/f"
done
section 'cache that is not mapped stays'
sparse_file g 8M
puppet x a
ask x "read $TMP/g"
id_of x >b/cgroup.procs
both 8M 10M 0 1M
finish x
