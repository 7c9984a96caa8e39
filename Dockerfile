# The image of API, worker and migrations. Any base with Node 24, npm, tini and a user 1000 serves; the release workflow
# passes the official one by digest, `npm run test:image` one made from Debian's packages.
ARG BASE_IMAGE=node:24-bookworm-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json ./
# An optional secret: npm's own settings, for registries that ask who is calling. It is in no layer.
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,id=npm,target=/root/.npm \
    npm ci --ignore-scripts --no-audit --no-fund --prefer-offline
COPY tsconfig.json tsconfig.build.json prisma.config.ts ./
COPY prisma prisma
COPY scripts scripts
COPY src src
# Production: what is installed is taken as it is.
RUN NODE_ENV=production node scripts/build.mjs

FROM ${BASE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json ./
RUN --mount=type=secret,id=npmrc,target=/root/.npmrc --mount=type=cache,id=npm,target=/root/.npm \
    npm ci --omit=dev --ignore-scripts --no-audit --no-fund --prefer-offline

FROM ${BASE_IMAGE} AS init
# The official Node image brings no init; a base that has tini needs no package.
RUN command -v tini >/dev/null || { apt-get update -q && apt-get install -y -q --no-install-recommends tini && rm -rf /var/lib/apt/lists/*; } \
    && install -D "$(command -v tini)" /out/tini

FROM ${BASE_IMAGE} AS runtime
ENV NODE_ENV=production \
    NODE_OPTIONS=--enable-source-maps \
    HOST=0.0.0.0 \
    PORT=3000 \
    KEYRING_DIR=/var/lib/gloria/keyring \
    STORAGE_DIR=/var/lib/gloria/storage \
    WORKER_HEARTBEAT_FILE=/tmp/worker-heartbeat.json
WORKDIR /app
# What runs needs no package manager; what the image has not, nobody can use.
RUN rm -rf /usr/local/lib/node_modules/npm /usr/local/lib/node_modules/corepack /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn* \
    && install -d -o 1000 -g 1000 -m 700 /var/lib/gloria /var/lib/gloria/keyring /var/lib/gloria/storage
COPY --from=init /out/tini /usr/local/bin/tini
COPY --from=dependencies /app/node_modules node_modules
COPY package.json prisma.config.ts ./
COPY prisma prisma
COPY scripts/schema-engine.cjs scripts/one-transaction.cjs scripts/
COPY src/platform/secrets src/platform/secrets
COPY --from=build /app/dist dist
USER 1000:1000
EXPOSE 3000
STOPSIGNAL SIGTERM
# Readiness of this one container; compose overrides it for the worker.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "dist/health-check.js", "--url", "http://127.0.0.1:3000", "--deadline", "0"]
ENTRYPOINT ["/usr/local/bin/tini", "--"]
CMD ["node", "dist/main.js"]
# Last, so that a new commit leaves the layers above in the cache.
ARG COMMIT=unknown
ARG VERSION=0.0.0
ENV RELEASE_COMMIT=${COMMIT}
LABEL org.opencontainers.image.title="gloria-backend" \
      org.opencontainers.image.description="Back office of a school foundation" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.version="${VERSION}"
