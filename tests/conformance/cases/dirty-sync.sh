# SPDX-License-Identifier: MIT
# NEEDS: v2 noswap
# PROFILE: 6.1 6.12
#
# Written pages are dirty until fsync.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
dirty() { field t/memory.stat "$( ((HIER == 1)) && echo dirty || echo file_dirty)"; }
writeback() { field t/memory.stat "$( ((HIER == 1)) && echo writeback || echo file_writeback)"; }
puppet p t
ask p "write $TMP/f 2M"
range 'dirty' 2M 3M dirty
ask p "sync $TMP/f"
range 'dirty after fsync' 0 128K dirty
range 'in writeback' 0 0 writeback
range 'still cached' 2M 3M "field t/memory.stat $( ((HIER == 1)) && echo cache || echo file)"
ask p "sync $TMP/f"
finish p
