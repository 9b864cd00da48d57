# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 noswap
# PROFILE: 6.1 6.12
#
# A process that moves leaves its memory behind; what it then needs counts in the new group.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir a b
limit b 8M
puppet p a
ask p 'anon 16M'
pid=$(id_of p)
echo "$pid" >b/cgroup.procs
range 'a' 16M 18M 'usage a'
range 'b' 0 1M 'usage b'
ask p touch
range 'a' 16M 18M 'usage a'
ask p 'anon 6M'
range 'b' 6M 8M 'usage b'
section 'an old page that is given up is uncharged where it was charged'
ask p free
ask p free
range 'a' 0 2M 'usage a'
ask p 'anon 7M'
range 'b' 7M 8M 'usage b'
section 'the limit of the new group'
ask p 'anon 4M'
gone p
range 'b' 0 1M 'usage b'
becomes 'removed' 'rmdir a b'
