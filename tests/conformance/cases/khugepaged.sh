# SPDX-License-Identifier: MIT
# NEEDS: v2
# PROFILE: 6.1 6.12
# TIMEOUT: 180
#
# khugepaged makes huge pages of small ones, and of what has been given up in part, where huge pages
# are allowed. A huge page is charged before the small ones are freed; where a limit has no room for
# that nothing comes of it, and nobody is killed.
. "${CASE_LIB:-/case/lib.sh}"
start
# eventually LABEL CONDITION: within some wakings of the thread, which come every 10 s.
eventually() {
    local try
    for ((try = 0; try < 600; try++)); do
        eval "$2" >/dev/null 2>&1 && { echo "$1: yes"; return; }
        sleep 0.05
    done
    echo "$1: NO"
}
collapsed() { field "$1/memory.stat" thp_collapse_alloc; }
blocks() { field "$1/memory.stat" thp_fault_alloc; }
huge_bytes() { field "$1/memory.stat" anon_thp; }
# small NAME: a puppet with huge pages that have been to swap and come back as small ones.
small() {
    mkdir "$1"
    puppet "$1" "$1"
    ask "$1" 'huge 8M'
    ask "$1" pageout
    ask "$1" touch
}
section 'small pages'
small s
faults=$(field s/memory.stat pgfault)
usage=$(usage s)
eventually 'all collapsed' '(($(collapsed s) >= $(blocks s) && $(huge_bytes s) == $(blocks s) << 21))'
fact 'no faults' '(($(field s/memory.stat pgfault) == faults))'
fact 'same usage' 'now=$(usage s); ((now - usage < 256 * 1024 && usage - now < 256 * 1024))'
fact 'a huge page more at the peak' '(($(cat s/memory.peak) >= usage + 1792 * 1024))'
finish s
section 'given up in part'
mkdir t
puppet t t
ask t 'huge 8M'
ask t 'discard 3M'
anon=$(field t/memory.stat anon)
huge=$(huge_bytes t)
eventually 'collapsed' '(($(collapsed t) == 1 && $(huge_bytes t) == huge + (1 << 21)))'
fact 'what was given up counts again' '(($(field t/memory.stat anon) > anon))'
finish t
section 'no room'
small l
echo 0 >l/memory.swap.max
echo 9M >l/memory.max
eventually 'tried' '(($(field l/memory.events max) >= 18))'
run 'grep -E "^(oom|oom_kill) " l/memory.events; grep -E "^(anon_thp|thp_collapse_alloc)" l/memory.stat'
echo max >l/memory.max
eventually 'collapsed' '(($(collapsed l) == $(blocks l)))'
finish l
