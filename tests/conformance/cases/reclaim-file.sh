# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# memory.reclaim frees as much as it is told, or says EAGAIN.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
run 'echo 1M > t/memory.reclaim'
for v in 0 x -1 1x 'max' '1M x'; do
    printf '%-8s %s\n' "${v@Q}" "$(errno_of one_write t/memory.reclaim "$v")"
done
sparse_file f 32M
once t read "$TMP/f"
range 'page cache' 32M 34M 'usage t'
run 'echo 8M > t/memory.reclaim'
range 'less by as much' 20M 26M 'usage t'
run 'echo 1G > t/memory.reclaim'
range 'all there was' 0 2M 'usage t'
puppet p t
ask p 'anon 8M'
run 'echo 4M > t/memory.reclaim'
range 'no swap, so anonymous memory stays' 8M 10M 'usage t'
finish p
