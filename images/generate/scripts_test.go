package main

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestScripts has the scripts that go into images, and those that make them, read by shellcheck.
func TestScripts(t *testing.T) {
	if _, err := exec.LookPath("shellcheck"); err != nil {
		t.Skip("shellcheck is not installed")
	}
	scripts, err := filepath.Glob(room + "/rootfs/*/usr/local/*bin/*")
	if err != nil || len(scripts) < 6 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	for _, name := range append(scripts, room+"/build", room+"/weigh", room+"/make-base", room+"/dev", room+"/compute-checksums", room+"/gpu-run") {
		if out, err := exec.Command("shellcheck", "--shell=sh", name).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
