# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 noswap
# PROFILE: 6.1 6.12
#
# A task that needs more than the limit is killed; the kill is counted in its group.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
limit t 16M
once t anon 8M
once t anon 32M
kills() {
    if ((HIER == 1)); then grep '^oom_kill ' "$1/memory.oom_control"; else grep '^oom_kill ' "$1/memory.events"; fi
}
run 'kills t'
once t anon 32M
run 'kills t'
range 'usage' 0 1M 'usage t'
section 'the largest goes, not the one that asked'
limit t 32M
puppet big t
puppet small t
ask big 'anon 20M'
ask small 'anon 4M'
ask small 'anon 14M'
gone big
finish small
run 'kills t'
section 'oom_score_adj moves the choice'
puppet big t
ask big 'anon 20M'
once t anon 4M
memhog -s -a 1000 -j "$CG/t/cgroup.procs" anon 4M anon 14M
echo "[status $?]"
ask big 'anon 1M'
finish big
run 'kills t'
section 'a limit above the group kills in it'
((HIER == 1)) || echo +memory >t/cgroup.subtree_control
mkdir t/c
limit t 8M
once t/c anon 16M
run 'kills t; kills t/c'
