# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 root run boot
# PROFILE: 6.1 6.12
#
# swapon(2) and swapoff(2): what is swapped comes back, priorities, and what they say no to.
. "${CASE_LIB:-/case/lib.sh}"
start
swaps() { awk -v tmp="$TMP" 'NR > 1 { sub(tmp, "TMP", $1); print $1, $2, $5, ($4 > 0 ? "in use" : "empty") }' /proc/swaps; }
nothing=max
((HIER == 2)) || nothing=-1
section 'swapoff brings everything back'
swaps
mkdir a
puppet p a
ask p 'anon 24M'
limit a 8M
limit a $nothing
swaps
run 'swapoff -a'
swaps
range 'usage' 24M 26M 'usage a'
ask p touch
section 'swapon and its priority'
run 'swapon /dev/vdb'
swaps
run 'swapon /dev/vdb'
run 'swapoff /dev/vdb'
run 'swapoff /dev/vdb'
run 'swapon -p 5 /dev/vdb'
swaps
section 'a file'
dd if=/dev/zero of="$TMP/file" bs=64K count=64 status=none
chmod 600 "$TMP/file"
run 'swapon "$TMP/file"' | sed "s|$TMP|TMP|"
mkswap "$TMP/file" >/dev/null
run 'swapon "$TMP/file"' | sed "s|$TMP|TMP|"
swaps
cp "$TMP/file" "$TMP/other"
swapon "$TMP/other"
swaps
ln -s file "$TMP/link"
swapoff "$TMP/link"
swaps
swapon "$TMP/file"
swaps
swapoff "$TMP/file" "$TMP/other"
section 'what is no swap area'
run 'swapoff /no/such'
run 'swapoff /etc'
run 'swapoff /dev/null'
run 'swapon /no/such'
section 'no room for what is swapped'
finish p
puppet q a
limit a 8M
ask q 'anon 24M'
id_of q >cgroup.procs
run 'swapoff /dev/vdb'
swaps
fact 'the kernel log says why' 'dmesg | grep -q "no killable processes"'
limit a $nothing
run 'swapoff /dev/vdb'
swaps
finish q
section 'who is not root'
run 'setpriv --reuid 65534 --clear-groups swapon /dev/vdb 2>&1 | grep -o "[A-Z][a-z]* .*denied"'
run 'setpriv --reuid 65534 --clear-groups swapoff /dev/vdb 2>&1 | sed "s/.*: //"'
run 'swapon /dev/vdb'
