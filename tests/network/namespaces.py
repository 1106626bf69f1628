"""Throw-away hosts in network namespaces: no name, no file, nothing left when the process ends.

A namespace lives as long as somebody holds a descriptor of it or runs in it. Each host keeps one descriptor, so the
kernel removes everything (interfaces, addresses, rules) when the process closes it or dies, however it dies.

Works as root, and without root wherever the kernel grants user namespaces.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

from tests.waiting import eventually

OWN_NAMESPACE = "/proc/thread-self/ns/net"
COMMAND_TIMEOUT = 30.0
"""Seconds a command inside a host may take."""

type Connection = socket.socket

_isolated = False


class IsolationError(RuntimeError):
    """The kernel or the machine does not offer what the throw-away hosts need; the text says what and why."""


class CommandError(RuntimeError):
    """A command inside a host failed; the text holds the command and what it printed."""


def isolate() -> None:
    """Move the calling thread, and all it starts later, into a fresh network namespace; once per process.

    As root the network namespace is enough. Otherwise a user namespace goes with it, in which the caller is root: the
    kernel allows that to single-threaded processes only, so call this before anything starts threads.

    Raises:
        IsolationError: with the reason, where this machine does not allow it.
    """
    global _isolated  # noqa: PLW0603 - a property of the process, which has exactly one
    if _isolated:
        return
    if shutil.which("ip") is None:
        message = "network namespaces: the `ip` command is missing -- apt-get install iproute2"
        raise IsolationError(message)
    if os.geteuid() == 0:
        _unshare(os.CLONE_NEWNET)
    else:
        _become_root_of_a_user_namespace()
    _isolated = True
    try:
        _require_virtual_links()
    except CommandError as error:
        message = f"network namespaces: this kernel refuses virtual links: {error}"
        raise IsolationError(message) from error


def _unshare(flags: int) -> None:
    try:
        os.unshare(flags)
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        if error.errno == errno.ENOSPC:
            reason = "the limit on user namespaces is reached"
        threads = len(list(Path("/proc/self/task").iterdir()))
        remedy = (
            f"the process already has {threads} threads and only a single-threaded one may; run these tests alone"
            if flags & os.CLONE_NEWUSER and threads > 1
            else "run as root, or allow user namespaces (sysctl user.max_user_namespaces)"
        )
        message = f"network namespaces: the kernel refused a new one ({reason}) -- {remedy}"
        raise IsolationError(message) from error


def _become_root_of_a_user_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    _unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)
    try:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    except OSError as error:
        message = f"network namespaces: the kernel refused to map user {uid} to root ({error.strerror}) -- run as root"
        raise IsolationError(message) from error


def _require_virtual_links() -> None:
    """Bring the loopback up and try the link types that the topology is made of."""
    _ip(["link", "set", "lo", "up"])
    _ip(["link", "add", "probe0", "type", "veth", "peer", "name", "probe1"])
    _ip(["link", "delete", "probe0"])
    _ip(["link", "add", "probe0", "type", "bridge"])
    _ip(["link", "delete", "probe0"])
    if not Path("/proc/sys/net/ipv6").exists():
        message = "IPv6 is switched off"
        raise CommandError(message)


def _ip(arguments: Sequence[str], *, pass_fds: Sequence[int] = (), batch: str | None = None) -> str:
    """Run `ip` in the calling thread's namespace and return what it printed."""
    argv = ["ip", *arguments]
    result = subprocess.run(
        argv, capture_output=True, text=True, check=False, timeout=COMMAND_TIMEOUT, pass_fds=pass_fds, input=batch
    )
    if result.returncode != 0:
        message = f"{' '.join(argv)}: {result.stderr.strip() or result.stdout.strip()}"
        raise CommandError(message)
    return result.stdout


def _new_namespace() -> int:
    """Return a descriptor of a fresh network namespace.

    A thread makes it and ends, so the calling thread never leaves its own.
    """
    made: list[int | OSError] = []

    def make() -> None:
        try:
            os.unshare(os.CLONE_NEWNET)
            made.append(os.open(OWN_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    outcome = made[0]
    if isinstance(outcome, OSError):
        message = f"network namespaces: the kernel refused a new one ({outcome.strerror}) -- call isolate() first"
        raise IsolationError(message) from outcome
    return outcome


def _die_with_parent() -> bool:
    """Whether `setpriv` can tie a child's life to the calling thread's, which is safe for the main thread only."""
    return threading.current_thread() is threading.main_thread() and shutil.which("setpriv") is not None


class Host:
    """A machine of its own as far as the network goes: interfaces, addresses, routes, rules, ports."""

    def __init__(self, name: str) -> None:
        """Make it, with its loopback up, IPv6 addresses usable at once and forwarding off."""
        self.name = name
        self._descriptor = _new_namespace()
        self._processes: list[subprocess.Popen[Any]] = []
        for family in ("default", "all"):
            # Duplicate address detection would keep a new IPv6 address unusable for more than a second.
            self.sysctl(f"net/ipv6/conf/{family}/accept_dad", "0")
            self.sysctl(f"net/ipv6/conf/{family}/accept_ra", "0")
            # These two are inherited from the machine for IPv4.
            self.sysctl(f"net/ipv4/conf/{family}/rp_filter", "0")
        self.forwarding(on=False)
        self.ip("link", "set", "lo", "up")

    def __repr__(self) -> str:
        """Show the name."""
        return f"Host({self.name!r})"

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Let the calling thread be on this host: sockets made and processes started inside belong to it.

        Never `await` inside: other tasks of the thread would be on this host as well.
        """
        before = os.open(OWN_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.setns(self._descriptor, os.CLONE_NEWNET)
            try:
                yield
            finally:
                os.setns(before, os.CLONE_NEWNET)
        finally:
            os.close(before)

    def enter(self) -> None:
        """Let the calling thread, and all it starts later, stay on this host."""
        os.setns(self._descriptor, os.CLONE_NEWNET)

    def run(
        self, argv: Sequence[str], *, check: bool = True, timeout: float = COMMAND_TIMEOUT, **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a command here and wait for it; output is captured as text.

        Raises:
            CommandError: when it fails and `check` is set.
        """
        options = {"capture_output": True, "text": True} | options
        with self.entered():
            result = subprocess.run(list(argv), check=False, timeout=timeout, **options)
        if check and result.returncode != 0:
            message = f"{self.name}: {' '.join(argv)}: exit {result.returncode}: {result.stderr or result.stdout}"
            raise CommandError(message)
        return result

    def popen(self, argv: Sequence[str], **options: Any) -> subprocess.Popen[Any]:
        """Start a command here; it is killed when the host closes or (started by the main thread) this process dies."""
        command = ["setpriv", "--pdeathsig", "KILL", *argv] if _die_with_parent() else list(argv)
        with self.entered():
            process = subprocess.Popen(command, **options)
        self._processes.append(process)
        return process

    def socket(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM) -> Connection:
        """Return a socket of this host; it stays one wherever it is used."""
        with self.entered():
            return socket.socket(family, kind)

    def connect(self, address: str, port: int, *, source: str | None = None, timeout: float = 10.0) -> Connection:
        """Return a TCP connection from this host, optionally from one of its addresses."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        connection = self.socket(family)
        try:
            connection.settimeout(timeout)
            if source is not None:
                connection.bind((source, 0))
            connection.connect((address, port))
        except OSError:
            connection.close()
            raise
        return connection

    def listen(self, address: str, port: int, *, backlog: int = 64) -> Connection:
        """Return a listening TCP socket of this host."""
        listener = self.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if listener.family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(backlog)
        return listener

    def ip(self, *arguments: str) -> str:
        """Run the `ip` command here."""
        with self.entered():
            return _ip(arguments)

    def sysctl(self, path: str, value: str) -> None:
        """Set a kernel parameter of this host; the path as under `/proc/sys`."""
        with self.entered():
            Path("/proc/sys", path).write_text(value)

    def forwarding(self, *, on: bool) -> None:
        """Route packets between the interfaces, IPv4 and IPv6, or don't."""
        value = "1" if on else "0"
        self.sysctl("net/ipv4/ip_forward", value)
        self.sysctl("net/ipv6/conf/all/forwarding", value)

    def add_addresses(self, interface: str, addresses: Iterable[str]) -> None:
        """Give an interface addresses, each with its prefix length, e.g. `10.77.1.1/24`, `fd77:1::1/64`."""
        lines = []
        for address in addresses:
            at_once = " nodad" if ":" in address else ""
            lines.append(f"addr add {address} dev {interface}{at_once}\n")
        with self.entered():
            _ip(["-batch", "-"], batch="".join(lines))

    def default_routes(self, *gateways: str) -> None:
        """Send everything else to these, one per address family."""
        for gateway in gateways:
            family = "-6" if ":" in gateway else "-4"
            self.ip(family, "route", "replace", "default", "via", gateway)

    def mac(self, interface: str) -> str:
        """Return an interface's link address."""
        address: str = json.loads(self.ip("-j", "link", "show", "dev", interface))[0]["address"]
        return address

    def await_link(self, interface: str) -> None:
        """Wait until an interface carries packets: the kernel takes up what is plugged in a moment later.

        Until then what it sends is lost, and a switch does not forward to it.
        """
        eventually(lambda: json.loads(self.ip("-j", "link", "show", "dev", interface))[0]["operstate"] == "UP")

    def close(self) -> None:
        """Kill what was started here and let go of the namespace; the kernel removes it."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def descriptor(self) -> int:
        """Descriptor of the namespace, for `setns` and for `ip ... netns`."""
        return self._descriptor


def link(first: Host, first_interface: str, second: Host, second_interface: str, *, mac: str | None = None) -> None:
    """Plug a cable: one interface on each host, both up; `mac` becomes the second's link address."""
    address = ["address", mac] if mac else []
    peer = f"/proc/self/fd/{second.descriptor}"
    argv = ["link", "add", first_interface, "type", "veth", "peer", "name", second_interface, *address, "netns", peer]
    with first.entered():
        _ip(argv, pass_fds=[second.descriptor])
    first.ip("link", "set", first_interface, "up")
    second.ip("link", "set", second_interface, "up")
    for host, interface in ((first, first_interface), (second, second_interface)):
        host.await_link(interface)


class Topology:
    """A site: the services' network, the gateway that routes it, and the access points behind the gateway.

    ```
    lan (10.77.1.10.., fd77:1::10..) --- switch --- iot [gateway] access --- access (10.77.2.11, .12, fd77:2::11, ::12)
    attached hosts ----------------------/
    ```
    """

    GATEWAY_IPV4 = "10.77.1.1"
    GATEWAY_IPV6 = "fd77:1::1"
    GATEWAY_ACCESS_IPV4 = "10.77.2.1"
    GATEWAY_ACCESS_IPV6 = "fd77:2::1"
    ACCESS_IPV4 = ("10.77.2.11", "10.77.2.12")
    ACCESS_IPV6 = ("fd77:2::11", "fd77:2::12")
    IOT_INTERFACE = "iot"
    ACCESS_INTERFACE = "access"
    FIRST_SERVICE = 10

    def __init__(self, *, services: int = 20) -> None:
        """Describe it; entering the context builds it.

        Args:
            services: how many addresses the services' host has, per address family (at most 190).
        """
        self._services = services
        self._closing = ExitStack()
        self.lan: Host
        self.gateway: Host
        self.access: Host
        self._switch: Host
        self._ports = 0

    def service_ipv4(self, index: int) -> str:
        """Return the n-th service address of the services' host."""
        return f"10.77.1.{self.FIRST_SERVICE + index}"

    def service_ipv6(self, index: int) -> str:
        """Return the n-th service address of the services' host."""
        return f"fd77:1::{self.FIRST_SERVICE + index}"

    def __enter__(self) -> Self:
        """Build it.

        Raises:
            IsolationError: with the reason, where this machine does not allow it.
        """
        isolate()
        try:
            self._build()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what runs on the hosts and let go of them."""
        self._closing.close()

    def _host(self, name: str) -> Host:
        host = Host(name)
        self._closing.callback(host.close)
        return host

    def _build(self) -> None:
        self.gateway = self._host("gateway")
        self.access = self._host("access")
        self._switch = self._host("switch")
        self._switch.ip("link", "add", "lan", "type", "bridge", "stp_state", "0")
        self._switch.ip("link", "set", "lan", "up")
        self._plug(self.gateway, self.IOT_INTERFACE, None)
        link(self.gateway, self.ACCESS_INTERFACE, self.access, "eth0")
        self.gateway.add_addresses(self.IOT_INTERFACE, [f"{self.GATEWAY_IPV4}/24", f"{self.GATEWAY_IPV6}/64"])
        self.gateway.add_addresses(
            self.ACCESS_INTERFACE, [f"{self.GATEWAY_ACCESS_IPV4}/24", f"{self.GATEWAY_ACCESS_IPV6}/64"]
        )
        self.gateway.forwarding(on=True)
        self.access.add_addresses("eth0", [f"{a}/24" for a in self.ACCESS_IPV4] + [f"{a}/64" for a in self.ACCESS_IPV6])
        self.access.default_routes(self.GATEWAY_ACCESS_IPV4, self.GATEWAY_ACCESS_IPV6)
        self.lan = self.attach(
            "lan",
            [self.service_ipv4(index) for index in range(self._services)],
            [self.service_ipv6(index) for index in range(self._services)],
        )

    def _plug(self, host: Host, interface: str, mac: str | None) -> None:
        self._ports += 1
        port = f"port{self._ports}"
        link(self._switch, port, host, interface, mac=mac)
        self._switch.ip("link", "set", port, "master", "lan")

    def attach(self, name: str, ipv4: Sequence[str], ipv6: Sequence[str] = (), *, mac: str | None = None) -> Host:
        """Return another host on the services' network, interface `eth0`, own link address, routed by the gateway.

        Args:
            name: for messages.
            ipv4: addresses of 10.77.1.0/24, without prefix length; .200 and up are free.
            ipv6: addresses of fd77:1::/64, without prefix length.
            mac: link address; a random one if None.
        """
        host = self._host(name)
        self._plug(host, "eth0", mac)
        host.add_addresses("eth0", [f"{address}/24" for address in ipv4] + [f"{address}/64" for address in ipv6])
        if ipv4:
            host.default_routes(self.GATEWAY_IPV4)
        if ipv6:
            host.default_routes(self.GATEWAY_IPV6)
        return host
