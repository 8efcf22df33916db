# Holdfast as a container: compiled JavaScript, production dependencies, schemas and rules on distroless
# Node, as a user without rights. A release pins both images by digest:
#   docker build --build-arg BUILD_IMAGE=node@sha256:… --build-arg RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12@sha256:… .
ARG BUILD_IMAGE=node:24-bookworm-slim
ARG RUNTIME_IMAGE=gcr.io/distroless/nodejs24-debian12:nonroot

FROM ${BUILD_IMAGE} AS dependencies
WORKDIR /build
COPY package.json package-lock.json ./
# No dependency needs its install script at run time.
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY src src
RUN node node_modules/typescript/bin/tsc -p tsconfig.build.json

FROM ${RUNTIME_IMAGE}
WORKDIR /app
COPY --from=dependencies /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY package.json LICENSE* ./
COPY schemas schemas
COPY rules rules
COPY watchlists watchlists
# Probes and Prometheus come from outside the container.
ENV NODE_ENV=production HOLDFAST_HTTP_HOST=0.0.0.0
EXPOSE 9464
USER nonroot
# Why with this flag: bench/node-flags.ts.
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=64", "/app/dist/main.js"]
CMD ["run"]
