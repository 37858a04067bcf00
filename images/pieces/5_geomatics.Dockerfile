# QGIS, the example of a piece for one field of work.
COPY images/rootfs/geomatics/ /

RUN apt-install qgis python3-qgis && \
    image-setup desktop && \
    clean-layer
