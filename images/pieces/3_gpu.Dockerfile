# OpenGL and Vulkan on an NVIDIA GPU, whose driver the container runtime brings.
# `graphics` is what OpenGL needs, `video` what NVENC does. Which GPUs there are
# is for the platform to say, never for an image.
ENV NVIDIA_DRIVER_CAPABILITIES=all

# VirtualGL is not in Debian. `no` leaves it out: gpu-run then tries Zink, then llvmpipe.
ARG VIRTUALGL=yes
ARG VIRTUALGL_VERSION=3.1.4
ARG VIRTUALGL_URL=https://github.com/VirtualGL/virtualgl/releases/download

COPY images/CHECKSUMS /usr/local/share/lucarne/CHECKSUMS
COPY images/rootfs/gpu/ /
COPY images/gpu-run /usr/local/bin/gpu-run

RUN apt-install libvulkan1 mesa-vulkan-drivers vulkan-tools libglu1-mesa libxtst6 libxv1 && \
    if [ "${VIRTUALGL}" != no ]; then \
        deb="virtualgl_${VIRTUALGL_VERSION}_$(dpkg --print-architecture).deb" && \
        fetch "${VIRTUALGL_URL}/${VIRTUALGL_VERSION}/${deb}" "/tmp/${deb}" && \
        apt-install "/tmp/${deb}" && rm "/tmp/${deb}"; \
    fi && \
    clean-layer
