# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 root run boot
# PROFILE: 6.1 6.12
#
# The kernel log: dmesg(1), syslog(2) and /dev/kmsg.
. "${CASE_LIB:-/case/lib.sh}"
start
plain() { sed -E 's/^\[ *[0-9]+\.[0-9]{6}\] //'; }
section 'what is written'
run 'dmesg -C; dmesg; dmesg -S'
echo 'one' >/dev/kmsg
echo '<3>two' >/dev/kmsg
printf '<29>three \\ \t\xc3\n' >/dev/kmsg
# A line that may go on is not shown before the next.
printf 'open' >/dev/kmsg
run 'dmesg | plain'
run 'dmesg -S | plain'
run 'dmesg -r | sed -E "s/\[[^]]*\]/[T]/"'
run 'dmesg -x -l err | sed -E "s/\[[^]]*\]/[T]/"'
fact 'times have microseconds' 'dmesg | grep -Eq "^\[ *[0-9]+\.[0-9]{6}\] one$"'
echo 'five' >/dev/kmsg
run 'dmesg -S | plain | tail -n 2'
section 'records'
records() { sed -E 's/^([0-9]+),[0-9]+,[0-9]+,-;/\1,N,T,-;/'; }
run 'timeout 1 cat /dev/kmsg | tail -n 5 | records'
numbers() { timeout 1 cat /dev/kmsg | tail -n 5 | cut -d, -f2; }
mapfile -t number < <(numbers)
fact 'they are numbered' '((number[1] == number[0] + 1 && number[4] == number[0] + 4))'
run 'timeout 1 tail -c 100 /dev/kmsg >/dev/null'
section 'clearing'
run 'dmesg -c | wc -l'
run 'dmesg; dmesg -S'
fact '/dev/kmsg still has it' 'timeout 1 cat /dev/kmsg | grep -q ";one$"'
section 'what the kernel says'
swapoff -a
mkdir a
limit a 8M
once a anon 16M
becomes 'the kill is there' 'dmesg -l err | grep -q "Memory cgroup out of memory: Killed process"'
dmesg -x | grep -oE '^[a-z]+ *:[a-z]+ *: \[ *[0-9.]+\] (.* invoked oom-killer|memory: usage|Tasks state|oom-kill:constraint=[A-Z_]*|Memory cgroup out of memory: Killed process)' |
    sed -E 's/\[[^]]*\]/[T]/; s/[^ ]+ invoked/X invoked/'
section 'who is not root'
nobody() { setpriv --reuid 65534 --clear-groups "$@" 2>&1 | sed 's/.*: //'; }
run 'nobody dmesg'
run 'nobody dmesg -S'
run 'nobody cat /dev/kmsg'
