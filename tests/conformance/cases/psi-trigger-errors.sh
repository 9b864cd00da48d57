# SPDX-License-Identifier: MIT
# NEEDS: v2 root
# PROFILE: 6.1 6.12
#
# Which triggers memory.pressure takes.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
run 'sed -E "s/=[0-9]+\.[0-9][0-9]/=N.NN/g; s/total=[0-9]+/total=N/" t/memory.pressure'
run 'cat t/memory.pressure'
for text in 'some 150000 1000000' 'full 150000 1000000' 'some 150000 500000' 'some 150000 499999' \
    'some 150000 10000000' 'some 150000 10000001' 'some 1000001 1000000' 'some 1000000 1000000' \
    'some 0 1000000' 'some 1 1000000' 'some 150000' some 'any 150000 1000000' 'some -1 1000000' \
    'some 150000 1000000 x' 'some 15x 1000000' 'Some 150000 1000000' 'some  150000  2000000'; do
    printf '%-28s %s\n' "${text@Q}" "$(errno_of one_write t/memory.pressure "$text")"
done
section 'one for each open file'
exec 7<>t/memory.pressure 8<>t/memory.pressure
run 'printf "some 150000 1000000" >&7'
run 'printf "some 150000 1000000" >&7'
run 'printf "x" >&7'
run 'printf "full 150000 1000000" >&8'
section 'the group is removed'
watch gone psi t/memory.pressure 'some 150000 1000000'
exec 7>&- 8>&-
rmdir t
watched gone
