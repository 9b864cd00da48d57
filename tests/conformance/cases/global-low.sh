# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1
# TIMEOUT: 60
#
# memory.low and memory.min against want of free pages in the whole machine.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir low min none
echo 300M >low/memory.low
echo 300M >min/memory.min
for group in low min none; do
    sparse_file "$group" 200M
    once "$group" read "$TMP/$group"
done
section 'a stream that fills the machine'
sparse_file stream 800M
once . read "$TMP/stream"
range 'low keeps' 199M 202M 'cat low/memory.current'
range 'min keeps' 199M 202M 'cat min/memory.current'
fact 'none gave' '(($(cat none/memory.current) < 190 << 20))'
fact 'none was scanned' '(($(field none/memory.stat pgscan) > 0))'
fact 'min never was' '(($(field min/memory.stat pgscan) == 0))'
run 'grep -h low min/memory.events none/memory.events'
