# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: alinux2
#
# The smaller of memory.max and memory.high is what the watermarks are a part of.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
cd t
echo 95 >memory.wmark_ratio
for pair in '1G max' '1G 512M' '512M 1G' 'max 512M' '1G 1G' 'max max'; do
    echo "${pair% *}" >memory.max
    echo "${pair#* }" >memory.high
    echo "max ${pair% *}, high ${pair#* }: $(cat memory.wmark_high) $(cat memory.wmark_low)"
done
