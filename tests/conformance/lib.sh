# shellcheck shell=bash
# SPDX-License-Identifier: MIT
#
# For conformance cases: source it, call `start`, and print only what is the same on every run and
# on every kernel of the profile: commands with results, numbers as facts about ranges.
#
#   CG    where the hierarchy with the memory controller is (default: found)
#   HIER  1 or 2, that hierarchy's version
#   TMP   a directory of the case's own

export LC_ALL=C
TMP=${CASE_TMP:-/tmp}
if [[ -z ${CG:-} ]]; then
    CG=/sys/fs/cgroup
    [[ ! -d $CG/memory ]] || CG=$CG/memory
fi
HIER=1
[[ ! -e $CG/cgroup.controllers ]] || HIER=2
declare -A puppet_pid puppet_in puppet_out watch_pid

# Goes to the root group; in v2 hands the memory controller to its children.
start() {
    cd "$CG" || exit 9
    ((HIER == 1)) || echo +memory >cgroup.subtree_control || exit 9
}

section() { printf '\n# %s\n' "$*"; }

# run COMMAND: as at a prompt: the command, what it prints, its status when it is not 0.
run() {
    local said status=0
    printf '$ %s\n' "$1"
    said=$(eval "$1" 2>&1 </dev/null) || status=$?
    # Which script and line is bash's affair, not the tree's.
    [[ -z $said ]] || sed -E 's/^[^ ]*: (eval: )?line [0-9]+: //' <<<"$said"
    ((status == 0)) || printf '[status %d]\n' "$status"
}

# errno_of COMMAND...: runs it and prints "ok" or the text of its last error.
errno_of() {
    local said
    if said=$("$@" 2>&1 </dev/null); then echo ok; else echo "${said##*: }"; fi
}

# one_write FILE TEXT: one write(2) of exactly TEXT.
one_write() { printf %s "$2" >"$1"; }

# put FILE TEXT: one write, how it went, and what the file says then, on one line.
put() {
    local how now
    how=$(errno_of one_write "$1" "$2")
    now=$(cat "$1" 2>&1) || now="(${now##*: })"
    printf '%-24s -> %-34s %s: %s\n' "${2@Q}" "$how" "${1##*/}" "${now//$'\n'/ | }"
}

# say FILE...: name and contents.
say() {
    local file text
    for file; do
        text=$(cat "$file" 2>&1) || text="(${text##*: })"
        if [[ $text == *$'\n'* ]]; then
            printf '%s:\n%s\n' "$file" "$(sed 's/^/    /' <<<"$text")"
        else
            printf '%s: %s\n' "$file" "$text"
        fi
    done
}

# field FILE KEY: the number after KEY in a file of "key number" lines.
field() { awk -v key="$2" '$1 == key { print $2 }' "$1"; }

# to_bytes SIZE: 4K -> 4096
to_bytes() { numfmt --from=iec "$1"; }

# fact LABEL CONDITION: whether the condition, shell arithmetic or a command, holds now.
fact() {
    if eval "$2" >/dev/null 2>&1; then echo "$1: yes"; else echo "$1: NO"; fi
}

# becomes LABEL CONDITION: the condition holds within ten seconds.
becomes() {
    local try
    for ((try = 0; try < 200; try++)); do
        eval "$2" >/dev/null 2>&1 && { echo "$1: yes"; return; }
        sleep 0.05
    done
    echo "$1: NO"
}

# range LABEL LOW HIGH COMMAND: the number COMMAND prints gets into the range.
range() {
    local low high
    low=$(to_bytes "$2") high=$(to_bytes "$3")
    becomes "$1 in $2..$3" "n=\$($4); ((n >= $low && n <= $high))"
}

# usage [GROUP]: bytes now charged.
usage() {
    if ((HIER == 1)); then cat "${1:-.}/memory.usage_in_bytes"; else cat "${1:-.}/memory.current"; fi
}

# limit GROUP VALUE: sets the hard limit.
limit() {
    if ((HIER == 1)); then echo "$2" >"$1/memory.limit_in_bytes"; else echo "$2" >"$1/memory.max"; fi
}

# once GROUP STEP...: a memhog from start to end in GROUP; its lines, and its status.
once() {
    local group=$1 status=0
    shift
    memhog -s -j "$CG/$group/cgroup.procs" "$@" </dev/null 2>&1 || status=$?
    ((status == 0)) || printf '[status %d]\n' "$status"
}

# puppet NAME GROUP: a memhog in GROUP that waits for `ask`; oom_score_adj is $puppet_adj.
puppet() {
    local name=$1 in out
    mkfifo "$TMP/$name.in" "$TMP/$name.out"
    exec {in}<>"$TMP/$name.in" {out}<>"$TMP/$name.out"
    rm "$TMP/$name.in" "$TMP/$name.out"
    memhog -s ${puppet_adj:+-a "$puppet_adj"} -j "$CG/$2/cgroup.procs" in <&"$in" >&"$out" 2>&1 {in}>&- {out}>&- &
    puppet_pid[$name]=$! puppet_in[$name]=$in puppet_out[$name]=$out
    ask "$name" pid >/dev/null
}

# ask NAME STEP: one step and its answer. A puppet that dies answers "(gone)".
ask() {
    echo "$2" >&"${puppet_in[$1]}"
    hear "$1"
}

# hear NAME: the answer to a step given before.
hear() {
    local line='' part try
    for ((try = 0; try < 300; try++)); do
        if read -r -t 0.1 -u "${puppet_out[$1]}" part; then
            echo "$1: $line$part"
            return
        fi
        line+=$part  # what came before the tenth of a second was over
        kill -0 "${puppet_pid[$1]}" 2>/dev/null || { echo "$1: (gone)"; return; }
    done
    echo "$1: (no answer)"
}

# id_of NAME: the process id of the puppet itself.
id_of() { ask "$1" pid | sed 's/.* //'; }

# finish NAME...: ends puppets.
finish() {
    local name
    for name; do
        echo exit >&"${puppet_in[$name]}"
        wait "${puppet_pid[$name]}"
    done
}

# gone NAME: waits for a puppet that something else ended, and tells how.
gone() {
    local status=0
    { wait "${puppet_pid[$1]}"; } 2>/dev/null || status=$?
    echo "$1: status $status"
}

# watch NAME ARGUMENT...: an evwait (see evwait.cc) that goes on in the background; it is armed, or
# has said why not, when this returns.
watch() {
    local name=$1 try
    shift
    : >"$TMP/$name.heard"  # what an earlier watch of that name heard must not pass for this one's
    evwait "$@" >"$TMP/$name.heard" 2>&1 </dev/null &
    watch_pid[$name]=$!
    for ((try = 0; try < 200; try++)); do
        [[ ! -s $TMP/$name.heard ]] || return
        sleep 0.05
    done
}

# watched NAME: waits for its end; what it heard.
watched() {
    wait "${watch_pid[$1]}"
    sed "s/^/$1: /" "$TMP/$1.heard"
}

# sparse_file NAME SIZE: a file under TMP that takes no space; clean page cache once read.
sparse_file() { truncate -s "$2" "$TMP/$1"; }

# needs_wmark: ends the case where there is nothing to try.
needs_wmark() {
    mkdir probe
    if [[ ! -e probe/memory.wmark_ratio ]]; then
        echo "no memory.wmark_ratio here"
        exit 77
    fi
    rmdir probe
}

# The words of grammar tables (rows.h): what each kind of parser is tried with. Text is as in C.
texts_none=('' '\n' ' ' '\x00' '\x004096')
texts_long=('\{4095*0}1' '\{4096*0}1' '\{4095* }1' '\{4097* }' '\{4096*x}' '\{5000*1}')
texts_page=(4096 '4096\n' ' 4096 ' '\t4096\n\n' '4096\r\n' '\v8192\f' '\xa04096' '8192\xa0' '4096\x00junk'
    1048576 4095 4097 8191 1 1k 10K 1m 2M 1g 1t 1p 1e 7E 0x1000 0X2000 0x10K 0xAk 010000 0 1M 8E 15E 1T
    9223372036854771712 9223372036854771711 2G 9223372036854775807 9223372036854775808 18446744073709551615
    3M 16E 17E 18446744073709551616 99999999999999999999999 5M "${texts_none[@]}" 6M max ' max ' '\tmax' 'max\n\n'
    'max\x00x' 7M -1 ' -1\n' '-1\x00' '-1\x001' 9M MAX Max maxx 'max 1' inf unlimited -2 -0 '- 1' -1K +4096 +-1
    1.5G '1,000' 1_000 50% 0x 0xg 08 0b11 1KB 1kb 1KK 1MiB 1b 1B 4096x 1e3 1E3 K M E 10M 0K 11M '4096 4096'
    '4096\n4096' '1 K' abc '4096#' '#' '\x01' '\xff' '1\x80' 12M "${texts_long[@]}")
texts_u64=(1 0 '1\n' +1 0x1 01 00 '+0\n' 2 3 60 100 101 200 201 1000 ' 1' '1 ' '\t1' '1\n\n' '\n1' 08 0x 0X1 -0 -1 +-1 ++1 + -
    1K 1.0 '1 1' abc '1\x00junk' '1\x00\n' '1\r' '\xa01' true on max 2147483647 2147483648 4294967295 4294967296 4294967297
    9223372036854775807 9223372036854775808 18446744073709551615 18446744073709551616 99999999999999999999999
    "${texts_none[@]}" "${texts_long[@]}")
texts_int=(1 0 ' 1 ' '0\n\n' '\t1' '0\xa0' 0x1 00 01 +0 +1 -0 '1\x00x' 2 -1 10 100 -10 08 0x 0xg ++1 +-1 -+1 - + 1K 1.0 '1 1' '1\n1' abc max
    ' max\n' Max maxx on 2147483646 2147483647 2147483648 -2147483648 -2147483649 4294967295 4294967296 4294967297
    9223372036854775807 18446744073709551616 "${texts_none[@]}" "${texts_long[@]}")
texts_any=(0 1 x ' ' '\n' '' '\x00' -1 '\{4096*x}' '\{4097*x}')
texts_pids=('\{pid}' '0' ' 0\n' '\{pid}\n' ' \{pid} ' '\t\{pid}\v' '+0' '-0' '+\{pid}' '\{pid}\x00junk' 0x0 00 08 0x '' '\n' ' ' '\x00' abc -1
    '\{pid} \{pid}' '\{pid}\n\{pid}' '\{pid}x' '0 0' 0K 4194305 2147483647 2147483648 4294967295 4294967296
    18446744073709551616 -2147483648 '\{4095*0}0' '\{4096*0}0')

# rows FILE READ TEXT...: rows of a table without answers (rows.h).
rows() {
    local file=$1 read=$2 text
    shift 2
    for text; do printf '%s\t%s\t%s\n' "$file" "$read" "$text"; done
}
