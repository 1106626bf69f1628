# Debian 13: Python 3.13 and libnftables get their security updates from one place, and the packages are the ones
# of packages.debian. Install steps are the scripts that `make setup` runs (checked by tests/repository).
#
#   docker build -t alleyes .
#   docker run --network host --cap-drop ALL --cap-add NET_ADMIN --cap-add NET_BIND_SERVICE \
#       -v /etc/alleyes:/etc/alleyes:ro -v alleyes:/var/lib/alleyes alleyes
#
# Not with --security-opt no-new-privileges: it takes the interpreter's file capabilities away.

FROM debian:trixie-slim AS build
WORKDIR /opt/alleyes
COPY packages.debian ./
COPY scripts/install-debian-packages scripts/find-python scripts/make-venv scripts/install-project scripts/
RUN scripts/install-debian-packages python
# The packages of the lock are a layer of their own, kept as long as the lock stays.
COPY requirements.lock ./
RUN scripts/make-venv "$(scripts/find-python)" .venv requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY proxy/ proxy/
COPY policy/ policy/
COPY models/ models/
RUN scripts/install-project .venv

FROM debian:trixie-slim
WORKDIR /opt/alleyes
COPY packages.debian ./
COPY scripts/install-debian-packages scripts/
RUN scripts/install-debian-packages python runtime image && rm -rf /var/lib/apt/lists/*
COPY --from=build /opt/alleyes/.venv/ .venv/
COPY config/ config/
COPY LICENSE ./
# The gateway is not root: the two capabilities sit on a copy of the interpreter that only this environment uses.
# (The environment's own is a link to the system's Python, which must not get any.) Set here and not in the first
# stage, because not every builder copies file capabilities between stages; last, because chgrp clears them.
RUN useradd --system --no-create-home --home-dir /var/lib/alleyes --shell /usr/sbin/nologin alleyes \
    && cp --remove-destination "$(readlink -f .venv/bin/python)" .venv/bin/python \
    && chgrp alleyes .venv/bin/python \
    && chmod 0750 .venv/bin/python \
    && setcap cap_net_admin,cap_net_bind_service=ep .venv/bin/python \
    && install -d -o alleyes -g alleyes -m 0750 /var/lib/alleyes
USER alleyes
VOLUME /var/lib/alleyes
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["/opt/alleyes/.venv/bin/alleyes", "health", "--config", "/etc/alleyes/gateway.yaml"]
ENTRYPOINT ["/opt/alleyes/.venv/bin/alleyes"]
CMD ["run", "--config", "/etc/alleyes/gateway.yaml"]
