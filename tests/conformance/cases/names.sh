# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# What a group may be called.
. "${CASE_LIB:-/case/lib.sh}"
start
long=$(printf 'x%.0s' {1..255})
run 'mkdir -- "with space" "dot.ted" ".hidden" "-dash" "ü" "a:b" 2>&1; ls -d "with space" dot.ted .hidden ./-dash ü a:b'
run 'mkdir $long && rmdir $long'
run 'mkdir ${long}y && rmdir ${long}y'
run "mkdir \$'new\nline'"
run 'mkdir memory.stat cgroup.procs'
run 'mkdir . ..'
run 'mkdir memory.nosuch cgroup.nosuch && rmdir memory.nosuch cgroup.nosuch'
run 'mkdir -p a/b/c/d && rmdir a/b/c/d a/b/c a/b a'
run 'mkdir -m 700 m && stat -c %a m'
run 'rmdir m "with space" dot.ted .hidden ./-dash ü a:b'
run 'ln -s x y; ln memory.stat z; mknod p p'
run 'mkdir q; mv q/memory.stat q/other'
run 'rm q/memory.stat; rmdir q/memory.stat; rm -r q 2>&1 | sort -u | head -1; rmdir q'
