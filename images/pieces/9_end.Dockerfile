# What is in the home becomes the template of homes: a volume mounted there hides it.
RUN image-setup template && clean-layer

ARG IMAGE=
ARG VERSION=
ARG REVISION=
LABEL org.opencontainers.image.title="${IMAGE}" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.licenses="GPL-3.0-or-later"

USER 1000:0
WORKDIR /home/jovyan
EXPOSE 8888
ENV LUCARNE_LISTEN=0.0.0.0:8888
ENTRYPOINT ["tini", "--"]
CMD ["lucarne", "up"]
