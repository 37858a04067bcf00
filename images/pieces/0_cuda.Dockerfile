# Any of NVIDIA's CUDA images of a Debian or Ubuntu. The driver is never in an
# image: the container runtime brings the host's.
ARG BASE_IMAGE=docker.io/nvidia/cuda:12.6.3-base-ubuntu22.04
FROM ${BASE_IMAGE}

# NVIDIA's images ask for every GPU of the machine, also where the platform has
# given none. What it gives takes the place of this.
ENV NVIDIA_VISIBLE_DEVICES=void
