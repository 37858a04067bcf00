package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"lucarne/signaling/policy"
)

// What is deployed by, and what is said of it.
const (
	deployDir = "../../images/deploy"
	docsDir   = "../../images/docs"
)

// othersFlags are flags that those files give to other programs.
var othersFlags = []string{
	"--bind", "--nv", "--env", "--cleanenv", // apptainer
	"--gpus", "--nodes", "--cpus-per-task", "--mem", "--time", "--job-name", "--jobid", "--overlap", "--export", // Slurm
	"--listening-port", "--realm", "--use-auth-secret", "--static-auth-secret", "--fingerprint", "--relay-ip", "--denied-peer-ip",
	"--allowed-peer-ip", "--no-multicast-peers", "--no-tcp-relay", "--log-file", // coturn
	"--from-literal", "--from-file", "--tail", // kubectl
	"--detach", "--rm", "--publish", "--volume", "--tmpfs", "--read-only", "--name", "--no-cache", "--pull", "--build-arg", "--label", "--format", "--output", // docker
	"--timeout", // jupyterhub-idle-culler
	"--which",   // gpu-run
}

// secretVariables are what is no flag's.
var secretVariables = []string{"LUCARNE_TURN_SECRET", "LUCARNE_TURN_PASSWORD", "LUCARNE_ICE_SERVERS_TOKEN"}

// deployed returns the texts below the directories, by path.
func deployed(t *testing.T, dirs ...string) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			texts[path] = string(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return texts
}

var (
	flagPattern     = regexp.MustCompile(`(?:^|[^\w-])(--[a-z][a-z0-9-]+)`)
	defaultPattern  = regexp.MustCompile(`\$\{[A-Z_]+:-([^}]*)\}`) // compose's
	variablePattern = regexp.MustCompile(`LUCARNE_[A-Z0-9_]*[A-Z0-9]`)
)

// TestDeployedNamesExist: each flag and each variable that is said to be Lucarne's is.
func TestDeployedNamesExist(t *testing.T) {
	parser, err := newParser(&cli{}, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	flags, variables := map[string]bool{}, map[string]bool{}
	for _, name := range othersFlags {
		flags[name] = true
	}
	for _, name := range secretVariables {
		variables[name] = true
	}
	for _, command := range parser.Model.Leaves(false) {
		for _, group := range command.AllFlags(false) {
			for _, f := range group {
				flags["--"+f.Name] = true
				for _, env := range f.Envs {
					variables[env] = true
				}
			}
		}
	}
	for path, text := range deployed(t, deployDir, docsDir) {
		for _, match := range flagPattern.FindAllStringSubmatch(text, -1) {
			if !flags[match[1]] {
				t.Errorf("%s: there is no flag %s", path, match[1])
			}
		}
		for _, name := range variablePattern.FindAllString(text, -1) {
			if !variables[name] {
				t.Errorf("%s: there is no variable %s", path, name)
			}
		}
	}
}

// documents parses a file of YAML, in which no key may come twice.
func documents(t *testing.T, path string) (all []any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for dec := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict()); ; {
		var document any
		switch err := dec.Decode(&document); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, document)
	}
}

// TestDeployedYAML: each object has what it needs and nothing that there is not, and each
// command line and each environment of Lucarne's can be used.
func TestDeployedYAML(t *testing.T) {
	for path := range deployed(t, deployDir) {
		if ext := filepath.Ext(path); ext != ".yaml" && ext != ".yml" {
			continue
		}
		t.Run(strings.TrimPrefix(path, deployDir+"/"), func(t *testing.T) {
			all := documents(t, path)
			if len(all) == 0 {
				t.Fatal("is empty")
			}
			for _, document := range all {
				shapeOf(t, path, document).check(t, "", document)
				startable(t, document)
			}
		})
	}
}

// startable parses the command lines and environments in a document as lucarne up does.
func startable(t *testing.T, value any) {
	t.Helper()
	switch value := value.(type) {
	case map[string]any:
		env := map[string]string{}
		for name, v := range value {
			if text, ok := v.(string); ok && strings.HasPrefix(name, "LUCARNE_") {
				env[name] = text
			}
		}
		runs(t, env, "up")
		for _, name := range slices.Sorted(maps.Keys(value)) {
			startable(t, value[name])
		}
	case []any:
		var words []string
		env := map[string]string{}
		for _, v := range value {
			startable(t, v)
			switch v := v.(type) {
			case string:
				words = append(words, v)
			case map[string]any:
				name, _ := v["name"].(string)
				if text, ok := v["value"].(string); ok && strings.HasPrefix(name, "LUCARNE_") {
					env[name] = text
				}
			}
		}
		if len(words) > 1 && words[0] == "lucarne" {
			runs(t, nil, words[1:]...)
		}
		runs(t, env, "up")
	}
}

// runs checks that lucarne takes an environment and arguments.
func runs(t *testing.T, env map[string]string, args ...string) {
	t.Helper()
	known := maps.Clone(env)
	for name, value := range known {
		known[name] = defaultPattern.ReplaceAllString(value, "$1")
	}
	for _, name := range secretVariables { // kong does not know them
		delete(known, name)
	}
	if len(known) == 0 && len(args) == 1 {
		return
	}
	if _, err := parse(t, known, args...); err != nil {
		t.Errorf("lucarne %q with %v: %v", args, known, err)
	}
	for name := range known {
		os.Unsetenv(name) // the next environment is another; what it was Setenv knows
	}
}

// TestDeployedPolicy: the policies that are deployed are policies.
func TestDeployedPolicy(t *testing.T) {
	found := 0
	for path := range deployed(t, filepath.Join(deployDir, "kubeflow")) {
		for _, document := range documents(t, path) {
			object, _ := document.(map[string]any)
			data, _ := object["data"].(map[string]any)
			text, ok := data["policy.yaml"].(string)
			if !ok {
				continue
			}
			found++
			file := filepath.Join(t.TempDir(), "policy.yaml")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if p, err := policy.Load(file); err != nil || p.Preset != "medical" || p.Watermark == nil {
				t.Errorf("%s: %+v, %v", path, p, err)
			}
		}
	}
	if found != 1 {
		t.Errorf("%d policies", found)
	}
}

// TestTURNServerTakesItsConfiguration: coturn knows each line of it.
func TestTURNServerTakesItsConfiguration(t *testing.T) {
	program, err := exec.LookPath("turnserver")
	if err != nil {
		t.Skip("coturn is not installed")
	}
	help, _ := exec.CommandContext(t.Context(), program, "--help").CombinedOutput() // it exits with 1
	known := flagPattern.FindAllStringSubmatch(string(help), -1)
	isFlag := func(name string) bool {
		return slices.ContainsFunc(known, func(match []string) bool { return match[1] == "--"+name })
	}
	text, err := os.ReadFile(filepath.Join(deployDir, "turn/turnserver.conf"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), "=")
		if name != "" && !strings.HasPrefix(name, "#") && !isFlag(name) {
			t.Errorf("turnserver knows no %s", name)
		}
	}
	for _, document := range append(documents(t, filepath.Join(deployDir, "turn/coturn.yaml")), documents(t, filepath.Join(deployDir, "compose/compose.yaml"))...) {
		for _, name := range coturnFlags(document) {
			if !isFlag(name) {
				t.Errorf("turnserver knows no --%s", name)
			}
		}
	}
}

// coturnFlags are those that containers of coturn's image are given.
func coturnFlags(value any) (names []string) {
	switch value := value.(type) {
	case map[string]any:
		image, _ := value["image"].(string)
		for _, key := range []string{"args", "command"} {
			list, _ := value[key].([]any)
			for _, v := range list {
				if flag, ok := v.(string); ok && strings.HasPrefix(image, "coturn/") && strings.HasPrefix(flag, "--") {
					name, _, _ := strings.Cut(flag[2:], "=")
					names = append(names, name)
				}
			}
		}
		for _, v := range value {
			names = append(names, coturnFlags(v)...)
		}
	case []any:
		for _, v := range value {
			names = append(names, coturnFlags(v)...)
		}
	}
	return names
}
