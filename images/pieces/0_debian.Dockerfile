# Any Debian 12 or later, or Ubuntu 22.04 or later.
ARG BASE_IMAGE=docker.io/library/debian:bookworm-slim
FROM ${BASE_IMAGE}
