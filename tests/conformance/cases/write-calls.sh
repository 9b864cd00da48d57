# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# One write(2) is one value; offsets, append and truncation mean nothing; a page is the most.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir t
if ((HIER == 1)); then f=t/memory.limit_in_bytes; else f=t/memory.max; fi
run "printf 8192 > $f; printf 4096 >> $f; cat $f"
run ": > $f; cat $f"
run "truncate -s 100 $f; cat $f; stat -c %s $f"
run "printf 16384 | dd of=$f bs=3 status=none; cat $f"
run "printf 16384 | dd of=$f bs=5 status=none; cat $f"
run "printf 20480 | dd of=$f bs=5 seek=100 conv=notrunc status=none; cat $f"
run "{ printf 24576; printf 28672; } > $f; cat $f"
run "printf '%4095s' 32768 | dd of=$f bs=8192 iflag=fullblock status=none; cat $f"
run "printf '%4096s' 36864 | dd of=$f bs=8192 iflag=fullblock status=none; cat $f"
run "printf '%4097s' 40960 | dd of=$f bs=8192 iflag=fullblock status=none; cat $f"
run "printf '%4096s' 0 | dd of=t/cgroup.procs bs=8192 iflag=fullblock status=none"
run "echo 45056 | tee $f; cat $f"
section 'reading'
run "dd if=$f bs=2 status=none"
run "dd if=$f bs=3 skip=1 status=none"
run "head -c 4 $f; echo; tail -c 3 $f"
run "cp $f $TMP/copy && cp $TMP/copy $f && cat $f"
