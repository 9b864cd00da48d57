# SPDX-License-Identifier: MIT
# NEEDS: v1 ssd
# PROFILE: 6.1
#
# v1 counts a huge page once in pgpgin and pgpgout, and with its size in rss_huge; a move takes it
# along whole.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t u
now() { field t/memory.stat "$1"; }
puppet p t
ask p 'anon 1M'
run 'grep rss_huge t/memory.stat'
in=$(now pgpgin) out=$(now pgpgout)
ask p 'huge 8M'
run 'grep rss_huge t/memory.stat'
range 'rss' 9M 10M 'now rss'
range 'pgpgin' 515 530 'echo $(($(now pgpgin) - in))'
ask p free
run 'grep rss_huge t/memory.stat'
range 'pgpgout' 515 530 'echo $(($(now pgpgout) - out))'
ask p 'huge 8M'
run 'echo 3 > u/memory.move_charge_at_immigrate'
id_of p >"$TMP/id"
cat "$TMP/id" >u/tasks
run "grep rss_huge t/memory.stat u/memory.stat"
range 'moved' 9M 10M 'usage u'
range 'pgpgin' 515 800 'field u/memory.stat pgpgin'
ask p 'pageout'
run 'grep rss_huge u/memory.stat'
run 'echo 1 > u/memory.force_empty'
becomes 'swap' '(($(field u/memory.stat swap) >= 9 << 20))'
finish p
run 'grep rss_huge t/memory.stat u/memory.stat'
mkdir v
run 'echo 6000K > v/memory.limit_in_bytes; echo 6000K > v/memory.memsw.limit_in_bytes'
puppet q v
ask q 'huge 4M'
run 'cat v/memory.failcnt v/memory.memsw.failcnt'
ask q 'huge 4M'
gone q
range 'tries' 53 110 'cat v/memory.memsw.failcnt'
run 'cat v/memory.failcnt; grep rss_huge v/memory.stat'
