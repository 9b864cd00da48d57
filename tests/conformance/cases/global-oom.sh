# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 noswap
# PROFILE: 6.1 6.12
# TIMEOUT: 60
#
# When the machine is full the largest task of all is killed, whatever its group's limit.
. "${CASE_LIB:-/case/lib.sh}"
start
kills() {
    if ((HIER == 1)); then grep '^oom_kill ' "$1/memory.oom_control"; else grep '^oom' "$1/memory.events"; fi
}
mkdir big small
puppet big big
puppet small small
ask big 'anon 600M'
ask small 'anon 500M'
gone big
run 'kills big; kills small'
range 'big' 0 1M 'usage big'
range 'small' 500M 503M 'usage small'
finish small
section 'oom_score_adj moves the choice'
puppet big big
ask big 'anon 600M'
memhog -s -a 1000 -j "$CG/small/cgroup.procs" anon 500M
echo "[status $?]"
range 'big' 600M 603M 'usage big'
finish big
run 'kills big; kills small'
