package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"lucarne/cmd/internal/doctor"
	"lucarne/encode/nvenc"
)

// checkGPU says whether there is a GPU that encodes. Its codes are those of the page.
func (g gpu) checkGPU(ctx context.Context) doctor.Finding {
	if !g.expected() {
		return doctor.Tell("nvidia-none")
	}
	f := ofGPU(g.probe(ctx))
	if gpus, _ := g.describe(ctx); gpus != "" { // without NVML there is nothing to add
		f.Found += "; " + gpus
	}
	return f
}

// ofGPU words what a probe has come to.
func ofGPU(result nvenc.Result) doctor.Finding {
	f := doctor.Finding{State: doctor.OK, Code: "gpu-" + string(result.Code), Args: []string{result.Arg}, Found: result.String()}
	if result.Fix() != "" {
		f.State, f.Found, f.Admin = doctor.Warn, result.Cause()+": encoding in software", result.Fix()
	}
	if result.Note != "" {
		f.Found += "; " + result.Note
	}
	return f
}

// nvidia says whether this container has an NVIDIA GPU, by the driver's own device file.
func nvidia() bool {
	_, err := os.Stat("/dev/nvidiactl")
	return err == nil
}

// checkCapabilities looks at what the container runtime was asked for of the driver.
func checkCapabilities(context.Context) doctor.Finding {
	if !nvidia() {
		return doctor.Tell("nvidia-none")
	}
	return capabilities(os.Getenv("NVIDIA_DRIVER_CAPABILITIES"))
}

// capabilities says what of the driver a container runtime leaves out that is told so
// (NVIDIA_DRIVER_CAPABILITIES): "graphics" is OpenGL and Vulkan, "video" is NVENC.
func capabilities(env string) doctor.Finding {
	if env == "" {
		return doctor.Tell("nvidia-unset")
	}
	names := strings.Split(env, ",")
	var missing []string
	for _, name := range []string{"graphics", "video"} {
		if !slices.Contains(names, name) && !slices.Contains(names, "all") {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return doctor.Tell("nvidia-missing", env, strings.Join(missing, ", "))
	}
	return doctor.Tell("nvidia-ok", env)
}

// launched is what gpu-run --json says; images/gpu-run lists the codes.
type launched struct {
	Way      string
	Device   string
	Renderer string
	Passed   []struct{ Way, Code, Detail string }
}

// launcherPatience is what each question of gpu-run's may take, in seconds: of a driver that
// hangs there are two, within doctorPatience.
const launcherPatience = "2"

// checkOpenGL asks gpu-run by what OpenGL programs draw.
func checkOpenGL(ctx context.Context) doctor.Finding {
	path, err := launcher()
	if err != nil {
		return doctor.Tell("opengl-none")
	}
	cmd := exec.CommandContext(ctx, path, "--fresh", "--json")
	// What is found in a hurry is not kept for programs.
	cmd.Env = append(os.Environ(), "GPU_RUN_PATIENCE="+launcherPatience, "XDG_RUNTIME_DIR=")
	cmd.WaitDelay = outputPatience // its children have the pipe, too
	out, err := cmd.Output()
	var said launched
	if err == nil {
		err = json.Unmarshal(out, &said)
	}
	if err != nil {
		return doctor.Tell("opengl-failed", err.Error())
	}
	return openGL(said, nvidia())
}

// launcher finds gpu-run: beside this binary, or in PATH.
func launcher() (string, error) {
	if self, err := os.Executable(); err == nil {
		if path, err := exec.LookPath(filepath.Join(filepath.Dir(self), "gpu-run")); err == nil {
			return path, nil
		}
	}
	path, err := exec.LookPath("gpu-run")
	if errors.Is(err, exec.ErrDot) {
		err = exec.ErrNotFound
	}
	return path, err
}

// openGL words what gpu-run has found. VirtualGL is what notebooks have rights enough for:
// the reason that counts is why it was passed over.
func openGL(said launched, gpu bool) doctor.Finding {
	switch said.Way {
	case "virtualgl":
		return doctor.Tell("opengl-virtualgl", said.Renderer, said.Device)
	case "zink":
		return doctor.Tell("opengl-zink", said.Renderer)
	}
	for _, p := range said.Passed {
		if p.Way != "virtualgl" {
			continue
		}
		switch p.Code {
		case "hangs", "broken", "refused":
			return doctor.Tell("opengl-"+p.Code, p.Detail)
		case "no-device", "software":
			if gpu {
				return doctor.Tell("opengl-"+p.Code, p.Detail)
			}
		case "no-vglrun", "no-eglinfo":
			if gpu {
				return doctor.Tell("opengl-no-virtualgl")
			}
		}
	}
	return doctor.Tell("opengl-processors")
}
