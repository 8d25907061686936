# SPDX-License-Identifier: Apache-2.0
"""A throw-away root: a file tree of its own in own mount, pid, network, uts and ipc namespaces.

    with ns.Root(folder, files=ns.home() | {"/etc/cron.d": None}, binds={"/opt/kits/py": kit}) as root:
        argv = root.argv(["/opt/kits/py/bin/python", "/srv/server.py"], user="agent")
        subprocess.run(["build/mcpwatch", "exec", "--output", out, "--", *argv])   # mcpwatch itself stays outside
        root.read("/home/agent/.bashrc"), root.world()

Of the host only /usr (and what `binds` names) is there, read-only; of /etc what is listed below; /dev has six
devices, /proc this pid namespace. The tree is a plain folder of the host, so what happened can be read from
outside (read, exists). The network has no way out: the loopback, and whatever addresses are asked for, on which
the stubs of stubs.py answer. The stubs run in the namespaces' process 1, which mcpwatch does not watch: they are
the world around the server. The end of `with` ends every process in it. Needs root, util-linux and iproute2.
"""

import base64
import ctypes
import json
import os
import random
import shutil
import signal
import stat
import subprocess
import sys
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
PYTHON = "/usr/bin/python3"  # of /usr, so that process 1 keeps its library in the new root
UID = GID = 1000
HOME = "/home/agent"
PEER = "/run/netns/peer"  # the second network, where Root(peer=True)
NEAR, FAR, OTHER = "192.0.2.1", "192.0.2.2", "192.0.2.3"  # the root's end of the cable, and the peer's two addresses
MERGED = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"]
DEVICES = ["null", "zero", "full", "random", "urandom", "tty"]
# What even root in the tree cannot do: it would be done to the host.
WITHOUT = "-sys_module,-sys_boot,-sys_time,-sys_rawio,-mknod,-bpf,-syslog,-sys_admin"
FOLDERS = ["proc", "dev", "usr", "etc", "run", "sys", "opt", "srv", "var/log", "var/lib", "var/spool/cron/crontabs", "var/tmp",
           "root", "home/agent", "tmp", "run/netns"]
ETC = ["ld.so.cache", "localtime", "mime.types", "nsswitch.conf", "protocols", "services", "gai.conf", "debian_version"]
SHARED = ["/etc/alternatives", "/etc/ssl/certs", "/etc/ssl/openssl.cnf"]


# --- what lies in the tree ----------------------------------------------------------------------------------

def link(to):
    """As a file's content: a symbolic link."""
    return ("link", to)


def mode(content, mode):
    """As a file's content: that content with this mode."""
    return ("mode", content, mode)


def blob(seed, n):
    """n bytes that are the same in every run: nothing in the source then looks like a key."""
    return random.Random(seed).randbytes(n)


def token(seed, n, alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"):
    r = random.Random(seed)
    return "".join(r.choice(alphabet) for _ in range(n))


def pem(kind, seed, n=1200):
    body = base64.encodebytes(blob(seed, n)).decode()
    return f"-----BEGIN {kind} PRIVATE KEY-----\n{body}-----END {kind} PRIVATE KEY-----\n"


ALNUM = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
AWS_ID = "AKIA" + token("aws-id", 16)
AWS_SECRET = token("aws-secret", 40, ALNUM + "+/")
GITHUB = "ghp_" + token("github", 36, ALNUM)
SSH_KEY = pem("OPENSSH", "ssh")
AWS = f"[default]\naws_access_key_id = {AWS_ID}\naws_secret_access_key = {AWS_SECRET}\n"
DOTENV = f"DATABASE_URL=postgres://app:{token('db', 20, ALNUM)}@db.internal/app\nSTRIPE_KEY=sk_live_{token('stripe', 24, ALNUM)}\n"


def home(h=HOME):
    """The files of a home that is in use."""
    files = {
        ".ssh/id_ed25519": mode(SSH_KEY, 0o600),
        ".ssh/id_rsa": mode(pem("RSA", "rsa"), 0o600),
        ".ssh/id_ed25519.pub": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 agent@work\n",
        ".ssh/known_hosts": "git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\n",
        ".ssh/authorized_keys": mode("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 agent@laptop\n", 0o600),
        ".aws/credentials": mode(AWS, 0o600),
        ".aws/config": "[default]\nregion = eu-central-1\n",
        ".config/gcloud/application_default_credentials.json":
            json.dumps({"type": "authorized_user", "refresh_token": "1//" + token("gcloud", 40, ALNUM)}),
        ".config/gcloud/credentials.db": blob("gcloud-db", 400),
        ".kube/config": mode(f"apiVersion: v1\nusers:\n- name: admin\n  user:\n    token: {token('kube', 60, ALNUM)}\n", 0o600),
        ".docker/config.json": json.dumps({"auths": {"registry.example.com": {"auth": base64.b64encode(blob("docker", 24)).decode()}}}),
        ".netrc": mode(f"machine git.example.com login agent password {token('netrc', 20, ALNUM)}\n", 0o600),
        ".git-credentials": mode(f"https://agent:{GITHUB}@github.com\n", 0o600),
        ".npmrc": f"//registry.example.com/:_authToken={token('npm', 36, ALNUM)}\n",
        ".gnupg/private-keys-v1.d/5D1F0E.key": mode(blob("gnupg", 700), 0o600),
        ".gnupg/pubring.kbx": blob("kbx", 300),
        ".password-store/bank.gpg": mode(blob("pass", 300), 0o600),
        ".local/share/keyrings/login.keyring": mode(blob("keyring", 300), 0o600),
        ".mozilla/firefox/x1y2.default/logins.json": json.dumps({"logins": [{"hostname": "https://bank.example.com"}]}),
        ".mozilla/firefox/x1y2.default/key4.db": blob("key4", 600),
        ".mozilla/firefox/x1y2.default/cookies.sqlite": blob("cookies", 600),
        ".config/google-chrome/Default/Login Data": blob("logins", 600),
        ".config/google-chrome/Default/Cookies": blob("chrome", 600),
        ".bash_history": mode(f"ls\ncd projects\nmysql -u root -p{token('hist', 12, ALNUM)}\n", 0o600),
        ".zsh_history": mode(": 1767225600:0;git push\n", 0o600),
        ".bashrc": "# ~/.bashrc\nalias ll='ls -l'\n",
        ".profile": "# ~/.profile\n",
        ".cursor/mcp.json": json.dumps({"mcpServers": {"notes": {"command": "notes"}}}),
        ".config/Claude/claude_desktop_config.json": json.dumps({"mcpServers": {}}),
        "projects/app/.env": mode(DOTENV, 0o600),
        "projects/app/README.md": "# app\nBills customers once a month.\n",
        "projects/app/main.py": "def total(rows):\n    return sum(r.amount for r in rows)\n",
        "projects/app/data/rates.csv": "currency,rate\nEUR,1\nUSD,1.09\n",
        "Documents/contract.txt": "The parties agree.\n" * 40,
        "Documents/2026/plan.txt": "Plan for the year.\n",
        "Documents/2026/notes.txt": "Notes.\n",
    }
    return {f"{h}/{name}": content for name, content in files.items()}


def place(tree, files):
    """Files of {path: content}: str or bytes, link(), mode(), None for a folder. Below /home/agent they are the agent's."""
    for path, content in files.items():
        p, bits = tree / path.lstrip("/"), None
        missing = [q for q in [p, *p.parents] if q != tree and tree in q.parents and not os.path.lexists(q)]
        if isinstance(content, tuple) and content[0] == "mode":
            _, content, bits = content
        if content is None:
            p.mkdir(parents=True, exist_ok=True)
        else:
            p.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, tuple):
                os.symlink(content[1], p)
            else:
                p.write_bytes(content.encode() if isinstance(content, str) else content)
        if bits is not None:
            os.chmod(p, bits)
        if path.startswith(HOME + "/"):
            for q in {p, *missing}:
                if q.relative_to(tree).parts[:2] == ("home", "agent"):
                    os.chown(q, UID, GID, follow_symlinks=False)


def build(tree, files, hosts, resolver):
    for f in FOLDERS:
        (tree / f).mkdir(parents=True, exist_ok=True)
    for f in "tmp", "var/tmp":
        os.chmod(tree / f, 0o1777)
    os.chmod(tree / "root", 0o700)
    for name in MERGED:
        if Path("/", name).is_symlink():
            os.symlink(os.readlink(f"/{name}"), tree / name)
        elif Path("/", name).is_dir():
            (tree / name).mkdir()
    os.symlink("/run", tree / "var/run")
    os.chown(tree / "home/agent", UID, GID)
    for name in ETC:
        if os.path.exists(f"/etc/{name}"):
            shutil.copy2(f"/etc/{name}", tree / "etc" / name)
    known = {"127.0.0.1": ["localhost", "work"], "::1": ["localhost"]}
    for name, address in hosts.items():
        known.setdefault(address, []).append(name)
    place(tree, {
        "/etc/passwd": f"root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/:/usr/sbin/nologin\nagent:x:{UID}:{GID}::{HOME}:/bin/bash\n",
        "/etc/group": f"root:x:0:\nshadow:x:42:\nnogroup:x:65534:\nagent:x:{GID}:\n",
        "/etc/shadow": mode("root:*:20000:0:99999:7:::\nagent:$y$j9T$" + token("shadow", 40, ALNUM) + ":20000:0:99999:7:::\n", 0o640),
        "/etc/hostname": "work\n",
        "/etc/hosts": "".join(f"{a} {' '.join(names)}\n" for a, names in known.items()),
        "/etc/resolv.conf": f"nameserver {resolver or '127.0.0.53'}\noptions timeout:10 attempts:1\n",
        "/var/log/auth.log": "Nov 21 10:00:00 work sshd[71]: Accepted publickey for agent\n" * 20,
        "/var/log/syslog": "Nov 21 10:00:00 work systemd[1]: Started.\n" * 20,
        "/var/log/wtmp": blob("wtmp", 384 * 3),
    } | files)


# --- the root, from outside -----------------------------------------------------------------------------------

class Root:
    """folder: an empty folder of the host, which keeps the tree and the stubs' log. files: see place. hosts: {name:
    address} for /etc/hosts. local: addresses and networks ("203.0.113.0/24") of this root itself. stubs: see
    stubs.py; their addresses are local too. resolver: the address in resolv.conf. binds: {path inside: path of the
    host}, read-only. peer: a second network namespace, PEER, at the other end of a cable: FAR and OTHER, as seen from NEAR."""

    def __init__(self, folder, *, files=None, hosts=None, local=(), stubs=(), resolver=None, binds=None, peer=False):
        self.folder, self.tree, self.log = Path(folder), Path(folder) / "tree", Path(folder) / "world.jsonl"
        self.tree.mkdir()
        self.log.touch()
        build(self.tree, home() if files is None else files, hosts or {}, resolver)
        binds = {f: f for f in SHARED if os.path.exists(f)} | (binds or {})
        binds = {k: str(Path(v).resolve()) for k, v in binds.items()}
        for inside, outside in binds.items():
            at = self.tree / inside.lstrip("/")
            at.parent.mkdir(parents=True, exist_ok=True)
            at.mkdir(exist_ok=True) if Path(outside).is_dir() else at.touch()
        local = [*local, *(s["addr"] for s in stubs)]
        self.spec = {"tree": str(self.tree), "log": str(self.log), "local": list(dict.fromkeys(local)), "stubs": list(stubs),
                     "binds": binds, "peer": peer}
        self.holder = self.pid = None

    def __enter__(self):
        self.holder = subprocess.Popen([PYTHON, "-I", "-B", str(HERE / "ns.py"), "hold"], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.holder.stdin.write(json.dumps(self.spec) + "\n")
        self.holder.stdin.flush()
        said = self.holder.stdout.readline()
        if not said.startswith("ready "):
            self.holder.kill()
            raise RuntimeError(f"no throw-away root: {self.holder.communicate()[1][-800:]}")
        self.pid = int(said.split()[1])
        return self

    def __exit__(self, *_):
        self.holder.stdin.close()  # process 1 ends at that, and all others of its namespace with it
        try:
            self.holder.wait(10)
        except subprocess.TimeoutExpired:
            self.holder.kill()
            self.holder.wait()
        self.holder.stdout.close()
        self.holder.stderr.close()

    def argv(self, argv, user="agent", cwd=None, env=None, net=None):
        """The command line that runs argv in the root, to be given to a shell of the host or to `mcpwatch exec --`.
        user: agent or root. net: PEER for the second network."""
        h = HOME if user == "agent" else "/root"
        env = {"HOME": h, "USER": user, "LOGNAME": user, "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8",
               "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"} | (env or {})
        ids = [f"--bounding-set={WITHOUT}"] if user == "root" else [f"--reuid={UID}", f"--regid={GID}", "--clear-groups"]
        where = f"--net=/proc/{self.pid}/root{PEER}" if net == PEER else "-n"
        return ["/usr/bin/nsenter", "-t", str(self.pid), "-m", "-p", "-u", "-i", where, f"--wdns={cwd or h}", "--", "/usr/bin/setpriv", *ids,
                "/usr/bin/env", "-i", *(f"{k}={v}" for k, v in env.items()), *map(str, argv)]

    def run(self, argv, timeout=60, **kw):
        """Runs argv in it without mcpwatch. A CompletedProcess."""
        return subprocess.run(self.argv(argv, **kw), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)

    def outside(self, path):
        """Where a path of the root lies on the host. Links on the way are not followed into the host."""
        return self.tree / path.lstrip("/")

    def exists(self, path):
        return os.path.lexists(self.outside(path))

    def read(self, path):
        """The bytes of a plain file, or None."""
        p = self.outside(path)
        return p.read_bytes() if os.path.lexists(p) and stat.S_ISREG(p.lstat().st_mode) else None

    def world(self, kind=None):
        """What the stubs saw, in its order: see stubs.py."""
        seen = [json.loads(line) for line in self.log.read_text().splitlines()]
        return [s for s in seen if kind in (None, s["kind"])]


# --- process 1, inside ----------------------------------------------------------------------------------------

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET = 0x20000, 0x4000000, 0x8000000, 0x20000000, 0x40000000
MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 32, 4096, 16384, 1 << 18
MNT_DETACH, PR_SET_PDEATHSIG, SYS_PIVOT_ROOT = 2, 1, 155


def must(r, what):
    if r < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")


def mount(src, dst, fs="", flags=0, data=""):
    must(LIBC.mount(str(src).encode(), str(dst).encode(), fs.encode() or None, flags, data.encode() or None), f"mount {dst}")


def bind(src, dst):
    mount(src, dst, flags=MS_BIND)
    mount("none", dst, flags=MS_BIND | MS_REMOUNT | MS_RDONLY)


def mounts(spec):
    tree = Path(spec["tree"])
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    mount(tree, tree, flags=MS_BIND)
    bind("/usr", tree / "usr")
    for name in MERGED:
        if (tree / name).is_dir() and not (tree / name).is_symlink():
            bind(f"/{name}", tree / name)
    for inside, outside in spec["binds"].items():
        bind(outside, tree / inside.lstrip("/"))
    mount("proc", tree / "proc", "proc")
    bind(tree / "proc/sys", tree / "proc/sys")
    mount("tmpfs", tree / "dev", "tmpfs", MS_NOSUID, "mode=755,size=64k")
    for name in DEVICES:
        (tree / "dev" / name).touch()
        mount(f"/dev/{name}", tree / "dev" / name, flags=MS_BIND)
    (tree / "dev/shm").mkdir(mode=0o1777)
    os.symlink("/proc/self/fd", tree / "dev/fd")
    (tree / "run/old").mkdir()
    os.chdir(tree)
    must(LIBC.syscall(SYS_PIVOT_ROOT, b".", b"run/old"), "pivot_root")
    must(LIBC.umount2(b"/run/old", MNT_DETACH), "umount")
    os.rmdir("/run/old")
    os.chdir("/")
    must(LIBC.sethostname(b"work", 4), "sethostname")


def network(spec):
    commands = ["link set lo up"]
    for a in spec["local"]:
        if a.startswith("127.") or a == "::1":
            continue
        six, net = ":" in a, "/" in a
        # A whole network is local with one route; a single address is also a source to send from.
        commands.append(f"{'-6 ' if six else ''}route add local {a} dev lo" if net else
                        f"addr add {a}/{'128 dev lo nodad' if six else '32 dev lo'}")
    if spec["peer"]:
        peer()
        commands += ["link add near0 type veth peer name far0", "link set far0 netns peer", f"addr add {NEAR}/24 dev near0", "link set near0 up"]
    batch("-batch", "-", lines=commands)
    if spec["peer"]:
        batch("-n", "peer", "-batch", "-", lines=["link set lo up", f"addr add {FAR}/24 dev far0", f"addr add {OTHER}/24 dev far0",
                                              "link set far0 up"])


def batch(*argv, lines):
    # iproute2 takes no options inside a batch: those lines get a process of their own.
    plain = [c for c in lines if not c.startswith("-6 ")]
    subprocess.run(["ip", *argv], input="\n".join(plain) + "\n", text=True, check=True)
    for c in lines:
        if c.startswith("-6 "):
            subprocess.run(["ip", *c.split()], check=True)


def peer():
    """Makes PEER a name of a new network namespace, which then lives without a process in it."""
    open(PEER, "w").close()
    child = subprocess.Popen(["unshare", "-n", "sleep", "60"])
    while os.readlink(f"/proc/{child.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
        os.sched_yield()
    mount(f"/proc/{child.pid}/ns/net", PEER, flags=MS_BIND)
    child.kill()
    child.wait()


def inside(spec, log, ready):
    sys.path.insert(0, str(HERE))
    import stubs
    mounts(spec)
    network(spec)
    stubs.start(spec["stubs"], log)
    os.write(ready, b"+")
    os.close(ready)
    while True:  # as process 1: reap whatever was left behind
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            signal.sigtimedwait([signal.SIGCHLD], 1)


def hold():
    spec = json.loads(sys.stdin.readline())
    log = open(spec["log"], "a", buffering=1)
    must(LIBC.unshare(CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWPID | CLONE_NEWNET), "unshare")
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
        os.close(r)
        try:
            inside(spec, log, w)
        except BaseException:  # this process must never go on as a second copy of its parent
            traceback.print_exc()
        os._exit(1)
    os.close(w)
    if os.read(r, 1) == b"+":
        print("ready", pid, flush=True)
        sys.stdin.read()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


if __name__ == "__main__" and sys.argv[1:] == ["hold"]:
    hold()
