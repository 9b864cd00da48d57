# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# net_cls.classid and net_prio.ifpriomap: what they take, and what a child gets.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG/../net_cls"
mkdir t
for v in 0x100001 1 0 4294967295 4294967296 -1 abc '' ' ' '5 ' $'6\n' 010; do put t/net_cls.classid "$v"; done
put t/net_cls.classid 0x10002
mkdir t/u
say t/u/net_cls.classid
put net_cls.classid 7
put net_cls.classid 0
section net_prio
prio() { printf '%-22s %-32s %s\n' "${1@Q}" "$(errno_of one_write t/net_prio.ifpriomap "$1")" "$(grep '^lo ' t/net_prio.ifpriomap)"; }
for v in 'lo 5' 'lo 0' 'lo 4294967295' 'lo 4294967296' 'lo -1' 'lo abc' lo '' ' ' 'nosuch0 5' ' lo 6' 'lo  7' $'lo 8\n' 'lo 9 10' 'lo 0x10'; do prio "$v"; done
prio 'lo 3'
mkdir t/v
grep '^lo ' t/v/net_prio.ifpriomap
put t/net_prio.prioidx 5 | sed 's/: [0-9]*$//'
rmdir t/u t/v t
