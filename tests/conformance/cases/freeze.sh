# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
#
# A frozen group's processes stand still until it is thawed; cgroup.events says so.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir -p a/b
run 'cat a/cgroup.freeze a/cgroup.events'
puppet p a/b
echo 1 >a/cgroup.freeze
becomes 'b is frozen' 'grep -q "frozen 1" a/b/cgroup.events'
becomes 'a is frozen' 'grep -q "frozen 1" a/cgroup.events'
run 'cat a/cgroup.freeze a/b/cgroup.freeze'
run 'cat a/b/cgroup.events'
echo 0 >a/cgroup.freeze
becomes 'thawed' 'grep -q "frozen 0" a/b/cgroup.events'
ask p 'anon 2M'
section 'an empty group freezes at once'
mkdir e
echo 1 >e/cgroup.freeze
run 'cat e/cgroup.events'
mkdir e/f
run 'cat e/f/cgroup.events e/f/cgroup.freeze'
section 'a frozen process can be killed'
echo 1 >a/b/cgroup.freeze
becomes 'frozen' 'grep -q "frozen 1" a/b/cgroup.events'
run 'cat a/cgroup.events'
run 'echo 1 > a/cgroup.kill'
gone p
becomes 'empty' 'grep -q "populated 0" a/cgroup.events'
run 'cat a/b/cgroup.freeze'
run 'ls cgroup.freeze'
