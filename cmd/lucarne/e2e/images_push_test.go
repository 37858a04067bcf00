//go:build images

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What make post-build and make push bring to a registry is there under each tag, and is what
// comes back from it.
func TestImagePush(t *testing.T) {
	reference := built(t, "base")
	registry := startRegistry(t)
	repo := registry + "/lucarne"
	const commit = "0123456789abcdef0123456789abcdef01234567"
	settings := writeFile(t, fmt.Sprintf("[[registry]]\nlocation = %q\ninsecure = true\n", registry)) // of podman; docker trusts loopback
	targets := func(args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "make", append([]string{"--no-print-directory", "REPO=" + repo, "BRANCH=main", "COMMIT=" + commit}, args...)...)
		cmd.Dir = "../../.."
		cmd.Env = append(slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "MAKE") || strings.HasPrefix(e, "MFLAGS") }),
			"CONTAINERS_REGISTRIES_CONF="+settings)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("make %q: %v\n%s", args, err, out)
		}
	}
	id := func(reference string) string {
		t.Helper()
		return tool(t, "image", "inspect", "--format", "{{.Id}}", reference)
	}
	remove := func() { // by name: the image itself is another test's too
		for name := range strings.Lines(tool(t, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}")) {
			if name = strings.TrimSpace(name); strings.HasPrefix(name, repo+"/") {
				tool(t, "image", "rm", name)
			}
		}
	}
	t.Cleanup(remove)

	targets("post-build/base", "SOURCE_FULL_IMAGE_NAME="+reference)
	targets("push/base")
	want := []string{commit, commit[:7], "main", "latest", "v1"}
	slices.Sort(want)
	answer, err := http.Get("http://" + registry + "/v2/lucarne/base/tags/list")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var list struct{ Tags []string }
	if err := json.NewDecoder(answer.Body).Decode(&list); err != nil {
		t.Fatal(err)
	}
	if slices.Sort(list.Tags); !slices.Equal(list.Tags, want) {
		t.Errorf("the registry has the tags %q, want %q", list.Tags, want)
	}
	remove()
	targets("pull/base", "TAG=v1")
	if got, want := id(repo+"/base:v1"), id(reference); got != want {
		t.Errorf("what was pulled is %s, want %s", got, want)
	}
}

// startRegistry starts Debian's registry on loopback and returns its address.
func startRegistry(t *testing.T) (address string) {
	t.Helper()
	program, err := exec.LookPath("docker-registry")
	if err != nil {
		t.Skip("docker-registry is not installed")
	}
	address = freeAddress(t)
	settings := writeFile(t, fmt.Sprintf("version: 0.1\nstorage:\n  filesystem: {rootdirectory: %s}\nhttp: {addr: %q}\n", t.TempDir(), address))
	serveBy(t, address, exec.Command(program, "serve", settings))
	return address
}
