# SPDX-License-Identifier: MIT
# NEEDS: v1
# PROFILE: 6.1
#
# The directories of a v1 system, and which files are in them, in which order and with which modes.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG/.."
run 'ls'
run 'readlink cpu cpuacct net_cls net_prio'
for tree in cpu,cpuacct cpuset freezer pids devices blkio net_cls,net_prio perf_event hugetlb rdma misc systemd; do
    mkdir "$tree/made"
    for at in "$tree" "$tree/made"; do
        section "$at"
        find "$at" -maxdepth 1 -type f -printf '%i %m %f\n' | sort -n | cut -d' ' -f2-
    done
    rmdir "$tree/made"
done
