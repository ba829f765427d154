# The programs of a release archive (`deploy/release`) in an image, without a build:
#   docker build -f deploy/container/release.Dockerfile --build-arg VERSION=0.1.0 --build-arg SUFFIX=x86_64 \
#       -t flotilla:0.1.0 target/release-files
FROM debian:bookworm-slim
ARG VERSION
ARG SUFFIX=x86_64
# Always the newest certificates: their version is not pinned.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --no-install-recommends -y ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --system --gid 10001 flotilla \
    && useradd --system --uid 10001 --gid 10001 --no-create-home flotilla \
    && install -d -o 10001 -g 10001 /var/lib/flotilla
ADD flotilla-${VERSION}-${SUFFIX}.tar.gz /opt/
RUN cp -P "/opt/flotilla-${VERSION}-${SUFFIX}/bin/"* /usr/local/bin/ \
    && rm -r "/opt/flotilla-${VERSION}-${SUFFIX}"
USER 10001:10001
VOLUME /var/lib/flotilla
# The first signal drains, a second one ends at once.
STOPSIGNAL SIGTERM
ENTRYPOINT ["flotilla"]
CMD ["serve", "--state", "/var/lib/flotilla", "--metrics-addr", "0.0.0.0:9100"]
