//go:build images

package e2e

import (
	"encoding/json"
	"fmt"
	"image"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// The variables by which make test-images says what is to be tested.
const (
	toolVariable   = "CONTAINER"        // podman or docker
	otherVariable  = "LUCARNE_OTHERS"   // images of other releases
	imagesVariable = "LUCARNE_IMAGES"   // the names of the images that are built
	imageVariable  = "LUCARNE_IMAGE_AS" // the reference of an image, with NAME for its name
)

// built returns the reference of an image, or skips the test where it is not built.
func built(t testing.TB, name string) string {
	t.Helper()
	if !slices.Contains(strings.Fields(os.Getenv(imagesVariable)), name) {
		t.Skipf("the image %s is not built", name)
	}
	return reference(name)
}

func reference(name string) string { return strings.ReplaceAll(os.Getenv(imageVariable), "NAME", name) }

// builtWith returns the reference of the first image that is built and has a piece, or
// skips the test where there is none.
func builtWith(t testing.TB, piece string) string {
	t.Helper()
	all := imagePieces(t)
	for _, name := range strings.Fields(os.Getenv(imagesVariable)) {
		if slices.Contains(all[name], piece) {
			return reference(name)
		}
	}
	for _, pieces := range all {
		if slices.Contains(pieces, piece) {
			t.Skipf("an image with the piece %s is not built", piece)
		}
	}
	t.Fatalf("no image has the piece %s", piece)
	return ""
}

// imagePieces returns what each image is made of, as images/IMAGES says.
func imagePieces(t testing.TB) map[string][]string {
	t.Helper()
	table, err := os.ReadFile("../../../images/IMAGES")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(table)) {
		line, _, _ = strings.Cut(line, "#")
		if f := strings.Fields(line); len(f) > 2 {
			all[f[0]] = f[2:]
		}
	}
	return all
}

// tool runs podman or docker and returns what it prints.
func tool(t testing.TB, args ...string) string {
	t.Helper()
	out, err := try(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func try(args ...string) (string, error) {
	cmd := exec.Command(os.Getenv(toolVariable), args...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%q: %w: %s%s", cmd.Args, err, out.String(), errs.String())
	}
	return strings.TrimSpace(out.String()), nil
}

// volume returns a new volume that goes with the test.
func volume(t testing.TB) string {
	t.Helper()
	name := tool(t, "volume", "create")
	t.Cleanup(func() { tool(t, "volume", "rm", name) })
	return name
}

// ownUsers returns a volume that has a container know the users of its image and nobody else, as
// with Docker and Kubernetes: podman makes an entry for any uid.
func ownUsers(t testing.TB, reference string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "passwd")
	if err := os.WriteFile(file, []byte(tool(t, "run", "--rm", "--network", "none", "--user", "0", "--entrypoint", "cat", reference, "/etc/passwd")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return file + ":/etc/passwd:ro"
}

// container is a running image.
type container struct {
	t  testing.TB
	id string
}

// runImage starts an image's desktop with options of podman run.
func runImage(t testing.TB, reference string, options ...string) *container {
	t.Helper()
	args := append(append([]string{"run", "--detach", "--pull", "never"}, options...), reference)
	command := tool(t, "image", "inspect", "--format", "{{json .Config.Cmd}}", reference)
	if strings.Contains(command, "start-jupyterlab") && hasJupyterLab(reference) { // which is what answers otherwise
		args = append(args, "lucarne", "up")
	}
	id := tool(t, args...)
	c := &container{t, id}
	t.Cleanup(func() {
		if t.Failed() {
			log, err := exec.Command(os.Getenv(toolVariable), "logs", id).CombinedOutput()
			t.Logf("%v: what the container said (%v):\n%s", options, err, log)
		}
		tool(t, "rm", "--force", id)
	})
	return c
}

// hasJupyterLab says whether JupyterLab was not left out of an image.
func hasJupyterLab(reference string) bool {
	_, err := try("run", "--rm", "--network", "none", "--entrypoint", "test", reference, "-x", "/opt/jupyter/bin/jupyter-lab")
	return err == nil
}

// sh runs a command of the shell in the container, as its user.
func (c *container) sh(command string) string {
	c.t.Helper()
	return tool(c.t, "exec", c.id, "sh", "-c", command)
}

// becomes waits until a command of the shell succeeds, and returns what it has printed.
func (c *container) becomes(command string) (out string) {
	c.t.Helper()
	poll(c.t, "success of "+command, func() bool {
		var err error
		out, err = try("exec", c.id, "sh", "-c", command)
		return err == nil
	})
	return out
}

// environ waits for a process of the desktop and returns its environment.
func (c *container) environ(process string) []string {
	c.t.Helper()
	return strings.Split(strings.TrimSpace(c.becomes(`tr '\0' '\n' < /proc/$(pgrep -o -x `+process+`)/environ`)), "\n")
}

// onDesktop runs a command as the desktop's programs are run; detached: without waiting for its end.
func (c *container) onDesktop(session, command string, options ...string) string {
	c.t.Helper()
	args := append([]string{"exec"}, options...)
	for _, e := range c.environ(session) {
		args = append(args, "--env", e)
	}
	return tool(c.t, append(args, c.id, "sh", "-c", command)...)
}

// link waits for the link with the token and returns it, at another address.
func (c *container) link(address string) string {
	c.t.Helper()
	text := c.becomes(`cat "${XDG_RUNTIME_DIR:-/tmp}"/lucarne-*/link | grep .`)
	u, err := url.Parse(text)
	if err != nil {
		c.t.Fatal(err)
	}
	u.Host = address
	return u.String()
}

// published returns where the container's port is to be found here.
func (c *container) published() string {
	c.t.Helper()
	return tool(c.t, "port", c.id, "8888/tcp")
}

// end stops the container as platforms do, and returns its exit code.
func (c *container) end() (code int) {
	c.t.Helper()
	begin := time.Now()
	tool(c.t, "stop", "--time", "10", c.id)
	c.t.Logf("stopped in %v", time.Since(begin).Round(100*time.Millisecond))
	if err := json.Unmarshal([]byte(tool(c.t, "inspect", "--format", "{{.State.ExitCode}}", c.id)), &code); err != nil {
		c.t.Fatal(err)
	}
	return code
}

// endsInOrder stops the container and looks at what is left of it.
func (c *container) endsInOrder() {
	c.t.Helper()
	if code := c.end(); code != 0 {
		c.t.Errorf("exit code %d at the end, want 0", code)
	}
	diff := tool(c.t, "diff", c.id)
	// When the desktop was last used is known to the agent that is started next.
	kept := regexp.MustCompile(`(/tmp/lucarne-\d+)/activity\.json`).FindStringSubmatch(diff)
	for line := range strings.Lines(diff) {
		left := regexp.MustCompile(`/tmp/(lucarne-\S*|\.X\d+-lock|\.X11-unix/X\S*)$`).FindString(strings.TrimSpace(line))
		if left != "" && !slices.Contains(kept, left) {
			c.t.Errorf("%s is left", left)
		}
	}
}

// imageDesk is a desk whose display and agent are in a container.
func imageDesk(t *testing.T) *desk {
	t.Helper()
	return newBrowserDesk(t, image.Pt(1280, 720), 5*time.Minute)
}

// forward listens at a port of loopback for a unix socket.
func forward(t testing.TB, socket string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return // closed
			}
			out, err := net.Dial("unix", socket)
			if err != nil {
				in.Close()
				continue
			}
			for _, c := range [2][2]net.Conn{{in, out}, {out, in}} {
				go func() {
					io.Copy(c[0], c[1]) // ends with either
					c[0].Close()
				}()
			}
		}
	}()
	return l.Addr().String()
}

// probe asks for a page and returns the status and what is answered.
func probe(t testing.TB, url string) (status int, body string) {
	t.Helper()
	r, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}
