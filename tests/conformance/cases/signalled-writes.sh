# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
# TIMEOUT: 120
#
# A write that reclaims for a while, and a signal to its writer: a handler's, or one that kills.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
size=200M
puppet p t
again() { ask p "anon $size"; }
above() { fact "$1" "(($(usage t) > 4 << 20))"; }
now=memory.current
((HIER == 2)) || now=memory.usage_in_bytes
if ((HIER == 1)); then files='memory.limit_in_bytes memory.force_empty'; else files='memory.max memory.high memory.reclaim'; fi
text_of() { case $1 in *reclaim) echo $size ;; *force_empty) echo 0 ;; *) echo 1M ;; esac; }
small() { case $1 in *reclaim) echo 4096 ;; *) echo 1G ;; esac; }
back() { case $1 in *limit_in_bytes) echo -1 >"t/$1" ;; *max | *high) echo max >"t/$1" ;; esac; }
for file in $files; do
    for how in '' restart; do
        section "$file, a handler ${how:+with SA_RESTART}"
        again
        filecalls interrupt "t/$file" "$(text_of "$file")" 1 ${how:+"$how"}
        above 'much is left'
        back "$file"
        ask p free
    done
    section "$file, the writer is killed"
    again
    filecalls kill "t/$file" "$(text_of "$file")" "t/$now"
    above 'much is left'
    back "$file"
    put "t/$file" "$(small "$file")" | sed 's/ [^ ]*: .*//'
    back "$file"
    ask p free
done
finish p
becomes 'removed' 'rmdir t'
