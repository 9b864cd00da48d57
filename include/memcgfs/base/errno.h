// SPDX-License-Identifier: MIT
//
// The errors a kernel interface can give, as a type of their own.
//
// A value of Errno is always a real error: success is the other half of Result<T> (result.h).
#pragma once

#include <cerrno>
#include <string_view>

namespace memcgfs {

/// Kernel error numbers by the names user space knows (errno(3)); the value is the errno value.
enum class Errno : int {
    kEPERM = EPERM,
    kENOENT = ENOENT,
    kESRCH = ESRCH,
    kEINTR = EINTR,
    kEIO = EIO,
    kE2BIG = E2BIG,
    kEBADF = EBADF,
    kEAGAIN = EAGAIN,
    kENOMEM = ENOMEM,
    kEACCES = EACCES,
    kEFAULT = EFAULT,
    kEBUSY = EBUSY,
    kEEXIST = EEXIST,
    kENODEV = ENODEV,
    kENOTDIR = ENOTDIR,
    kEISDIR = EISDIR,
    kEINVAL = EINVAL,
    kENFILE = ENFILE,
    kENOTTY = ENOTTY,
    kEFBIG = EFBIG,
    kENOSPC = ENOSPC,
    kEROFS = EROFS,
    kERANGE = ERANGE,
    kENAMETOOLONG = ENAMETOOLONG,
    kENOSYS = ENOSYS,
    kENOTEMPTY = ENOTEMPTY,
    kENODATA = ENODATA,
    kEOPNOTSUPP = EOPNOTSUPP,
    kEOVERFLOW = EOVERFLOW,
    kETIMEDOUT = ETIMEDOUT,
    kESTALE = ESTALE,
    kECANCELED = ECANCELED,
};

/// The number for a system call's answer (positive).
constexpr int to_int(Errno error) { return static_cast<int>(error); }

/// "EINVAL" and so on; "E?" for a number this table does not name.
std::string_view errno_name(Errno error);

}  // namespace memcgfs
