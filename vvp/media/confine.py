"""What a decoder's child may do: read what it was given, compute, answer. Everything else is taken away.

Limits of the process everywhere; on Linux also no_new_privs, Landlock (files) and a seccomp filter (sockets,
other programs, other processes), as far as the kernel has them and libseccomp is installed.
Not known here: media, and how a child starts.
"""

import contextlib
import ctypes
import errno
import os
import resource
import signal
import site
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any

CLONE_THREAD = 0x00010000
FORBIDDEN = (
    # the network, and every other kind of socket
    "socket socketpair connect bind listen accept accept4 "
    # other programs and processes
    "execve execveat fork vfork ptrace process_vm_readv process_vm_writev pidfd_open pidfd_getfd kcmp "
    "kill tkill process_madvise "
    # ways around a filter, and the machine itself
    "io_uring_setup io_uring_enter io_uring_register userfaultfd bpf perf_event_open keyctl add_key "
    "request_key open_by_handle_at name_to_handle_at mount umount2 pivot_root chroot unshare setns "
    "init_module finit_module delete_module kexec_load reboot swapon swapoff acct quotactl "
    "mknod mknodat iopl ioperm personality clock_settime settimeofday sethostname setdomainname"
)
KEPT = ("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def environment(folder: str) -> dict[str, str]:
    """The child's whole environment: no key, token or address of its parent's is in it."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    fixed = {"LANG": "C.UTF-8", "TMPDIR": folder, "PATH": "/usr/bin:/bin"}  # decord asks for a PATH
    return {**kept, **dict.fromkeys(ONE_THREAD, "1"), **fixed}


def confine(memory_gb: float) -> None:
    """From now on this process writes no file and reads the libraries that it runs on; it has memory_gb of
    address space more than now. For the child's main thread, before it starts others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends its child
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        calls = _calls()  # looking for libseccomp takes a program
        _files()
        if calls is not None:
            calls.load()
        with open("/proc/self/statm") as statm:
            mapped = int(statm.read().split()[0]) * resource.getpagesize()
        limit = mapped + int(memory_gb * 2**30)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def allow_cpu(seconds: float) -> None:
    """From now on the process may use so much CPU time, of all its threads; then SIGXCPU ends it."""
    used = time.process_time()
    resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + 1, resource.RLIM_INFINITY))


def _files() -> None:
    """Landlock, where the kernel has it."""
    import landlock  # Linux only

    ctypes.set_errno(0)  # the library takes an old number for a failure of its own
    try:
        rules = landlock.Ruleset()
    except landlock.SyscallError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP):
            return
        raise
    one, read = landlock.FSAccess.READ_FILE, landlock.FSAccess.READ_FILE | landlock.FSAccess.READ_DIR
    for path in _libraries():
        rules.allow(path, rules=read | landlock.FSAccess.EXECUTE)
    for device in ("/dev/null", "/dev/urandom"):
        rules.allow(device, rules=one | landlock.FSAccess.WRITE_FILE)
    rules.allow(f"/proc/{os.getpid()}", rules=read)
    for path in ("/etc/localtime", "/sys/devices/system/cpu"):
        if os.path.exists(path):
            rules.allow(path, rules=read if os.path.isdir(path) else one)
    rules.apply()


def _libraries() -> list[str]:
    """Where Python, its packages and the system's libraries lie; of this project, the package alone."""
    paths = sysconfig.get_paths()
    places = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    places |= {p for p in sys.path if p.endswith("lib-dynload") or _holds_packages(p)}
    with contextlib.suppress(AttributeError):
        places.add(site.getusersitepackages())
    places |= {"/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib", sys.base_prefix + "/lib"}
    places.add(str(Path(__file__).parents[1]))
    return sorted(p for p in places if os.path.isdir(p))


def _holds_packages(folder: str) -> bool:
    """True for a folder that an installer put packages in, whatever its name: PYTHONPATH may name any."""
    named = folder.endswith(("site-packages", "dist-packages"))
    return named or (bool(folder) and any(Path(folder).glob("*.dist-info/METADATA")))


def _calls() -> Any:
    """The seccomp filter, where libseccomp is installed. A forbidden call fails, as for want of a right.
    None: it is not installed. Loading the filter also sets no_new_privs."""
    try:
        import pyseccomp as seccomp
    except RuntimeError:  # how it says that there is no libseccomp
        return None
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    denied = seccomp.ERRNO(errno.EPERM)
    for name in FORBIDDEN.split():
        with contextlib.suppress(ValueError, OSError):  # a call that this architecture does not have
            rules.add_rule(denied, name)
    rules.add_rule(denied, "tgkill", seccomp.Arg(0, seccomp.NE, os.getpid()))
    rules.add_rule(denied, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, CLONE_THREAD, 0))  # threads only
    # Its arguments lie in memory, where a filter cannot look; without it libc takes the one above.
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    return rules
