# SPDX-License-Identifier: MIT
# NEEDS: v2 numa
# PROFILE: 6.1 6.12
#
# What the files of a v2 cpuset take, and what is effective.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG"
echo +cpuset >cgroup.subtree_control
mkdir t
section 'lists'
for file in cpuset.cpus cpuset.mems; do
    for v in 0 0-1 1,0 $'\n' 0-3 0-4 4 0-1,3 0-3:1/2 3-0 -1 abc all none ' 0 ' $'0\n' '0, 1' '0 1' 0,,1 ',' 0-; do
        put "t/$file" "$v"
        say "t/$file.effective"
    done
done
section 'below'
put t/cpuset.cpus 0-1
put t/cpuset.mems 1
echo +cpuset >t/cgroup.subtree_control
mkdir t/u
say t/u/cpuset.cpus t/u/cpuset.cpus.effective t/u/cpuset.mems.effective
put t/u/cpuset.cpus 1-2
say t/u/cpuset.cpus.effective
put t/u/cpuset.cpus 2-3
say t/u/cpuset.cpus.effective
put t/u/cpuset.mems 0
say t/u/cpuset.mems.effective
put t/cpuset.cpus 2
say t/u/cpuset.cpus.effective
put t/cpuset.cpus $'\n'
put t/cpuset.mems $'\n'
say t/u/cpuset.cpus.effective t/u/cpuset.mems.effective
section 'members come in whatever it says'
sleep 1000 &
one=$!
echo "join: $(errno_of one_write t/u/cgroup.procs "$one")"
put t/u/cpuset.cpus $'\n'
put t/u/cpuset.mems $'\n'
section 'without the controller the values go'
echo -cpuset >t/cgroup.subtree_control
echo +cpuset >t/cgroup.subtree_control
say t/u/cpuset.cpus
kill "$one"
becomes 'removed' 'rmdir t/u'
rmdir t
