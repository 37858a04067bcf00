# JupyterLab is what answers; Lucarne is started by it, for each who opens the desktop.
CMD ["start-jupyterlab"]
