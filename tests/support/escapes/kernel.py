"""Attempts on the kernel: rights, namespaces, rare system calls, terminals, the clock."""

from typing import Final

from tests.support.escapes.attempt import Attempt

RIGHTS: Final = (
    Attempt(
        "setuid programs",
        """
import subprocess
me = os.getuid()
if me == 0 or os.geteuid() == 0:
    print("ESCAPED as root")
for path in bait["setuid"]:
    got = subprocess.run([path, "-u"], capture_output=True, text=True).stdout.strip()
    if got != str(me):
        print("ESCAPED as", got)
refuse("became root", os.setuid, 0)
refuse("became another", os.setresuid, 1, 1, 1)
refuse("joined a group", os.setgroups, [0])
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
    if int(status[name], 16):
        print("ESCAPED with", name, status[name])
if status["NoNewPrivs"] != "1":
    print("ESCAPED: rights can be gained")
held()
""",
    ),
    Attempt(
        "limits raised",
        """
import resource
for kind in (resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE,
             resource.RLIMIT_CPU, resource.RLIMIT_DATA):
    hard = resource.getrlimit(kind)[1]
    if hard == resource.RLIM_INFINITY:
        print("ESCAPED without limit", kind)
    else:
        refuse(f"raised {kind}", resource.setrlimit, kind, (hard + 1, hard + 1))
refuse("took priority", os.setpriority, os.PRIO_PROCESS, 0, -5)
refuse("ran in real time", os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(10))
refuse("was spared by the kernel", lambda: os.write(os.open("/proc/self/oom_score_adj", os.O_WRONLY), b"-500"))
held()
""",
    ),
    Attempt(
        "mounts",
        """
none = ctypes.c_char_p(b"none")
tmpfs = ctypes.c_char_p(b"tmpfs")
refuse("mounted", call, "mount", none, ctypes.c_char_p(b"/tmp/job"), tmpfs, 0, 0)
refuse("mounted again", call, "mount", none, ctypes.c_char_p(b"/usr"), None, 0x1020, 0)
refuse("unmounted", call, "umount2", ctypes.c_char_p(b"/usr"), 2)
refuse("opened a file system", call, "fsopen", tmpfs, 0)
refuse("opened a tree", call, "open_tree", -100, ctypes.c_char_p(b"/usr"), 1)
refuse("changed a mount", call, "mount_setattr", -100, ctypes.c_char_p(b"/usr"), 0, 0, 0)
refuse("changed the root", os.chroot, "/tmp")
refuse("turned the root", call, "pivot_root", ctypes.c_char_p(b"/tmp"), ctypes.c_char_p(b"/tmp/job"))
refuse("opened by handle", call, "open_by_handle_at", 0, 0, 0)
held()
""",
    ),
    Attempt(
        "namespaces",
        """
for flag in (0x10000000, 0x00020000, 0x40000000, 0x20000000, 0x08000000, 0x04000000, 0x02000000, 0x80):
    refuse(f"unshared {flag:x}", call, "unshare", flag)
    if flag != 0x80:
        def clone(flag=flag):
            child = call("clone", flag | 17, 0, 0, 0, 0)
            if child == 0:
                os._exit(0)
            return child
        refuse(f"cloned into {flag:x}", clone)
refuse("cloned", call, "clone3", 0, 0)
refuse("joined", call, "setns", os.open("/proc/self/ns/net", os.O_RDONLY), 0)
refuse("renamed the host", socket.sethostname, "escaped")
held()
""",
    ),
    Attempt(
        "rare system calls",
        """
refuse("set up io_uring", call, "io_uring_setup", 8, ctypes.create_string_buffer(120))
refuse("entered io_uring", call, "io_uring_enter", 0, 0, 0, 0, 0)
refuse("loaded bpf", call, "bpf", 0, ctypes.create_string_buffer(128), 128)
refuse("watched performance", call, "perf_event_open", ctypes.create_string_buffer(128), 0, -1, -1, 0)
refuse("handled faults", call, "userfaultfd", 1)
refuse("used a keyring", call, "keyctl", 0, -3, 1)
refuse("added a key", call, "add_key", ctypes.c_char_p(b"user"), ctypes.c_char_p(b"x"), ctypes.c_char_p(b"y"), 1, -3)
refuse("asked for a key", call, "request_key", ctypes.c_char_p(b"user"), ctypes.c_char_p(b"x"), None, 0)
refuse("loaded a module", call, "finit_module", 0, ctypes.c_char_p(b""), 0)
refuse("rebooted", call, "reboot", 0xfee1dead, 672274793, 0)
refuse("read the log of the kernel", call, "syslog", 3, ctypes.create_string_buffer(100), 100)
refuse("watched files", call, "fanotify_init", 0, 0)
refuse("made memory of nobody", call, "memfd_create", ctypes.c_char_p(b"x"), 0)
refuse("made shared memory of nobody", call, "shmget", 0, 1 << 20, 0o1600)
refuse("made a queue of nobody", call, "msgget", 0, 0o1600)
held()
""",
    ),
    Attempt(
        "the clock",
        """
refuse("set the clock", time.clock_settime, time.CLOCK_REALTIME, 0)
refuse("set the time of day", call, "settimeofday", ctypes.create_string_buffer(16), None)
refuse("adjusted the clock", call, "clock_adjtime", 0, ctypes.create_string_buffer(b"\\1" * 208))
refuse("adjusted the time", call, "adjtimex", ctypes.create_string_buffer(b"\\1" * 208))
held()
""",
    ),
    Attempt(
        "typing into the terminal",
        """
import fcntl, pty
refuse("opened the terminal", lambda: os.open("/dev/tty", os.O_WRONLY))
for number in (0, 1, 2):
    refuse(f"typed into {number}", fcntl.ioctl, number, 0x5412, b"x")
try:
    _, terminal = pty.openpty()
except OSError:
    terminal = None
if terminal is not None:
    os.setsid() if os.getsid(0) != os.getpid() and os.getpgid(0) != os.getpid() else None
    refuse("typed into its own", fcntl.ioctl, terminal, 0x5412, b"x")
    refuse("used the console", fcntl.ioctl, terminal, 0x541C, b"x")
refuse("hung up", call, "vhangup")
held()
""",
    ),
)
