# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
# TIMEOUT: 60
#
# More anonymous memory than the machine has, in groups without limits, goes to swap.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir old new
puppet old old
puppet new new
ask old 'anon 600M'
ask new 'anon 500M'
swapped() {
    if ((HIER == 1)); then field "$1/memory.stat" swap; else cat "$1/memory.swap.current"; fi
}
fact 'swap is used' '(($(swapped old) + $(swapped new) >= 64 << 20))'
fact 'what was used first went' '(($(swapped old) > $(swapped new)))'
fact 'nothing is lost' '(($(usage old) + $(swapped old) >= 600 << 20))'
if ((HIER == 2)); then
    run 'cat old/memory.events new/memory.events | sort | uniq -c'
    fact 'kswapd did it, or the tasks' '(($(field old/memory.stat pgsteal) > 0))'
fi
finish old new
# A few freed slots stay with each CPU.
becomes 'exit frees memory and swap' '(($(swapped old) + $(swapped new) < 1 << 20))'
