#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The files of /proc and /sys that memcgfs has, their modes and what they hold. Runs in a guest:
# scripts/record-proc.
texts=(/proc/cgroups /proc/pressure/cpu /proc/pressure/io /proc/pressure/memory /sys/kernel/cgroup/delegate
    /sys/kernel/cgroup/features /sys/devices/system/node/{online,possible,has_memory,has_normal_memory,has_cpu}
    /sys/devices/system/node/node0/{meminfo,numastat,vmstat} /sys/devices/system/memory/{block_size_bytes,auto_online_blocks}
    /sys/devices/system/memory/memory1/{state,online,removable,phys_index,phys_device,valid_zones} /proc/self/cgroup
    /proc/self/oom_score /proc/self/oom_score_adj /proc/self/oom_adj /proc/meminfo /proc/vmstat /proc/zoneinfo /proc/swaps
    /proc/sys/vm/{drop_caches,swappiness,min_free_kbytes,watermark_scale_factor,watermark_boost_factor,overcommit_memory,panic_on_oom,oom_kill_allocating_task,oom_dump_tasks,page-cluster,dirty_ratio,dirty_background_ratio,dirty_bytes,dirty_background_bytes,dirty_expire_centisecs,dirty_writeback_centisecs,vfs_cache_pressure,zone_reclaim_mode,lowmem_reserve_ratio})
for file in "${texts[@]}"; do
    echo "== $file $(stat -c %a "$file")"
    cat "$file" 2>/dev/null
done
