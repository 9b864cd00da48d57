# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 noswap
# PROFILE: 6.1
#
# Each unmapping of a used file mapping is a use of its pages.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
puppet p t
ask p "map $TMP/f 4M"
range 'mapped' 4M 5M "field t/memory.stat $( ((HIER == 1)) && echo mapped_file || echo file_mapped)"
ask p free
range 'mapped' 0 1M "field t/memory.stat $( ((HIER == 1)) && echo mapped_file || echo file_mapped)"
range 'active_file' 0 1M 'field t/memory.stat active_file'
ask p "map $TMP/f 4M"
ask p free
range 'active_file' 3M 5M 'field t/memory.stat active_file'
finish p
