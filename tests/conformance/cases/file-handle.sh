# SPDX-License-Identifier: MIT
# NEEDS: v1 v2 run
# PROFILE: 6.1 6.12
#
# name_to_handle_at(2) of a group and of a file: by it programs learn a group's number.
. "${CASE_LIB:-/case/lib.sh}"
start
mkdir g
section 'a group'
filecalls handle g
section 'a file'
filecalls handle g/cgroup.procs
cd g || exit
section 'the working directory'
filecalls handle .
cd ..
rmdir g
