# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 root
# PROFILE: 6.1 6.12
# GOLDEN: tsv
#
# What each file of the cgroup core takes, in a fresh group and in the root.
. "${CASE_LIB:-/case/lib.sh}"
start
if ((HIER == 2)); then
    for name in cpuset cpu io memory hugetlb pids rdma misc; do echo +$name >cgroup.subtree_control; done
fi

v1_rows() {
    local file text events=(5M 5m 0 1 4096 -1 ' -1' max 5x '' ' 5M' '5M ' '5M\n' '5M 6M' '5M\x00x' 9223372036854775807
        18446744073709551616 0x1000 08 K)
    for file in cgroup.clone_children notify_on_release; do rows $file = "${texts_u64[@]}"; done
    for file in cgroup.procs tasks; do rows $file = "${texts_pids[@]}"; done
    for file in memory.usage_in_bytes memory.memsw.usage_in_bytes; do
        for text in "${events[@]}"; do rows cgroup.event_control - "\\{eventfd} \\{fd:$file} $text"; done
        rows cgroup.event_control - "\\{eventfd} \\{fd:$file}" "\\{eventfd} \\{fd:../$file} 5M"
    done
    for text in low medium critical Low '' ' low' 'low ' 'low\n' x low,default low,local low,hierarchy low,x 'low,' 'low local' \
        medium,local,default 'critical,' critical,hierarchy critical,hierarchy,x critical,hierarchyx 5M; do
        rows cgroup.event_control - "\\{eventfd} \\{fd:memory.pressure_level} $text"
    done
    for text in '' x '5M  5M\n' '\xa0'; do rows cgroup.event_control - "\\{eventfd} \\{fd:memory.oom_control} $text"; done
    for file in memory.limit_in_bytes memory.stat memory.failcnt cgroup.procs tasks memory.kmem.usage_in_bytes cgroup.event_control . \
        memory.max_usage_in_bytes; do
        rows cgroup.event_control - "\\{eventfd} \\{fd:$file} 5M"
    done
    rows cgroup.event_control - '\{eventfd} \{path:memory.usage_in_bytes} 5M' '\{pipe} \{fd:memory.usage_in_bytes} 5M' \
        '\{closed} \{fd:memory.usage_in_bytes} 5M' '\{eventfd} \{closed} 5M' '\{eventfd} \{pipe} 5M' '\{eventfd} \{eventfd} 5M' \
        '\{closed} \{closed}' '\{fd:memory.usage_in_bytes} \{eventfd} 5M' '\{eventfd}' '\{eventfd} ' '' '\n' ' ' '\x00' abc 'abc 5' \
        ' \{eventfd} \{fd:memory.usage_in_bytes} 5M' '\{eventfd}  \{fd:memory.usage_in_bytes} 5M' \
        '\{eventfd}\t\{fd:memory.usage_in_bytes} 5M' '\{eventfd} \{fd:memory.usage_in_bytes}  5M' \
        '\{eventfd} \{fd:memory.usage_in_bytes}\t5M' '\{eventfd} +\{fd:memory.usage_in_bytes} 5M' \
        '+\{eventfd} \{fd:memory.usage_in_bytes} 5M' '-1 \{fd:memory.usage_in_bytes} 5M' '0x5 \{fd:memory.usage_in_bytes} 5M' \
        '0\{eventfd} 0\{fd:memory.usage_in_bytes} 5M' '\{eventfd} \{fd:memory.usage_in_bytes}x 5M' \
        '\{eventfd},\{fd:memory.usage_in_bytes},5M' '4294967296 \{fd:memory.usage_in_bytes} 5M' \
        '\{eventfd} \{fd:memory.usage_in_bytes} \{4000*0}' '\{eventfd} \{fd:memory.usage_in_bytes} \{4096*0}'
    for file in cgroup.clone_children notify_on_release; do rows /$file = 1 2 abc ' 0' 0; done
    rows /cgroup.procs - 0 '\{pid}' abc '' -1 4194305
    rows /tasks - 0 '\{pid}' abc '' -1 4194305
    rows /cgroup.sane_behavior = 0 1 ''
    rows /cgroup.event_control - '\{eventfd} \{fd:memory.usage_in_bytes} 1E' abc
    rows /release_agent = /bin/x ' /bin/y \n' '/a b' '' ' ' /bin/z '/bin/z\x00junk' '/a\nb' '\xa0/c\xa0' '/\{4090*x}\n' '\{4095*x}' '\{4096*x}' '\{4097*x}' '\n'
}

# A trigger ends with its open file, so each of these is the first of one.
texts_trigger=('some 150000 1000000' 'full 150000 1000000' 'some 150000 1000000\n' 'some 150000 1000000\x00' 'some 150000 500000'
    'some 150000 499999' 'some 1 1000' 'some 150000 10000000' 'some 150000 10000001' 'some 1000000 1000000' 'some 1000001 1000000'
    'some 0 1000000' 'some 1 1000000' 'some 1 0' 'some 0 0' 'some 150000' 'some' 'some ' '' ' ' '\n' 'any 150000 1000000' 'Some 150000 1000000'
    'SOME 1 1000000' 'some -1 1000000' 'some 1 -1' 'some +1 1000000' 'some 0x10 1000000' 'some 010 1000000' 'some 150000 1000000 x'
    'some 150000 1000000x' 'some 15x 1000000' 'some  150000  2000000' 'some\t150000\n1000000' 'some150000 1000000' ' some 150000 1000000'
    'full150000 1000000' 'fulle 150000 1000000' 'some 4294967297 4295967296' 'some 4294967297 1000000' 'some 1 4295967296'
    'some 150000,1000000' 'some 1.5 1000000' '\x00some 1 1000000' 'some 1 1000000\{4070* }' 'some 1 1000000\{4090* }')

v2_rows() {
    local file
    for file in max.descendants max.depth freeze kill pressure; do rows cgroup.$file = "${texts_int[@]}"; done
    rows cgroup.type = domain Domain 'domain threaded' 'domain invalid' Threaded 'threaded x' thread threadedx 'thre aded' '' ' ' '\n' '\x00' x 0 \
        '\{4089* }threaded' '\x00threaded' threaded threaded '\tthreaded\n' 'threaded\x00x' '\xa0threaded' domain 'domain\n' abc
    for file in procs threads; do rows cgroup.$file = "${texts_pids[@]}"; done
    for file in controllers events stat; do rows cgroup.$file = 0 '' x '\{4097*x}'; done
    rows cgroup.subtree_control = +memory -memory ' +memory\n' memory '-memory ' '+memory +pids' '+pids  -memory' '-pids\n' '+memory\n+pids' \
        '+memory\t+pids' '+memory\t' +memory,+pids +Memory ++memory +-memory + - '+ memory' '' ' ' '\n' '\x00' '+memory -memory' '-memory +memory' \
        '+memory +memory' '+nosuch' '+memory +nosuch' '+nosuch +memory' -nosuch '+memory\x00+pids' '+memory \x00 +nosuch' =memory '!memory' \
        '+cpu +cpuset +io +hugetlb +rdma +misc' '-cpu -cpuset -io -hugetlb -rdma -misc' '+perf_event' '-perf_event' '+devices' '-freezer' '+net_cls' \
        '+cpuacct' '+blkio' '-memory' '+memor' '+memoryx' '\xa0+pids\xa0' '+pids\xa0+memory' '-pids \v' '+memory\{4089* }' '+memory\{4090* }' 0 abc
    for file in memory io cpu; do
        rows $file.pressure - "${texts_trigger[@]}"
    done
    rows cpu.stat - 0 ''
    rows cpu.stat.local - 0 ''
    for file in max.descendants max.depth; do rows /cgroup.$file = 5 0 -1 abc max; done
    rows /cgroup.pressure = 0 0 2 abc 1
    rows /cgroup.procs - 0 '\{pid}' abc '' -1 4194305
    rows /cgroup.threads - 0 '\{pid}' abc '' -1 4194305
    rows /cgroup.subtree_control - +nosuch -nosuch '' ' ' '-memory\n' '+memory ' +perf_event +devices abc
    for file in memory io cpu; do
        rows /$file.pressure - 'some 150000 1000000' 'full 150000 1000000' 'some 1' abc ''
    done
}

"v${HIER}_rows" | putrows "$CG"
