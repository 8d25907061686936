# SPDX-License-Identifier: Apache-2.0
"""proc.py - what the benchmark starts, and that all of it ends

Each process is started in a session of its own and ended by its pid (with what it left in that session);
what it waits for on its stdin ends with us even if we are killed.
"""

import ctypes
import os
import select
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
SETTLE_S = 0.7
libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """A configuration cannot be measured; says why in one line."""


class Memory:
    """What a process takes, looked at while it runs: ru_maxrss would count ours from before its exec."""

    def __init__(self):
        self.peak_kb = self.anon_kb = 0
        self.at = []  # (bytes read so far, RssAnon) at each look

    def look(self, pid):
        try:
            with open(f"/proc/{pid}/io") as f:
                read = next(int(line.split()[1]) for line in f if line.startswith("rchar"))
            with open(f"/proc/{pid}/status") as f:
                kb = {k: int(v.split()[0]) for k, _, v in (x.partition(":") for x in f)
                      if k in ("VmHWM", "RssAnon", "RssFile", "RssShmem")}
        except (OSError, StopIteration):
            return
        if len(kb) < 4:
            return  # it has ended
        self.peak_kb = max(self.peak_kb, kb["VmHWM"])
        # of the peak what is not anonymous only grows; between two looks it may have had more than either shows
        self.anon_kb = max(self.anon_kb, kb["RssAnon"], kb["VmHWM"] - kb["RssFile"] - kb["RssShmem"])
        self.at.append((read, kb["RssAnon"]))

    def anon_at(self, share):
        """RssAnon when that share of all it read had been read."""
        total = self.at[-1][0]
        return next(kb for read, kb in self.at if read >= share * total)


class Procs:
    def __init__(self, tmp):
        self.tmp, self.alive, self.n = tmp, [], 0

    def start(self, argv, cpu, stdout=subprocess.PIPE, stdin=subprocess.PIPE):
        p = Proc(self, [str(a) for a in argv], cpu, stdout, stdin)
        self.alive.append(p)
        return p

    def run(self, argv, cpu, stdout, stdin=subprocess.PIPE, every=0.02):
        """To its end; .wall and .memory say what it took."""
        start = time.monotonic()
        p = self.start(argv, cpu, stdout, stdin)
        if p.p.stdin:
            p.p.stdin.close()
        pidfd = os.pidfd_open(p.pid)
        try:
            while not select.select([pidfd], [], [], every)[0]:
                p.memory.look(p.pid)
        finally:
            os.close(pidfd)
        p.wall = time.monotonic() - start
        p.end()
        if p.p.returncode:
            raise Failed(f"{os.path.basename(p.argv[0])}: {p.why() or p.p.returncode}")
        return p

    def stop_all(self):
        for p in self.alive[:]:
            p.stop()


class Proc:
    def __init__(self, procs, argv, cpu, stdout, stdin):
        procs.n += 1
        self.procs, self.argv, self.buf = procs, argv, b""
        self.memory = Memory()
        self.stderr = procs.tmp / f"stderr.{procs.n}"

        def child():
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if cpu >= 0:
                os.sched_setaffinity(0, {cpu})

        with open(self.stderr, "wb") as err:
            try:
                self.p = subprocess.Popen(argv, stdin=stdin, stdout=stdout, stderr=err,
                                          start_new_session=True, preexec_fn=child)
            except OSError as e:
                raise Failed(f"{argv[0]}: {e.strerror}") from None
        self.pid = self.p.pid

    # --- talk ------------------------------------------------------------------------------------------

    def say(self, line):
        try:
            self.p.stdin.write(line.encode() + b"\n")
            self.p.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: whoever reads it next says why

    def line(self, deadline):
        """The next line of its stdout, None at the end."""
        fd = self.p.stdout.fileno()
        while b"\n" not in self.buf:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                raise Failed(f"{os.path.basename(self.argv[0])}: no answer in time")
            data = os.read(fd, 65536)
            if not data:
                return None
            self.buf += data
        line, self.buf = self.buf.split(b"\n", 1)
        return line.decode(errors="replace")

    def expect(self, start, seconds):
        deadline = time.monotonic() + seconds
        while (line := self.line(deadline)) is not None:
            if line.startswith(start):
                return line
        self.end()
        raise Failed(self.why() or f"{os.path.basename(self.argv[0])} has ended")

    def rest(self, seconds):
        deadline = time.monotonic() + seconds
        lines = []
        while (line := self.line(deadline)) is not None:
            lines.append(line)
        return lines

    def settle(self, seconds):
        """Until it has attached: it holds programs, and its perf events have been the same for a while."""
        deadline, since, before = time.monotonic() + seconds, time.monotonic(), None
        while time.monotonic() < deadline:
            if self.p.poll() is not None:
                raise Failed(self.why() or "has ended")
            fds = self.anon_fds()
            if fds != before or "bpf-prog" not in str(fds):
                before, since = fds, time.monotonic()
            elif time.monotonic() - since > SETTLE_S:
                return
            time.sleep(0.02)
        raise Failed("has not attached in time")

    def anon_fds(self):
        found = []
        try:
            for fd in os.listdir(f"/proc/{self.pid}/fd"):
                found.append(os.readlink(f"/proc/{self.pid}/fd/{fd}"))
        except OSError:
            pass
        return sorted(x for x in found if x.startswith("anon_inode:"))

    def err(self):
        return self.stderr.read_text(errors="replace").strip()

    def why(self):
        """The last line it said on stderr."""
        return self.err().split("\n")[-1][:120] if self.stderr.exists() else ""

    # --- end -------------------------------------------------------------------------------------------

    def signal(self, sig):
        try:
            os.killpg(self.pid, sig)  # its session: it and what it started there
        except ProcessLookupError:
            pass

    def end(self, seconds=15):
        """Waits for it to end by itself, then makes it."""
        try:
            if self.p.stdin and not self.p.stdin.closed:
                self.p.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.p.wait(seconds)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGTERM)
            try:
                self.p.wait(5)
            except subprocess.TimeoutExpired:
                pass
        self.signal(signal.SIGKILL)
        self.p.wait()
        if self.p.stdout:
            self.p.stdout.close()
        if self in self.procs.alive:
            self.procs.alive.remove(self)

    def stop(self):
        """What holds until its stdin ends is given a moment to; a tracer is interrupted."""
        if self.argv[0] == "unshare":
            self.signal(signal.SIGINT)
        self.end(5)
