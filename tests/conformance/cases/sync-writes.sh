# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 root run
# PROFILE: 6.1 6.12
#
# sync(2) writes what is dirty, and returns when it has been written.
. "${CASE_LIB:-/case/lib.sh}"
start
key=file_dirty other=file_writeback file=file
((HIER == 2)) || { key=dirty other=writeback file=cache; }
dirty() { echo $(($(field a/memory.stat $key) + $(field a/memory.stat $other))); }
mkdir a
section 'written without a sync'
once a write "$TMP/f" 8M
range 'dirty' 7M 8M dirty
echo 1 >/proc/sys/vm/drop_caches
range 'file' 7M 9M "field a/memory.stat $file"
section 'and after one'
run sync
fact 'nothing is dirty' '(($(dirty) == 0))'
echo 1 >/proc/sys/vm/drop_caches
range 'file' 0 64K "field a/memory.stat $file"
section 'of one file system'
once a write "$TMP/g" 4M
run 'sync -f "$TMP"'
fact 'nothing is dirty' '(($(dirty) == 0))'
rm "$TMP/f" "$TMP/g"
