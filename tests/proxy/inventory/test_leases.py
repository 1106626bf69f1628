"""Leases of the three usual DHCP servers, in the forms in which they write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from proxy.inventory.leases import Lease, LeaseFileError, read_leases

NOW = 1_795_000_000.0

DNSMASQ = """\
1795003600 02:00:5e:00:53:01 192.0.2.10 lightcontrol1 01:02:00:5e:00:53:01
1794000000 02:00:5e:00:53:02 192.0.2.11 gone *
0 02:00:5e:00:53:03 192.0.2.12 * *
duid 00:01:00:01:2d:5d:a1:9c:02:00:5e:00:53:01
1795003600 6179457 2001:db8::10 lightcontrol1 00:01:00:01:2d:5d:a1:9c:02:00:5e:00:53:01
a line that is none
"""

ISC = """\
# The format of this file is documented in the dhcpd.leases(5) manual page.
authoring-byte-order little-endian;

lease 192.0.2.10 {
  starts 3 2026/11/18 01:00:00;
  ends 3 2026/11/18 02:00:00;
  binding state active;
  hardware ethernet 02:00:5e:00:53:99;
}
lease 192.0.2.10 {
  starts 3 2026/11/18 01:00:00;
  ends 4 2027/11/18 02:00:00;
  binding state active;
  next binding state free;
  hardware ethernet 02:00:5e:00:53:01;
  uid "\\001\\002";
  client-hostname "lightcontrol1";
}
lease 192.0.2.11 {
  ends 4 2027/11/18 02:00:00;
  binding state free;
  hardware ethernet 02:00:5e:00:53:02;
}
lease 192.0.2.12 {
  ends never;
  binding state active;
  hardware ethernet 02:00:5e:00:53:03;
}
lease 192.0.2.13 {
  ends epoch 1794000000; # Tue Nov  6 2026
  binding state active;
  hardware ethernet 02:00:5e:00:53:04;
}
ia-na "\\001" {
  iaaddr 2001:db8::10 {
    binding state active;
    ends epoch 1795003600;
  }
}
"""

KEA4 = """\
address,hwaddr,client_id,valid_lifetime,expire,subnet_id,fqdn_fwd,fqdn_rev,hostname,state,user_context,pool_id
192.0.2.10,02:00:5e:00:53:99,,3600,1795000100,1,0,0,old,0,,0
192.0.2.10,02:00:5e:00:53:01,01:02,3600,1795003600,1,0,0,lightcontrol1.,0,,0
192.0.2.11,02:00:5e:00:53:02,,0,1795003600,1,0,0,,0,,0
192.0.2.12,02:00:5e:00:53:03,,3600,1795003600,1,0,0,,0,,0
192.0.2.14,,,3600,1795003600,1,0,0,,1,,0
"""

KEA6 = """\
address,duid,valid_lifetime,expire,subnet_id,pref_lifetime,lease_type,iaid,prefix_len,fqdn_fwd,fqdn_rev,hostname,hwaddr,state
2001:db8::10,00:01,3600,1795003600,1,3600,0,1,128,0,0,lightcontrol1,02:00:5e:00:53:01,0
"""


@pytest.mark.parametrize(
    ("content", "v6"),
    [(DNSMASQ, ("2001:db8::10", None, "lightcontrol1")), (ISC, ("2001:db8::10", None, None)), (KEA4, None)],
    ids=["dnsmasq", "ISC", "Kea"],
)
def test_leases_that_hold(tmp_path: Path, content: str, v6: tuple[str, str | None, str | None] | None) -> None:
    file = tmp_path / "leases"
    file.write_text(content)
    found = read_leases(file, NOW)
    expected = [
        Lease("192.0.2.10", "02:00:5e:00:53:01", "lightcontrol1", file),
        Lease("192.0.2.12", "02:00:5e:00:53:03", None, file),
    ]
    assert found == [*expected, *([Lease(*v6, file)] if v6 is not None else [])]


def test_kea_of_ipv6(tmp_path: Path) -> None:
    file = tmp_path / "leases"
    file.write_text(KEA6)
    assert read_leases(file, NOW) == [Lease("2001:db8::10", "02:00:5e:00:53:01", "lightcontrol1", file)]


def test_a_name_may_not_be_anything(tmp_path: Path) -> None:
    """It is the device's own word, and goes into a file that a human reads."""
    file = tmp_path / "leases"
    file.write_text('lease 192.0.2.10 {\n  client-hostname "a\\"\n# b";\n  hardware ethernet 02:00:5e:00:53:01;\n}\n')
    assert [lease.name for lease in read_leases(file, NOW)] == [None]


def test_an_empty_file_has_none(tmp_path: Path) -> None:
    file = tmp_path / "leases"
    file.touch()
    assert read_leases(file, NOW) == []
    file.write_text("authoring-byte-order little-endian;\n")
    assert read_leases(file, NOW) == []


def test_another_file_is_told(tmp_path: Path) -> None:
    file = tmp_path / "leases"
    file.write_text("root:x:0:0\n")
    with pytest.raises(LeaseFileError, match="holds no leases of dnsmasq, ISC dhcpd or Kea -- "):
        read_leases(file, NOW)
    with pytest.raises(LeaseFileError, match="No such file or directory -- give the path"):
        read_leases(tmp_path / "missing", NOW)
