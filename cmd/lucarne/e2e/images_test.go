//go:build images

package e2e

import (
	"encoding/json"
	"image"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lucarne/perf/xclient"
)

// The desktop as a platform starts it that lets a container do nothing: an empty volume
// over the home, a path of its own, another language. What is starting is seen; then the
// desktop, a program of it, what is typed into it; and all ends in order.
func TestImageDesktop(t *testing.T) {
	reference := builtWith(t, "2_desktop")
	d := imageDesk(t)
	// An X server that waits for a file.
	fake := t.TempDir()
	script := "#!/bin/sh\nwhile [ ! -e /tmp/go ]; do sleep 0.1; done\nexec /usr/bin/Xtigervnc \"$@\"\n"
	d.check(os.Chmod(fake, 0o755), os.WriteFile(filepath.Join(fake, "Xtigervnc"), []byte(script), 0o755), os.Chmod(filepath.Join(fake, "Xtigervnc"), 0o755))
	c := runImage(t, reference, "--cap-drop", "all", "--security-opt", "no-new-privileges",
		"--volume", volume(t)+":/home/jovyan", "--publish", "127.0.0.1::8888",
		"--env", "NB_PREFIX=/notebook/team/mine", "--env", "KF_LANG=fr",
		"--volume", fake+":/fake:ro", "--env", "PATH=/fake:/usr/local/bin:/usr/bin:/bin", "--env", "LUCARNE_SIZE=1280x720")
	address := c.published()
	link := c.link(address)
	if want := "http://" + address + "/notebook/team/mine/#"; !strings.HasPrefix(link, want) {
		t.Fatalf("the link is %s, want it to begin with %s", link, want)
	}
	page := d.load(d.browser, strings.Replace(link, "/#", "/?resize=off#", 1))
	page.wait(stands + " && " + says("xserver", "")) // the desktop is starting
	if status, body := probe(t, "http://"+address+"/notebook/team/mine/readyz"); status != 503 {
		t.Errorf("readyz answers %d %q before there is an X server", status, body)
	}
	c.sh("touch /tmp/go")
	page.picture()

	if got, want := c.sh("id -u; id -g; id -un"), "1000\n0\njovyan"; got != want {
		t.Errorf("it runs as %q, want %q", got, want)
	}
	if env := c.environ("xfce4-session"); !slices.Contains(env, "LANG=fr_CA.UTF-8") {
		t.Errorf("the session's environment is %q, want French in it", env)
	}
	c.becomes("test -d ~/Bureau") // as xdg-user-dirs calls the desktop in French
	c.becomes("pgrep -x xfce4-panel && pgrep -x pulseaudio && pgrep -x dbus-daemon")
	if got := c.onDesktop("xfce4-session", "xfconf-query --channel xfwm4 --property /general/use_compositing"); got != "false" {
		t.Errorf("the window manager's compositor is %q, want false", got)
	}
	poll(t, "screen that never goes dark", func() bool {
		saver := c.onDesktop("xfce4-session", "xset q")
		return regexp.MustCompile(`timeout: *0 `).MatchString(saver) && !strings.Contains(saver, "DPMS is Enabled")
	})
	if out, err := try("exec", c.id, "pgrep", "-x", "light-locker|xfce4-screensav|xscreensaver|xfce4-power-man"); err == nil {
		t.Errorf("what locks or darkens the screen runs: %s", out)
	}

	c.onDesktop("xfce4-session", `exec xfce4-terminal --disable-server --fullscreen --hide-menubar --hide-scrollbar --color-bg='#c04040' --color-text='#ffffff' -e 'sh -c "stty -echo; cat > /tmp/typed"'`, "--detach")
	page.shows(image.Pt(900, 500), 0xc04040, atRest)
	c.becomes("test -e /tmp/typed")
	page.focus()
	const text = "Grüße, it's me\n"
	d.check(page.Type(d.ctx, text))
	poll(t, "typed text in the terminal", func() bool { return c.sh("cat /tmp/typed")+"\n" == text })
	if status, body := probe(t, "http://"+address+"/notebook/team/mine/readyz"); status != 200 {
		t.Errorf("readyz answers %d %q", status, body)
	}
	c.endsInOrder()
}

// Starts where platforms take away what containers usually have.
func TestImageStarts(t *testing.T) {
	reference := builtWith(t, "2_desktop")
	d := imageDesk(t)
	sockets := t.TempDir()
	d.check(os.Chmod(sockets, 0o777))
	port := []string{"--publish", "127.0.0.1::8888"}
	users := ownUsers(t, reference)
	cases := map[string][]string{
		"any uid": append(port, "--user", "1234567:0", "--volume", volume(t)+":/home/jovyan", "--volume", users),
		"read only": append(port, "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges",
			"--tmpfs", "/tmp:mode=1777", "--tmpfs", "/run:mode=755", "--tmpfs", "/home/jovyan:mode=777"),
		"no network": {"--network", "none", "--volume", sockets + ":/sockets", "--env", "LUCARNE_LISTEN=unix:/sockets/lucarne", "--env", "LUCARNE_AUTH=none"},
	}
	if strings.Contains(tool(t, "--version"), "podman") { // which puts others there than are asked for
		cases["read only"] = append(cases["read only"], "--read-only-tmpfs=false")
	}
	for name, options := range cases {
		t.Run(name, func(t *testing.T) {
			d := d.in(t)
			c := runImage(t, reference, options...)
			var link string
			if name == "no network" {
				socket := filepath.Join(sockets, "lucarne")
				poll(t, "socket", func() bool { _, err := os.Stat(socket); return err == nil })
				link = "http://" + forward(t, socket) + "/"
			} else {
				link = c.link(c.published())
			}
			d.load(d.browser, link).picture()
			c.becomes("pgrep -x xfce4-panel")
			if name == "any uid" {
				if got, want := c.sh("id -u; id -g; touch ~/mine && stat -c %u ~/mine"), "1234567\n0\n1234567"; got != want {
					t.Errorf("it runs as and writes as %q, want %q", got, want)
				}
			}
			c.endsInOrder()
		})
	}
}

// What is in a home stays as it is; what it lacks of the image's comes beside it.
func TestImageKeepsTheHome(t *testing.T) {
	reference := builtWith(t, "2_desktop")
	home := volume(t) + ":/home/jovyan"
	const state = `cd ~ && cat .bashrc notes && stat -c '%n %a %Y' .bashrc notes && readlink .profile`
	before := tool(t, "run", "--rm", "--volume", home, "--entrypoint", "sh", reference, "-c",
		`cd ~ && rm -f .profile .bash_logout && echo 'alias mine=ls' > .bashrc && ln -s nowhere .profile && echo a > notes && chmod 640 .bashrc notes && touch -d 2020-02-02 notes; `+state)
	c := runImage(t, reference, "--volume", home)
	c.becomes("pgrep -x xfce4-panel")
	if after := c.sh(state); after != before {
		t.Errorf("the home was\n%s\nand is\n%s", before, after)
	}
	c.becomes("test -e ~/.bash_logout")
	c.endsInOrder()
}

// The base alone has no X server: the page says so, and it ends in order.
func TestImageBase(t *testing.T) {
	c := runImage(t, built(t, "base"), "--publish", "127.0.0.1::8888", "--cap-drop", "all")
	d := imageDesk(t)
	page := d.load(d.browser, c.link(c.published()))
	page.wait(`document.querySelector(".veil:not([hidden])").textContent.includes("X server")`)
	c.endsInOrder()
}

// Without a GPU OpenGL is drawn by the processors, by the same command, and its pictures come.
func TestImageOpenGL(t *testing.T) {
	c := runImage(t, builtWith(t, "3_gpu"), "--publish", "127.0.0.1::8888", "--env", "LUCARNE_SIZE=1280x720")
	d := imageDesk(t)
	page := d.load(d.browser, strings.Replace(c.link(c.published()), "/#", "/?resize=off#", 1))
	page.picture()
	var way struct{ Way, Renderer string }
	d.check(json.Unmarshal([]byte(c.onDesktop("xfce4-session", "gpu-run --json")), &way))
	if way.Way != "llvmpipe" || !strings.Contains(way.Renderer, "llvmpipe") {
		t.Errorf("OpenGL is drawn by %+v, want llvmpipe", way)
	}
	c.onDesktop("xfce4-session", "exec gpu-run glxgears -fullscreen", "--detach")
	for at, want := range map[image.Point]xclient.RGB{{X: 500, Y: 430}: 0xc41a00, {X: 840, Y: 510}: 0x00c432, {X: 1150, Y: 400}: 0x000000} {
		page.shows(at, want, 4*atRest) // of gears that turn
	}
	c.endsInOrder()
}

// Maps are made by QGIS, which the menu starts on the GPU.
func TestImageGeomatics(t *testing.T) {
	c := runImage(t, builtWith(t, "5_geomatics"), "--env", "LUCARNE_SIZE=1280x720")
	if got := c.sh("QT_QPA_PLATFORM=offscreen gpu-run qgis --version 2>/dev/null"); !strings.HasPrefix(got, "QGIS ") {
		t.Errorf("qgis --version says %q", got)
	}
	c.onDesktop("xfce4-session", "exec gpu-run qgis --nologo", "--detach")
	poll(t, "QGIS's window", func() bool {
		return strings.Contains(c.onDesktop("xfce4-session", "xwininfo -root -tree"), "Untitled Project — QGIS")
	})
	if got := c.sh("grep -h ^Exec /usr/local/share/applications/org.qgis.qgis.desktop"); got != "Exec=gpu-run qgis %F" {
		t.Errorf("QGIS is started by %q", got)
	}
	c.endsInOrder()
}

// What all images have to be like, whatever is in them.
func TestImageIsOrderly(t *testing.T) {
	names := strings.Fields(os.Getenv(imagesVariable))
	if len(names) == 0 {
		t.Fatalf("%s names no images", imagesVariable)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			reference := built(t, name)
			var labels map[string]string
			if err := json.Unmarshal([]byte(tool(t, "image", "inspect", "--format", "{{json .Config.Labels}}", reference)), &labels); err != nil {
				t.Fatal(err)
			}
			for _, l := range []string{"title", "version", "revision", "licenses", "base.name"} {
				if labels["org.opencontainers.image."+l] == "" {
					t.Errorf("no label %s in %q", l, labels)
				}
			}
			if got := labels["org.opencontainers.image.title"]; got != name {
				t.Errorf("its title is %q", got)
			}
			starts := `["lucarne","up"]`
			if slices.Contains(imagePieces(t)[name], "9_jupyterlab") {
				starts = `["start-jupyterlab"]`
			}
			if got, want := tool(t, "image", "inspect", "--format", "{{.Config.User}} {{json .Config.Entrypoint}} {{json .Config.Cmd}}", reference), `1000:0 ["tini","--"] `+starts; got != want {
				t.Errorf("it starts %s, want %s", got, want)
			}
			if got := regexp.MustCompile(`NVIDIA_VISIBLE_DEVICES=[^"]*`).FindString(tool(t, "image", "inspect", "--format", "{{json .Config.Env}}", reference)); !slices.Contains([]string{"", "NVIDIA_VISIBLE_DEVICES=void"}, got) {
				t.Errorf("it asks for GPUs: %s", got)
			}
			for _, c := range []struct{ what, command, want string }{
				{"what its user may write to, as one of group 0", `find / -xdev ! -type l ! -type c \( -perm -002 -o -group 0 -perm -020 \) ! -path '/home/jovyan*' ! -path '/opt/lucarne/home*' ! -path /tmp ! -path /var/tmp ! -path /run/lock`, ""},
				{"files of the home that are not the user's", `find /home/jovyan /opt/lucarne/home ! -user 1000`, ""},
				{"programs that make somebody root", `find / -xdev -type f -perm /6000`, ""},
				{"passwords", `awk -F: '$2 !~ /^[!*]/ { print $1 }' /etc/shadow`, ""},
				{"files of the home that are not the group's", `find /home/jovyan /opt/lucarne/home ! -group 0 -o ! -type l ! -perm -g=rw`, ""},
				{"lists and logs of the package manager", `find /var/lib/apt/lists /var/cache/apt /var/log/apt -type f 2>/dev/null || true`, ""},
				{"temporary files", `find /tmp /var/tmp -type f`, ""},
				{"languages", `locale -a | grep -c -e 'fr_CA.utf8' -e 'en_CA.utf8' -e 'fr_FR.utf8' -e 'en_US.utf8'`, "4"},
			} {
				if got := tool(t, "run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "sh", reference, "-c", c.command); got != c.want {
					t.Errorf("%s:\n%s\nwant %q", c.what, got, c.want)
				}
			}
			sbom := exec.Command("go", "run", "./images/sbom", os.Getenv(toolVariable), reference)
			sbom.Dir = "../../.."
			list, err := sbom.Output()
			if err != nil || !json.Valid(list) || !strings.Contains(string(list), `"name": "tini"`) || !strings.Contains(string(list), `"name": "lucarne"`) {
				t.Errorf("its SBOM (%v) has no tini or no lucarne:\n%.500s", err, list)
			}
		})
	}
}

// What has to be downloaded is tested only where it was.
func TestImageVirtualGL(t *testing.T) {
	c := runImage(t, builtWith(t, "3_gpu"))
	if _, err := try("exec", c.id, "test", "-x", "/opt/VirtualGL/bin/vglrun"); err != nil {
		t.Skip("built without VirtualGL")
	}
	c.sh("/opt/VirtualGL/bin/vglrun -d egl0 true")
}

func TestImageJupyterLab(t *testing.T) {
	reference := builtWith(t, "4_jupyterlab")
	if !hasJupyterLab(reference) {
		t.Skip("built without JupyterLab")
	}
	c := runImage(t, reference)
	if got := c.becomes("jupyter server extension list 2>&1"); !strings.Contains(got, "jupyter_server_proxy") {
		t.Errorf("its extensions are\n%s", got)
	}
}

func TestImageCUDA(t *testing.T) {
	c := runImage(t, builtWith(t, "0_cuda"))
	c.link("localhost") // it is there to be told of its end
	if got := c.sh("echo $NVIDIA_VISIBLE_DEVICES"); got != "void" {
		t.Errorf("it asks for the GPUs %q, want void", got)
	}
	c.endsInOrder()
}

// A base that there is not: the last line names piece and cause.
func TestImageMissingBase(t *testing.T) {
	cmd := exec.Command("images/build", os.Getenv(toolVariable), "base", "localhost/lucarne-test/none:test", "--build-arg", "BASE_IMAGE=localhost/lucarne-none:test")
	cmd.Dir = "../../.."
	var errs strings.Builder
	cmd.Stderr = &errs
	if err := cmd.Run(); err == nil || !regexp.MustCompile(`^build/base: piece 0_debian: .*localhost/lucarne-none.*\n$`).MatchString(errs.String()) {
		t.Errorf("%v, says %s", err, errs.String())
	}
}

// The images on CUDA's are on an Ubuntu, whose packages have other names and versions. Here
// it is one without CUDA.
func TestImageUbuntu(t *testing.T) {
	c := runImage(t, built(t, "desktop-gpu-cuda"), "--publish", "127.0.0.1::8888", "--cap-drop", "all")
	if got := c.sh(". /etc/os-release; echo $ID"); got != "ubuntu" {
		t.Errorf("it is made on %s, want ubuntu", got)
	}
	d := imageDesk(t)
	d.load(d.browser, c.link(c.published())).picture()
	c.becomes("pgrep -x xfce4-panel && pgrep -x pulseaudio")
	if got := c.onDesktop("xfce4-session", "gpu-run --json"); !strings.Contains(got, "llvmpipe") {
		t.Errorf("OpenGL is drawn by %s, want llvmpipe", got)
	}
	c.endsInOrder()
}

// The lines that we tell others to add to their images do what is said of them, on
// other releases than the one that the binary was built on.
func TestImageOfOthers(t *testing.T) {
	bases := strings.Fields(os.Getenv(otherVariable))
	if len(bases) == 0 {
		t.Skip("no image of others is there")
	}
	text, err := os.ReadFile("../../../images/add-to-your-image.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile("(?s)```dockerfile\n(.*?)```").FindSubmatch(text)
	if lines == nil || strings.Count(string(lines[1]), "\n") != 5 {
		t.Fatalf("the page has not five lines for a Dockerfile, but %q", lines)
	}
	for _, base := range bases {
		t.Run(base[strings.LastIndex(base, ":")+1:], func(t *testing.T) {
			d := imageDesk(t)
			dir := t.TempDir()
			binary, err := os.ReadFile(os.Getenv(binaryVariable))
			d.check(err)
			d.check(os.WriteFile(filepath.Join(dir, "lucarne"), binary, 0o755),
				os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte("FROM "+base+"\n"+string(lines[1])), 0o600))
			const reference = "localhost/lucarne-test/others:test"
			tool(t, "build", "--tag", reference, dir)
			t.Cleanup(func() { tool(t, "image", "rm", "--force", reference) })

			c := runImage(t, reference, "--publish", "127.0.0.1::8888", "--volume", ownUsers(t, reference), "--env", "LUCARNE_SIZE=1280x720",
				"--env", "LUCARNE_SESSION=exec xterm -bg '#c04040' -geometry 200x60+0+0 -e sleep 1000")
			page := d.load(d.browser, strings.Replace(c.link(c.published()), "/#", "/?resize=off#", 1))
			page.shows(image.Pt(400, 300), 0xc04040, atRest)
			c.becomes("grep -x dbus-daemon /proc/[0-9]*/comm") // which asks who the user is, whom nothing names
			t.Log(c.sh(". /etc/os-release; echo $PRETTY_NAME"))
			c.endsInOrder()
		})
	}
}
