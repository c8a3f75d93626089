"""Attempts on what is outside: networks, files, processes and memory of others."""

from typing import Final

from tests.support.escapes.attempt import Attempt

NETWORK: Final = (
    Attempt(
        "network v4",
        """
for address in [*bait["v4"], ["8.8.8.8", 53], ["169.254.169.254", 80]]:
    refuse(f"connected to {address}", socket.create_connection, tuple(address), 1)
def send():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("8.8.8.8", 53))
refuse("sent a datagram", send)
refuse("resolved a name", socket.getaddrinfo, "example.com", 80)
held()
""",
    ),
    Attempt(
        "network v6",
        """
for address in [*bait["v6"], ["2001:4860:4860::8888", 53]]:
    refuse(f"connected to {address}", socket.create_connection, tuple(address), 1)
held()
""",
    ),
    Attempt(
        "unix sockets",
        """
for path in [bait["unix"], "/var/run/docker.sock", "/run/docker.sock", "/run/dbus/system_bus_socket"]:
    refuse(f"connected to {path}", socket.socket(socket.AF_UNIX).connect, path)
held()
""",
    ),
    Attempt(
        "abstract sockets",
        """
refuse("connected", socket.socket(socket.AF_UNIX).connect, "\\0" + bait["abstract"])
held()
""",
    ),
    Attempt(
        "sockets around the namespace",
        """
AF_PACKET, AF_ALG, AF_VSOCK, AF_BLUETOOTH, AF_KEY = 17, 38, 40, 31, 15
for family in (AF_PACKET, AF_ALG, AF_VSOCK, AF_BLUETOOTH, AF_KEY):
    refuse(f"opened a socket of family {family}", socket.socket, family, socket.SOCK_STREAM)
    refuse(f"opened a raw socket of family {family}", socket.socket, family, socket.SOCK_RAW)
refuse("opened a raw socket", socket.socket, socket.AF_INET, socket.SOCK_RAW, 1)
def list_interfaces():
    names = {name for _, name in socket.if_nameindex()}
    if names <= {"lo"}:
        raise OSError("only its own")
    return names
refuse("listed interfaces", list_interfaces)
held()
""",
    ),
)

FILES: Final = (
    Attempt(
        "reading outside",
        """
for path in [bait["secret"], bait["folder"], "/etc/shadow", "/etc/sudoers", "/root/.bashrc", "/home",
             "/root/.ssh", "/var/log", "/var/lib", bait["repository"] + "/pyproject.toml",
             bait["repository"] + "/.git/config", "/run/lock", "/run/user", "/boot", "/mnt", "/srv", "/opt"]:
    refuse(f"listed {path}", os.listdir, path)
    refuse(f"read {path}", lambda: open(path, "rb").read(100))
refuse("read by a way around", lambda: open("/proc/self/root" + bait["secret"]).read())
refuse("read above", lambda: open("../../../../../.." + bait["secret"]).read())
def read_accounts():
    text = open("/etc/passwd").read()
    if "root" not in text:
        raise OSError("only its own")
    return text
refuse("read the accounts of the machine", read_accounts)
held()
""",
    ),
    Attempt(
        "writing outside",
        """
for folder in ["/", "/usr", "/usr/bin", "/usr/local/lib", "/etc", "/var", "/var/tmp", "/dev", "/proc", "/root",
               "/home", bait["folder"], *bait["readable"]]:
    refuse(f"wrote to {folder}", lambda: os.open(folder + "/escaped", os.O_WRONLY | os.O_CREAT))
    refuse(f"made {folder}/below", os.mkdir, folder + "/below")
refuse("changed a mode", os.chmod, "/usr/bin/env", 0o777)
refuse("changed the accounts", lambda: os.open("/etc/passwd", os.O_WRONLY | os.O_APPEND))
refuse("changed a time", os.utime, "/usr/bin/env")
held()
""",
    ),
    Attempt(
        "links out",
        """
for number, target in enumerate([bait["secret"], "/etc/shadow", "/etc/passwd", bait["folder"]]):
    os.symlink(target, f"link{number}.txt")
    refuse(f"made a hard link to {target}", os.link, target, f"hard{number}.txt")
os.symlink(bait["folder"], "folder")
os.symlink("/", "slash")
os.symlink("..", "above")
os.symlink("loop.txt", "loop.txt")
os.mkfifo("fifo.txt")
socket.socket(socket.AF_UNIX).bind("socket.txt")
refuse("linked a program", os.link, "/usr/bin/env", "hard.txt")
held()
""",
        collect=("*",),
    ),
    Attempt(
        "endless folders",
        """
try:
    for _ in range(600):
        os.mkdir("d")
        os.chdir("d")
    open("deep.txt", "w").write("deep")
except OSError:
    pass
held()
""",
        collect=("*.txt",),
    ),
    Attempt(
        "the temporary files of others",
        """
try:
    found = [name for name in os.listdir("/tmp") if name not in {"job"}]
except OSError:
    found = []
known = {part for path in bait["readable"] for part in path.split("/")}
if set(found) - known:
    print("ESCAPED to the files of others", found)
for folder in ("/var/tmp", "/dev/shm"):
    def list_folder(folder=folder):
        names = os.listdir(folder)
        if not names:
            raise OSError("nothing")
        return names
    refuse(f"listed {folder}", list_folder)
held()
""",
    ),
    Attempt(
        "devices",
        """
for kind in (0o020000, 0o060000):
    refuse("made a device", os.mknod, "device", kind | 0o666, os.makedev(1, 1))
for name in ["mem", "kmem", "port", "kvm", "vda", "sda", "nvme0n1", "fuse", "loop-control", "net/tun", "vsock"]:
    refuse(f"opened /dev/{name}", lambda: open("/dev/" + name, "rb").read(1))
try:
    devices = os.listdir("/dev")
except OSError:
    devices = []
extra = set(devices) - {
    "console", "core", "fd", "full", "mqueue", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout",
    "tty", "urandom", "zero",
}
if extra:
    print("ESCAPED to devices", sorted(extra))
held()
""",
    ),
    Attempt(
        "settings of the kernel",
        """
for path in ["/sys/kernel", "/sys/class", "/sys/dev", "/sys/devices"]:
    refuse(f"listed {path}", os.listdir, path)
for path in ["/proc/sys/kernel/hostname", "/proc/sys/kernel/core_pattern", "/proc/sys/vm/overcommit_memory",
             "/proc/sysrq-trigger", "/proc/sys/fs/binfmt_misc/register"]:
    refuse(f"wrote {path}", lambda: os.write(os.open(path, os.O_WRONLY), b"1"))
for path in ["/proc/kcore", "/proc/kmsg", "/dev/kmsg", "/proc/keys", "/proc/kallsyms"]:
    def read(path=path):
        text = open(path, "rb").read(4096)
        if not text or path == "/proc/kallsyms" and text.startswith(b"0000000000000000"):
            raise OSError("nothing is told")
        return text
    refuse(f"read {path}", read)
held()
""",
    ),
)

OTHERS: Final = (
    Attempt(
        "processes of others",
        """
seen = [int(name) for name in os.listdir("/proc") if name.isdigit()]
if len(seen) > 4 or bait["process"] in seen and max(seen) > 100:
    print("ESCAPED to processes", seen)
for pid in (bait["process"], bait["agent"], 1):
    for name in ("environ", "mem", "maps", "root", "cwd"):
        path = f"/proc/{pid}/{name}"
        def read(path=path):
            text = os.readlink(path) if path.endswith(("root", "cwd")) else open(path, "rb").read(1 << 16)
            if bait["token"].encode() not in (text if isinstance(text, bytes) else text.encode()):
                raise OSError("nothing of others")
            return text
        refuse(f"read {path}", read)
held()
""",
    ),
    Attempt(
        "signals to others",
        """
for number in (9, 15, 19):
    for pid in (bait["process"], bait["agent"]):
        if pid not in (os.getpid(), os.getppid()) and not os.path.exists(f"/proc/{pid}"):
            refuse(f"sent {number} to {pid}", os.kill, pid, number)
held()
os.kill(-1, 9)
time.sleep(0.2)
""",
    ),
    Attempt(
        "tracing",
        """
import subprocess
child = subprocess.Popen(["sleep", "5"])
refuse("attached", call, "ptrace", 16, child.pid, 0, 0)
refuse("seized", call, "ptrace", 0x4206, child.pid, 0, 0)
refuse("traced itself", call, "ptrace", 0, 0, 0, 0)
refuse("read memory", call, "process_vm_readv", child.pid, 0, 0, 0, 0, 0)
refuse("wrote memory", call, "process_vm_writev", child.pid, 0, 0, 0, 0, 0)
refuse("compared", call, "kcmp", os.getpid(), child.pid, 0, 0, 0)
opened = os.pidfd_open(child.pid)
refuse("took a descriptor", call, "pidfd_getfd", opened, 0, 0)
child.kill()
held()
""",
    ),
    Attempt(
        "inherited descriptors",
        """
for number in range(3, 256):
    def read(number=number):
        where = os.readlink(f"/proc/self/fd/{number}")
        if where.startswith("/proc/"):
            raise OSError("the listing itself")
        return where
    refuse(f"holds descriptor {number}", read)
for number in (0, 1, 2):
    where = os.readlink(f"/proc/self/fd/{number}")
    if where != "/dev/null" and not where.startswith("pipe:"):
        print("ESCAPED to", where)
held()
""",
    ),
    Attempt(
        "the environment",
        """
extra = set(os.environ) - {"BAIT", "HOME", "LANG", "PATH", "PWD", "TMPDIR", "SHLVL", "_", "LC_CTYPE"}
if extra:
    print("ESCAPED with", sorted(extra))
for pid in (name for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()):
    def read(pid=pid):
        text = open(f"/proc/{pid}/environ", "rb").read()
        if bait["secret_variable"].encode() not in text:
            raise OSError("no secret")
    refuse(f"read the environment of {pid}", read)
held()
""",
    ),
)
