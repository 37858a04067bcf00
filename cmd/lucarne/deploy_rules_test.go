package main

import (
	"bytes"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"
	"time"
)

// What the platforms' webhooks and controllers ask of the deployed objects beyond their fields.

// ofKind returns the objects of a kind in a file below deployDir, by name.
func ofKind(t *testing.T, file, kind string) map[string]any {
	t.Helper()
	found := make(map[string]any)
	for _, document := range documents(t, filepath.Join(deployDir, file)) {
		if object, _ := document.(map[string]any); object["kind"] == kind {
			found[fieldText(document, "metadata name")] = document
		}
	}
	if len(found) == 0 {
		t.Fatalf("%s has no %s", file, kind)
	}
	return found
}

// fields returns what is at a path of fields, parted by blanks; lists are gone through.
func fields(value any, path string) (found []any) {
	field, rest, _ := strings.Cut(path, " ")
	switch value := value.(type) {
	case []any:
		for _, v := range value {
			found = append(found, fields(v, path)...)
		}
	case map[string]any:
		if path == "" {
			return []any{value}
		}
		if v, has := value[field]; has {
			return fields(v, rest)
		}
	default:
		if path == "" {
			return []any{value}
		}
	}
	return found
}

// fieldTexts returns the same, printed; fieldText as one text.
func fieldTexts(value any, path string) (found []string) {
	for _, v := range fields(value, path) {
		found = append(found, fmt.Sprint(v))
	}
	return found
}

func fieldText(value any, path string) string { return strings.Join(fieldTexts(value, path), " ") }

// mergeInjected adds what is injected into a pod to what there is, and reports what contradicts it:
// Kubeflow's admission webhook refuses a pod whose PodDefaults do.
func mergeInjected(t *testing.T, from string, there map[string]any, object any, paths ...string) {
	t.Helper()
	for _, path := range paths {
		kind := path[strings.LastIndex(path, " ")+1:]
		for _, item := range fields(object, path) {
			keys := []string{kind + " " + fieldText(item, "name")}
			if at := fieldText(item, "mountPath"); at != "" {
				keys = append(keys, "what is mounted at "+at)
			}
			for _, key := range keys {
				if earlier, has := there[key]; has && !reflect.DeepEqual(earlier, item) {
					t.Errorf("%s: %s is %v, and %v elsewhere", from, key, item, earlier)
				}
				there[key] = item
			}
		}
	}
}

// TestPodDefaultsGoTogether: a notebook can have all of them at once, and chooses them in the
// spawner, which sets a selector's first label to "true".
func TestPodDefaultsGoTogether(t *testing.T) {
	book := ofKind(t, "kubeflow/notebook.yaml", "Notebook")["desktop"]
	presets := ofKind(t, "kubeflow/poddefaults.yaml", "PodDefault")
	there := map[string]any{}
	pod := "spec template spec "
	mergeInjected(t, "notebook", there, book, pod+"volumes", pod+"containers env", pod+"containers volumeMounts")
	for name, preset := range presets {
		if got, want := fields(preset, "spec selector matchLabels"), []any{map[string]any{name: "true"}}; !reflect.DeepEqual(got, want) {
			t.Errorf("%s selects %v, want %v", name, got, want)
		}
		mergeInjected(t, name, there, preset, "spec env", "spec volumes", "spec volumeMounts")
	}
	chosen := slices.Collect(maps.Keys(fields(book, "metadata labels")[0].(map[string]any)))
	for _, form := range documents(t, filepath.Join(deployDir, "kubeflow/spawner_ui_config.yaml")) {
		chosen = append(chosen, fieldTexts(form, "spawnerFormDefaults configurations value")...)
	}
	for _, label := range chosen {
		if label != "app" && presets[label] == nil {
			t.Errorf("the label %s chooses no PodDefault", label)
		}
	}
}

// TestNotebookIsServed: the controller's service leads to the first container's first port, and
// what is said of the notebook is that of the container of its name.
func TestNotebookIsServed(t *testing.T) {
	for name, book := range ofKind(t, "kubeflow/notebook.yaml", "Notebook") {
		containers := fields(book, "spec template spec containers")
		if got := fieldText(containers, "name"); got != name {
			t.Errorf("the container is %s, the notebook %s", got, name)
		}
		if port, probed := fieldText(containers, "ports containerPort"), fieldText(containers, "readinessProbe httpGet port"); port != probed {
			t.Errorf("the port is %s, probed is %s", port, probed)
		}
	}
}

// TestWorkspaceKindIsAdmitted: as the webhook of Notebooks 2 checks it; and the page counts down
// what its rules say.
func TestWorkspaceKindIsAdmitted(t *testing.T) {
	kind := fields(ofKind(t, "kubeflow/workspacekind.yaml", "WorkspaceKind")["desktop"], "spec")[0]
	ports := fieldTexts(kind, "podTemplate ports id")
	for path, have := range map[string][]string{
		"podTemplate activityProbe jupyter portId":               ports,
		"podTemplate options imageConfig values spec ports id":   ports,
		"podTemplate options imageConfig spawner default":        fieldTexts(kind, "podTemplate options imageConfig values id"),
		"podTemplate options podConfig spawner default":          fieldTexts(kind, "podTemplate options podConfig values id"),
		"podTemplate activityProbe jupyter lastActivity":         {"true"},
		"podTemplate ports protocol":                             {"HTTP"},
		"spawner icon configMap mediaType":                       {"image/svg+xml"},
		"podTemplate options imageConfig values spec ports port": fieldTexts(kind, "podTemplate probes readinessProbe httpGet port"),
	} {
		got := fieldTexts(kind, path)
		if len(got) == 0 || slices.ContainsFunc(got, func(one string) bool { return !slices.Contains(have, one) }) {
			t.Errorf("%s is %q, there are %q", path, got, have)
		}
	}
	seconds := func(path string) time.Duration {
		d, err := time.ParseDuration(fieldText(kind, path) + "s")
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return d
	}
	least, every := seconds("podTemplate activityProbe minProbeIntervalSeconds"), seconds("podTemplate activityProbe probeIntervalSeconds")
	unused := seconds("activityRules config secondsSinceActive")
	if least > every || 2*every > unused {
		t.Errorf("probed after %v to %v, stopped after %v", least, every, unused)
	}
	env := map[string]string{}
	for _, v := range fields(kind, "podTemplate extraEnv") {
		env[fieldText(v, "name")] = rendered(t, fieldText(v, "value"), ports)
	}
	if got, want := env["NB_PREFIX"], "/workspace/connect/NAMESPACE/NAME/desktop/"; got != want {
		t.Errorf("NB_PREFIX is %q, want %q", got, want)
	}
	if limit, err := time.ParseDuration(env["LUCARNE_IDLE_LIMIT"]); limit != unused {
		t.Errorf("the page counts down %v (%v), the platform %v", limit, err, unused)
	}
}

// rendered is a value as the controller of Notebooks 2 renders it.
func rendered(t *testing.T, value string, ports []string) string {
	t.Helper()
	prefix := func(port string) (string, error) {
		if !slices.Contains(ports, port) {
			return "", fmt.Errorf("there is no port %q", port)
		}
		return "/workspace/connect/NAMESPACE/NAME/" + port + "/", nil
	}
	var out strings.Builder
	parsed, err := template.New("").Funcs(template.FuncMap{"httpPathPrefix": prefix}).Parse(value)
	if err == nil {
		err = parsed.Execute(&out, nil)
	}
	if err != nil {
		t.Errorf("%s: %v", value, err)
	}
	return out.String()
}

// TestSTUNnerHangsTogether: each object refers to the next by its name.
func TestSTUNnerHangsTogether(t *testing.T) {
	const file = "turn/stunner.yaml"
	one := func(kind string) any {
		for _, object := range ofKind(t, file, kind) {
			return object
		}
		return nil
	}
	class, config, gateway, route, service := one("GatewayClass"), one("GatewayConfig"), one("Gateway"), one("UDPRoute"), one("Service")
	for _, tt := range []struct{ got, want string }{
		{fieldText(class, "spec parametersRef name"), fieldText(config, "metadata name")},
		{fieldText(class, "spec parametersRef namespace"), fieldText(config, "metadata namespace")},
		{fieldText(class, "spec parametersRef group") + "/v1", fieldText(config, "apiVersion")},
		{fieldText(class, "spec controllerName"), "stunner.l7mp.io/gateway-operator"},
		{fieldText(gateway, "spec gatewayClassName"), fieldText(class, "metadata name")},
		{fieldText(gateway, "spec listeners protocol"), "TURN-UDP"},
		{fieldText(route, "spec parentRefs name"), fieldText(gateway, "metadata name")},
		{fieldText(route, "metadata namespace"), fieldText(gateway, "metadata namespace")}, // allowedRoutes' default is Same
		{fieldText(route, "spec rules backendRefs name"), fieldText(service, "metadata name")},
		{fieldText(route, "spec rules backendRefs namespace"), fieldText(service, "metadata namespace")},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
	if realm := fieldText(config, "spec realm"); !regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`).MatchString(realm) {
		t.Errorf("%q is no realm", realm)
	}
}

// TestCoturnIsReached: the service finds the pod and its ports, by the secret that desktops have.
func TestCoturnIsReached(t *testing.T) {
	deployment := ofKind(t, "turn/coturn.yaml", "Deployment")["coturn"]
	service := ofKind(t, "turn/coturn.yaml", "Service")["coturn"]
	labels := fields(deployment, "spec template metadata labels")
	for _, got := range [][]any{fields(deployment, "spec selector matchLabels"), fields(service, "spec selector")} {
		if !reflect.DeepEqual(got, labels) {
			t.Errorf("selected are %v, the pod is %v", got, labels)
		}
	}
	if got, want := fieldTexts(service, "spec ports targetPort"), fieldTexts(deployment, "spec template spec containers ports name"); !slices.Equal(got, want) {
		t.Errorf("the service leads to %q, the pod has %q", got, want)
	}
	preset := ofKind(t, "kubeflow/poddefaults.yaml", "PodDefault")["lucarne-turn"]
	key := "spec template spec containers env valueFrom secretKeyRef "
	if got, want := fieldText(preset, "spec volumes secret secretName"), fieldText(deployment, key+"name"); got != want {
		t.Errorf("desktops have the secret %s, coturn %s", got, want)
	}
	mounted := fieldText(preset, "spec volumeMounts mountPath") + "/" + fieldText(deployment, key+"key")
	if !slices.Contains(fieldTexts(preset, "spec env value"), mounted) {
		t.Errorf("no variable says %s", mounted)
	}
}

// TestComposedTURNServerReachesTheDesktopAlone: by the address that the desktop has, of the
// network that there is.
func TestComposedTURNServerReachesTheDesktopAlone(t *testing.T) {
	file := documents(t, filepath.Join(deployDir, "compose/compose.yaml"))
	plain := func(path string) string { return defaultPattern.ReplaceAllString(fieldText(file, path), "$1") }
	address, err := netip.ParseAddr(plain("services desktop networks default ipv4_address"))
	if err != nil {
		t.Fatal(err)
	}
	network, err := netip.ParsePrefix(plain("networks default ipam config subnet"))
	if err != nil || !network.Contains(address) || network.Masked() != network {
		t.Errorf("%v is not of the network %v (%v)", address, network, err)
	}
	command := plain("services coturn command")
	for _, want := range []string{
		"--denied-peer-ip=0.0.0.0-255.255.255.255", "--denied-peer-ip=::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "--allowed-peer-ip=" + address.String(),
	} {
		if !slices.Contains(strings.Fields(command), want) {
			t.Errorf("coturn is not told %s: %s", want, command)
		}
	}
}

// TestComposeTakesItsFile: by the schema that it brings along, its variables filled in. Debian's
// is older than the project's name in the file, and knows the rest.
func TestComposeTakesItsFile(t *testing.T) {
	program, err := exec.LookPath("docker-compose")
	if err != nil {
		t.Skip("docker-compose is not installed")
	}
	content, err := os.ReadFile(filepath.Join(deployDir, "compose/compose.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "compose.yaml")
	if err := os.WriteFile(file, bytes.Replace(content, []byte("\nname: lucarne\n"), []byte("\n"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, "--file", file, "config", "--quiet")
	cmd.Env = append(os.Environ(), "TURN_SECRET=secret")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
