# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# devices.allow and devices.deny: rules, and what a parent allows.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG/../devices"
mkdir t
rule() { printf '%-26s %-32s\n' "$1 ${2@Q}" "$(errno_of one_write "$1" "$2")"; sed 's/^/    /' t/devices.list; }
section 'everything is allowed at first: exceptions are what is denied'
rule t/devices.deny 'c 1:3 w'
rule t/devices.allow 'c 1:3 w'
section 'nothing is: exceptions are what is allowed'
rule t/devices.deny a
rule t/devices.allow 'c 1:3 mr'
rule t/devices.allow 'c 1:3 w'
rule t/devices.allow 'c 136:* rwm'
rule t/devices.allow 'b *:* m'
rule t/devices.allow 'c *:* m'
rule t/devices.allow 'c 5:0 r'
rule t/devices.deny 'c 1:3 r'
rule t/devices.deny 'c 1:3 wm'
rule t/devices.deny 'c 5:0 rwm'
rule t/devices.deny 'c 99:9 rwm'
section 'mistakes'
for v in '' x c 'c ' 'c 1' 'c 1:' 'c 1:3' 'c 1:3 ' 'c 1:3 x' 'c 1:3 rwmx' 'c 1:3 rwm ' 'c 1:3 rwmr' 'c -1:3 r' 'c 1:x r' 'c a:3 r' 'd 1:3 r' \
    'a 1:3 r' ' c 1:3 r' 'c  1:3 r' 'c 99999:3 r' 'c 4294967296:3 r' 'C 1:3 r' 'c 1:3r' 'c *:3 r' 'c 1:3	r'; do
    printf '%-24s %s\n' "${v@Q}" "$(errno_of one_write t/devices.allow "$v")"
done
cat t/devices.list
mkdir t/u
section 'a child gets no more than its parent has'
say t/u/devices.list
for v in 'c 10:200 rwm' 'c 136:5 rwm' 'b 8:0 m' a; do printf '%-24s %s\n' "${v@Q}" "$(errno_of one_write t/u/devices.allow "$v")"; done
say t/u/devices.list
section 'what a parent loses its child loses'
rule t/devices.deny 'c 136:* rwm'
say t/u/devices.list
rule t/devices.allow a
printf '%s\n' "$(errno_of one_write t/devices.deny a)"
section 'with no children all may be given back'
rmdir t/u
rule t/devices.deny a
rule t/devices.allow 'b 7:1 rw'
rule t/devices.allow a
rule t/devices.deny 'a *:* rwm'
mkdir t/v
say t/v/devices.list
rmdir t/v t
