# The gateway alone: Postgres is another container, named by NEXUS_GATEWAY__DATABASE__URL.
FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY .sqlx .sqlx
COPY config config
COPY migrations migrations
COPY src src
ENV SQLX_OFFLINE=true
# The caches live outside the layers, so the program is copied out of them in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --locked --release --bin nexus-gateway \
    && install -D target/release/nexus-gateway /out/nexus-gateway

FROM debian:bookworm-slim
# The certificates of the public authorities, for webhooks over https.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --no-install-recommends -y ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --home-dir /var/lib/nexus-gateway --create-home \
        --shell /usr/sbin/nologin nexus-gateway \
    && install --directory --owner=nexus-gateway --group=nexus-gateway --mode=0700 /var/lib/nexus-gateway/spool
COPY --from=build /out/nexus-gateway /usr/local/bin/nexus-gateway
ENV NEXUS_GATEWAY__SERVER__LISTEN=0.0.0.0:8080 \
    NEXUS_GATEWAY__SERVER__INTERNAL_LISTEN=0.0.0.0:4004 \
    NEXUS_GATEWAY__SERVER__SPOOL_DIR=/var/lib/nexus-gateway/spool
USER 10001:10001
WORKDIR /var/lib/nexus-gateway
EXPOSE 8080 4004
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["nexus-gateway", "health"]
ENTRYPOINT ["nexus-gateway"]
CMD ["serve"]
