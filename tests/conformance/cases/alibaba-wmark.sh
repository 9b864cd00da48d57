# SPDX-License-Identifier: MIT
# NEEDS: v1 run
# PROFILE: alinux2
#
# The commands of the example in Alibaba Cloud Linux 2's "Memcg background asynchronous reclaim",
# as the document has them. scripts/demo shows the same.
mkdir /sys/fs/cgroup/memory/test/
echo 1G > /sys/fs/cgroup/memory/test/memory.limit_in_bytes
echo 95 > /sys/fs/cgroup/memory/test/memory.wmark_ratio
cat /sys/fs/cgroup/memory/test/memory.wmark_scale_factor
cat /sys/fs/cgroup/memory/test/memory.wmark_high
cat /sys/fs/cgroup/memory/test/memory.wmark_low
