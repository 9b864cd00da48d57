# SPDX-License-Identifier: MIT
# NEEDS: v1 v2
# PROFILE: 6.1 6.12
#
# rdma and misc without a device or a resource to limit.
. "${CASE_LIB:-/case/lib.sh}"
if ((HIER == 1)); then
    mkdir "$CG/../rdma/t" "$CG/../misc/t"
    rdma=$CG/../rdma misc=$CG/../misc
else
    cd "$CG"
    echo '+rdma +misc' >cgroup.subtree_control
    mkdir t
    rdma=. misc=.
fi
cd "$rdma"
for v in 'mlx4_0 hca_handle=2' 'mlx4_0 hca_handle=max hca_object=2000' 'mlx4_0' '' ' ' abc 'mlx4_0 nosuch=1' 'mlx4_0 hca_handle=-1' \
    'mlx4_0 hca_handle=2 hca_handle=3' 'mlx4_0 hca_handle=' 'a=1'; do
    put t/rdma.max "$v"
done
put t/rdma.current 1
((HIER == 2)) || rmdir t
cd "$misc"
for v in 'sev 5' 'sev max' 'nosuch 5' sev '' ' ' 'sev abc' 'sev -1' '5'; do put t/misc.max "$v"; done
put t/misc.current 1
rmdir t
