# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# The steps of the memory hog and what it answers.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
once t anon 1M anon 1024K anon 4096 huge 2M shm 1M sysv 1M lock 64K touch peek free free pageout sleep 1
once t anon 0
once t free
once t anon
once t nosuch
once t write "$TMP/f" 100K read "$TMP/f" sync "$TMP/f" drop "$TMP/f" map "$TMP/f" 200K free
run "stat -c %s $TMP/f"
once t read "$TMP/nosuch"
once t write "$TMP/no/such" 1M map "$TMP/no/such" 1M sync "$TMP/nosuch" drop "$TMP/nosuch"
once t write "$TMP" 1M
once t anon 1M nosuch anon 1M
printf 'anon 1M\n\nanon 2M extra\nnosuch\nexit\nanon 4M\n' | memhog -j t/cgroup.procs in free free free
printf 'anon 1M' | memhog -j t/cgroup.procs in
becomes 'nothing is left' '[[ ! -s t/cgroup.procs ]]'
