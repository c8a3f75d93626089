"""Attempts to use up the machine, and to stay when the run is over."""

from typing import Final

from agents.sandbox.job import RunLimits
from tests.support.escapes.attempt import Attempt

BUSY: Final = RunLimits(wall_seconds=20, cpu_seconds=0.3)
SHORT: Final = RunLimits(wall_seconds=0.5)

RESOURCES: Final = (
    Attempt(
        "fork bomb",
        """
while True:
    try:
        os.fork()
    except OSError:
        time.sleep(0.01)
""",
        hit=("processes", "memory"),
    ),
    Attempt(
        "threads without end",
        """
import threading
while True:
    try:
        threading.Thread(target=time.sleep, args=(100,)).start()
    except RuntimeError:
        time.sleep(0.01)
""",
        hit=("processes",),
    ),
    Attempt(
        "memory of one process",
        "held_back = []\nwhile True:\n    held_back.append(bytearray(4_000_000))",
        hit=("memory",),
        limits=RunLimits(wall_seconds=20, memory_mb=128),
    ),
    Attempt(
        "memory of a process that hides itself",
        """
libc.prctl(4, 0, 0, 0, 0)
held_back = []
while True:
    held_back.append(bytearray(4_000_000))
""",
        hit=("memory",),
        limits=RunLimits(wall_seconds=20, memory_mb=128),
    ),
    Attempt(
        "memory at once",
        """
import mmap
refuse("took it", lambda: mmap.mmap(-1, 1 << 40, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
refuse("took it in parts", lambda: [mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) for _ in range(64)])
held()
""",
    ),
    Attempt(
        "memory of many processes",
        """
for _ in range(8):
    if os.fork() == 0:
        block = bytearray(os.urandom(1_000_000)) * 40
        time.sleep(10)
time.sleep(10)
""",
        hit=("memory",),
        limits=RunLimits(wall_seconds=20, memory_mb=128),
    ),
    Attempt(
        "the disk by one file",
        """
with open("large", "wb") as file:
    while True:
        file.write(bytes(1 << 20))
        file.flush()
""",
        hit=("disk",),
        limits=RunLimits(wall_seconds=20, disk_mb=8),
    ),
    Attempt(
        "the disk by many files",
        "for number in range(10**7):\n    os.mknod(str(number))",
        hit=("disk",),
    ),
    Attempt(
        "the disk by shared memory",
        """
def fill():
    with open("/dev/shm/large", "wb") as file:
        for _ in range(64):
            file.write(bytes(1 << 20))
refuse("wrote more than its disk", fill)
held()
""",
        limits=RunLimits(wall_seconds=20, disk_mb=8),
    ),
    Attempt(
        "a file of a terabyte",
        """
refuse("made it", os.truncate, os.open("sparse", os.O_RDWR | os.O_CREAT), 1 << 40)
held()
""",
    ),
    Attempt(
        "a large core",
        """
block = bytearray(50_000_000)
child = os.fork()
if child == 0:
    os.abort()
_, status = os.waitpid(child, 0)
if os.WCOREDUMP(status) or any("core" in name for name in os.listdir(".")):
    print("ESCAPED with a core")
held()
""",
    ),
    Attempt(
        "output without end",
        "while True:\n    os.write(1, b'x' * 65536)\n    os.write(2, b'y' * 65536)",
        hit=("output",),
    ),
    Attempt("a loop without end", "while True:\n    pass", hit=("cpu",), limits=BUSY),
    Attempt(
        "loops of many processes",
        "for _ in range(4):\n    os.fork()\nwhile True:\n    pass",
        hit=("cpu",),
        limits=BUSY,
    ),
    Attempt("waiting without end", "time.sleep(1000)", hit=("wall",), limits=SHORT),
    Attempt(
        "signals ignored",
        """
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
os.close(1), os.close(2)
time.sleep(1000)
""",
        hit=("wall",),
        limits=SHORT,
    ),
    Attempt(
        "open files without end",
        """
opened = []
def open_all():
    for _ in range(10_000):
        opened.append(os.open("/dev/null", os.O_RDONLY))
refuse("opened", open_all)
del opened[:]
os.closerange(3, 10_000)
held()
""",
    ),
    Attempt(
        "staying behind",
        """
sys.stdout.flush()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        os.execvp("sleep", ["sleep", bait["marker"]])
    os._exit(0)
os.wait()
held()
""",
    ),
    Attempt(
        "staying behind and hiding",
        """
sys.stdout.flush()
libc.prctl(4, 0, 0, 0, 0)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        libc.prctl(15, ctypes.c_char_p(bait["marker"].encode()), 0, 0, 0)
        time.sleep(10_000)
    os._exit(0)
os.wait()
held()
""",
    ),
    Attempt(
        "killing what watches",
        """
for number in (9, 15, 19):
    for pid in (1, os.getppid()):
        try:
            os.kill(pid, number)
        except OSError:
            pass
time.sleep(0.1)
held()
""",
    ),
)
