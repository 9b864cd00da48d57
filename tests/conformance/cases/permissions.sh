# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 root
# PROFILE: 6.1 6.12
#
# What modes, owners and groups of files and directories let an ordinary user do, and a root that
# has no capabilities.
. "${CASE_LIB:-/case/lib.sh}"
cd "$CG" || exit 9
mkdir g g/in
f=g/cgroup.procs
user() { permits 65534 65534 - "$@"; }
member() { permits 65534 65534 7,4242 "$@"; }
bare_root() { setpriv --bounding-set=-all permits 0 0 - "$@"; }

# of OWNER MODES WHO STEP PATH: the step, with each of the modes.
of() {
    local mode
    chown "$1" "$5"
    for mode in $2; do
        chmod "$mode" "$5"
        echo "$1 $mode"
        "$3" "$4" "$5"
    done
}
section 'files of root'
of 0:0 '000 200 400 600 644 666 222 444' user file $f
section 'of the user'
of 65534:0 '000 400 200 600 066' user file $f
section 'of its group'
of 0:65534 '060 040 020 606 640' user file $f
section 'of another group, and one of the further ones'
of 0:4242 '060 040' user file $f
of 0:4242 '060 040 606' member file $f
section 'root without capabilities'
of 0:0 '000 400 600' bare_root file $f
of 65534:0 '600 644' bare_root file $f

section 'directories of root'
of 0:0 '755 711 744 766 777 2777 700' user dir g/in
section 'of the user'
of 65534:0 '755 300 100 400 000 077' user dir g/in
section 'of a further group'
of 0:4242 '770 2770 707' member dir g/in
section 'root without capabilities'
of 0:0 '755 000' bare_root dir g/in
user dir .
bare_root dir .
permits 0 0 - dir .
chown 0:0 g/in

section 'a directory that has been walked'
chmod 755 g g/in
chmod 644 g/in/cgroup.procs
user file g/in/cgroup.procs
chmod 700 g
user file g/in/cgroup.procs dir g/in
permits 0 0 - file g/in/cgroup.procs
user file g/in/cgroup.procs rmdir g/in enter g/in
chmod 711 g
user file g/in/cgroup.procs
section 'who stands in it'
cd g/in || exit 9
chmod 700 ..
user file cgroup.procs file ../cgroup.procs enter .. dir . dir ../in
chmod 600 .
user file cgroup.procs
chmod 755 . ..
user file cgroup.procs
cd "$CG" || exit 9
section 'in the group that may search'
chown 0:4242 g
chmod 750 g
user file g/in/cgroup.procs
member file g/in/cgroup.procs
chmod 755 g

section 'changes by others and by the owner'
of 0:0 '644 666' user owner $f
of 65534:0 '000 644' user owner $f
of 65534:4242 '644' member owner $f
of 0:0 '755 777' user owner g/in
of 65534:0 '755' user owner g/in
of 0:0 '644' bare_root owner $f
section 'and a truncation'
chown 0:0 $f
chmod 4666 $f
user file $f
stat -c %a $f
section 'removal'
chown 0:0 g/in
user rmdir g/in
chmod 1777 g
user rmdir g/in
section 'other calls'
chmod 755 g
user names g cgroup.procs names g in
chmod 777 g
user names g cgroup.procs
section 'attributes'
chmod 644 $f
user xattr $f
chmod 600 $f
user xattr $f
chmod 666 $f
user xattr $f
chown 65534 $f
chmod 200 $f
user xattr $f xattr g
for mode in 777 1777; do chmod $mode g; user xattr g; done
chown 65534 g
user xattr g
chown 0 g
permits 0 0 - xattr $f xattr g/in
bare_root xattr $f
rmdir g/in g
