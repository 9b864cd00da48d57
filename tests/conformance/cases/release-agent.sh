# SPDX-License-Identifier: MIT
# NEEDS: v1 run root
# PROFILE: 6.1
#
# A group with notify_on_release that has lost its last member or child is told to the program in
# release_agent, which runs with the kernel's environment and no open file, in the root groups.
. "${CASE_LIB:-/case/lib.sh}"
start
cat >"$TMP/agent" <<SH
#!/bin/bash
exec >>"$TMP/told"
echo "\$# argument(s): \$1"
echo "in \$PWD, HOME=\$HOME PATH=\$PATH"
echo "umask \$(umask), member of the root: \$(grep -cx \$\$ "$CG/cgroup.procs")"
echo end
SH
chmod +x "$TMP/agent"
ends() { grep -c '^end$' "$TMP/told"; }
mkdir -p a/b c
echo 1 >a/b/notify_on_release
echo "$TMP/agent" >release_agent

section 'the last member exits'
sleep 1000 &
first=$!
sleep 1000 &
second=$!
echo $first >a/b/cgroup.procs
echo $second >a/b/cgroup.procs
kill $first
wait $first 2>/dev/null
kill $second
wait $second 2>/dev/null
becomes 'told' '(($(ends) == 1))'
cat "$TMP/told"

section 'the last member goes elsewhere'
sleep 1000 &
echo $! >a/b/cgroup.procs
echo $! >c/cgroup.procs
becomes 'told' '(($(ends) == 2))'
kill $!
wait $! 2>/dev/null

section 'a member of a child with the flag; the parent has a child'
echo 1 >a/notify_on_release
once a/b anon 1M
becomes 'told' '(($(ends) == 3))'
grep argument "$TMP/told"

section 'the last child is removed'
rmdir a/b
becomes 'told' '(($(ends) == 4))'
grep argument "$TMP/told"

section 'no program'
echo >release_agent
mkdir a/d
rmdir a/d
echo "$TMP/no-such-program" >release_agent
mkdir a/d
rmdir a/d
echo "$TMP/agent" >release_agent

section 'a group without the flag; then one with it'
rmdir a c
mkdir e
echo 1 >e/notify_on_release
mkdir e/f
rmdir e/f
becomes 'told' '(($(ends) == 5))'
grep argument "$TMP/told"
