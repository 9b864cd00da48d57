# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# The throttling files of blkio: what they take.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG/../blkio"
mkdir t
for file in blkio.throttle.read_bps_device blkio.throttle.write_iops_device; do
    for v in '254:0 1048576' '254:0 0' '254:0 1' '254:0' '254:0 ' '254:0 abc' '254:0 1M' '254:0 -1' '254:0 18446744073709551615' \
        '254:0 4294967295' '254:0 4294967296' '7:99 100' '254 100' '' ' ' abc '254:0 100 200' ' 254:0 100' '254:0	100' '254:1 100' \
        $'254:0 7\n' '254:0  9' '254:0 0x10' '254:0 0'; do
        put "t/$file" "$v"
    done
done
section 'all at once'
put t/blkio.throttle.read_bps_device '254:0 100'
put t/blkio.throttle.write_bps_device '254:0 200'
put t/blkio.throttle.read_iops_device '254:0 300'
put t/blkio.throttle.write_iops_device '254:0 400'
say t/blkio.throttle.*_device
for v in 1 0 abc ''; do printf '%s %s\n' "$v" "$(errno_of one_write t/blkio.reset_stats "$v")"; done
section 'the root'
put blkio.throttle.read_bps_device '254:0 100'
put blkio.throttle.read_bps_device '254:0 0'
rmdir t
