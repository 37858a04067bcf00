package quota

import (
	"path"
	"slices"
	"strings"
)

// hierarchy is where the groups of a controller are, as far as this process can
// see them.
type hierarchy struct {
	mount string // the directory of the outermost
	group string // ours, from there: "/" is the outermost itself
}

// find looks a controller of version 1 up, or version 2 for "", in the texts of
// /proc/self/cgroup and /proc/self/mountinfo (proc(5)).
func find(groups, mounts, controller string) (hierarchy, bool) {
	group, ok := groupOf(groups, controller)
	if !ok {
		return hierarchy{}, false
	}
	for line := range strings.Lines(mounts) {
		before, after, _ := strings.Cut(line, " - ")
		fields, kind := strings.Fields(before), strings.Fields(after)
		if len(fields) < 5 || len(kind) < 3 {
			continue
		}
		switch {
		case controller == "" && kind[0] == "cgroup2":
		case controller != "" && kind[0] == "cgroup" && slices.Contains(strings.Split(kind[2], ","), controller):
		default:
			continue
		}
		return hierarchy{mount: unescape(fields[4]), group: within(unescape(fields[3]), group)}, true
	}
	return hierarchy{}, false
}

// groupOf returns the path of our group, "/user.slice", of a controller.
func groupOf(groups, controller string) (string, bool) {
	for line := range strings.Lines(groups) {
		parts := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(parts) == 3 && strings.HasPrefix(parts[2], "/") && slices.Contains(strings.Split(parts[1], ","), controller) {
			return path.Clean(parts[2]), true
		}
	}
	return "", false
}

// within returns a group's path from what is mounted on: a container sees its
// own group mounted, but often knows the group by its path on the host.
func within(root, group string) string {
	if root == "/" {
		return group
	}
	if rest, ok := strings.CutPrefix(group, root); ok && (rest == "" || rest[0] == '/') {
		return path.Clean("/" + rest)
	}
	return "/" // ours is not below: the outermost that can be seen is it, or contains it
}

// unescape undoes what mountinfo does to space, tab, newline and backslash.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
