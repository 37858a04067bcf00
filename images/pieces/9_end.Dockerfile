# Last, so that another Lucarne is another small layer and no other is made anew.
COPY bin/lucarne /usr/local/bin/lucarne
COPY LICENSE THIRD_PARTY.md /usr/share/doc/lucarne/

# What is in the home becomes the template of homes: a volume mounted there hides it.
RUN image-setup template && image-setup unprivileged && clean-layer

ARG BASE_IMAGE
ARG IMAGE=
ARG VERSION=
ARG REVISION=
ARG LICENSES=GPL-3.0-or-later
LABEL org.opencontainers.image.title="${IMAGE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      org.opencontainers.image.licenses="${LICENSES}"

USER 1000:0
WORKDIR /home/jovyan
EXPOSE 8888
ENV LUCARNE_LISTEN=0.0.0.0:8888
ENTRYPOINT ["tini", "--"]
CMD ["lucarne", "up"]
