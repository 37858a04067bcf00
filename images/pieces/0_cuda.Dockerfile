# Any of NVIDIA's CUDA images of a Debian or Ubuntu. The driver is never in an
# image: the container runtime brings the host's.
ARG BASE_IMAGE=docker.io/nvidia/cuda:12.6.3-base-ubuntu22.04
FROM ${BASE_IMAGE}
