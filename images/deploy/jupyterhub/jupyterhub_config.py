# A part of JupyterHub's configuration: each user's server is a desktop. For spawners that give each server an address of
# its own, as KubeSpawner and DockerSpawner do: the port is the same for all.
c = get_config()  # noqa: F821

c.Spawner.cmd = ["lucarne", "up", "--auth", "oauth", "--listen", "0.0.0.0:8888"]
c.Spawner.port = 8888
c.Spawner.default_url = "/"
# As the idle culler's --timeout, for the page's count-down.
c.Spawner.environment = {"LUCARNE_IDLE_LIMIT": "1h"}
# Of one origin, users can use one another's pages. Needs a wildcard name and certificate.
c.JupyterHub.subdomain_host = "https://hub.example.org"
