# JupyterLab, with the desktop among what it launches. `no` leaves it out, where
# its wheels cannot be had.
ARG JUPYTERLAB=yes
ARG PIP_INDEX_URL=

COPY images/jupyterlab.lock /usr/local/share/lucarne/jupyterlab.lock
COPY images/rootfs/jupyterlab/ /
COPY images/deploy/jupyterhub/jupyter-lucarne/ /usr/local/share/lucarne/jupyter-lucarne/

RUN if [ "${JUPYTERLAB}" != no ]; then \
        apt-install python3 python3-venv && \
        image-setup jupyterlab && \
        clean-layer; \
    fi
ENV PATH=/opt/jupyter/bin:${PATH}
