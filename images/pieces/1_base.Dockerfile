# The user, the languages, and tini.
USER root

# Mirrors, where the package archives cannot be reached: URLs that take the place
# of http://deb.debian.org/debian or http://archive.ubuntu.com/ubuntu, and of
# http://deb.debian.org/debian-security or http://security.ubuntu.com/ubuntu.
ARG APT_MIRROR=
ARG APT_SECURITY_MIRROR=

# Group 0 and not a group of its own: platforms that give a container any uid
# give it group 0. Group users (100) is what notebook volumes belong to.
ENV NB_USER=jovyan \
    NB_UID=1000 \
    NB_GID=0 \
    HOME=/home/jovyan \
    SHELL=/bin/bash \
    LANG=en_CA.UTF-8

COPY images/rootfs/base/ /

RUN image-setup base && \
    apt-install ca-certificates tini locales bash less procps tzdata && \
    image-setup locales en_CA.UTF-8 en_US.UTF-8 fr_CA.UTF-8 fr_FR.UTF-8 && \
    image-setup user && \
    clean-layer
