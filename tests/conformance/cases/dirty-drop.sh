# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 noswap
# PROFILE: 6.1 6.12
#
# POSIX_FADV_DONTNEED has dirty pages written; clean ones go.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
dirty() { field t/memory.stat "$( ((HIER == 1)) && echo dirty || echo file_dirty)"; }
cached() { field t/memory.stat "$( ((HIER == 1)) && echo cache || echo file)"; }
puppet p t
ask p "write $TMP/f 2M"
ask p "drop $TMP/f"
range 'dirty' 0 128K dirty
ask p "sync $TMP/f"
ask p "drop $TMP/f"
range 'cached' 0 512K cached
ask p "map $TMP/m 2M"
ask p "sync $TMP/m"
ask p "drop $TMP/m"
range 'a mapped file stays' 2M 3M cached
ask p free
ask p "drop $TMP/m"
range 'unmapped it goes' 0 512K cached
finish p
