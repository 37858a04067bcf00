package policy

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"lucarne/signaling/session"
)

// Bounds on what a file may say.
const (
	maxClipboard = 256 << 20 // bytes
	maxInterval  = time.Hour
	maxViewers   = 1000
	leastOpacity = 0.02
)

// read makes a policy what a file says.
func read(text []byte, p *Policy) error {
	root, err := parse(text)
	if err != nil {
		return err
	}
	// What a preset says comes first, wherever in the file it is named.
	rest := func(node) error { return nil }
	all := fields{"preset": rest, "roles": rest, "clipboard": rest, "max-viewers": rest, "watermark": rest, "audit": rest}
	begun := false
	all["preset"] = func(n node) (err error) { begun = true; return p.readPreset(n) }
	if err := root.mapping(all); err != nil {
		return err
	}
	if !begun {
		return problem(root.first(), "preset", "missing; one of "+presetNames())
	}
	all["preset"] = rest
	all["roles"] = p.readRoles
	all["clipboard"] = p.readClipboard
	all["max-viewers"] = func(n node) (err error) { p.MaxViewers, err = n.count(1, maxViewers, "viewers"); return err }
	all["watermark"] = p.readWatermark
	all["audit"] = p.readAudit
	return root.mapping(all)
}

// presetNames lists the presets.
func presetNames() string {
	var all []string
	for _, preset := range presets {
		all = append(all, preset.name)
	}
	return strings.Join(all, ", ")
}

func (p *Policy) readPreset(n node) error {
	name, err := n.text("one of " + presetNames())
	if err != nil {
		return err
	}
	for _, preset := range presets {
		if preset.name == name {
			preset.apply(p)
			return nil
		}
	}
	return n.problem("unknown preset %.40q; one of %s", name, presetNames())
}

func (p *Policy) readRoles(n node) error {
	known := make(fields)
	for _, role := range roles {
		known[string(role)] = func(n node) error { return p.readRole(n, role) }
	}
	return n.mapping(known)
}

// readRole reads what a role may use beyond what the preset says, and what it may not.
func (p *Policy) readRole(n node, role session.Role) error {
	var allow, refuse []session.Feature
	err := n.mapping(fields{
		"allow":  func(n node) (err error) { allow, err = readFeatures(n, role, refuse, true); return err },
		"refuse": func(n node) (err error) { refuse, err = readFeatures(n, role, allow, false); return err },
	})
	if err != nil {
		return err
	}
	if role == session.Controller && slices.Contains(allow, session.Sharing) {
		p.Session.ControllersShare = true
	}
	refused := slices.DeleteFunc(p.Session.Refuse[role], func(f session.Feature) bool { return slices.Contains(allow, f) })
	for _, f := range refuse {
		if !slices.Contains(refused, f) {
			refused = append(refused, f)
		}
	}
	p.Session.Refuse[role] = refused
	return nil
}

// readFeatures reads a list of features that a role can be allowed or refused, and
// that are not in the other list.
func readFeatures(n node, role session.Role, other []session.Feature, allow bool) (list []session.Feature, err error) {
	could := session.Policy{ControllersShare: true}.Allowed(role)
	err = n.list("features", func(n node) error {
		name, err := n.text("a feature")
		if err != nil {
			return err
		}
		f := session.Feature(name)
		switch {
		case !slices.Contains(session.Policy{}.Allowed(session.Owner), f):
			return n.problem("unknown feature %.40q; of %s", name, listed(session.Policy{}.Allowed(session.Owner)))
		case allow && !slices.Contains(could, f):
			return n.problem("%s is nothing that role %s can be allowed; it can %s", f, role, listed(could))
		case slices.Contains(other, f):
			return n.problem("%s is allowed and refused; one of the two is allowed", f)
		case slices.Contains(list, f):
			return n.problem("%s is named twice; once is allowed", f)
		}
		list = append(list, f)
		return nil
	})
	return list, err
}

// listed joins features.
func listed(features []session.Feature) string {
	var all []string
	for _, f := range features {
		all = append(all, string(f))
	}
	return strings.Join(all, ", ")
}

func (p *Policy) readClipboard(n node) error {
	p.Session.Copies = make(map[session.Feature]session.CopyLimits)
	limits := func(f session.Feature) func(node) error {
		return func(n node) (err error) { p.Session.Copies[f], err = readLimits(n); return err }
	}
	return n.mapping(fields{"in": limits(session.CopyIn), "out": limits(session.CopyOut)})
}

func readLimits(n node) (l session.CopyLimits, err error) {
	err = n.mapping(fields{
		"max":        func(n node) (err error) { l.MaxBytes, err = n.bytes(maxClipboard); return err },
		"per-minute": func(n node) (err error) { l.BytesPerMinute, err = n.bytes(maxClipboard); return err },
		"interval":   func(n node) (err error) { l.Interval, err = n.duration(maxInterval); return err },
		"types":      func(n node) (err error) { l.Types, err = readTypes(n); return err },
	})
	return l, err
}

func readTypes(n node) (types []string, err error) {
	known := []string{session.TextPlain, session.TextHTML, session.ImagePNG}
	err = n.list("types", func(n node) error {
		name, err := n.text("a type")
		switch {
		case err != nil:
			return err
		case !slices.Contains(known, name):
			return n.problem("unknown type %.40q; of %s", name, strings.Join(known, ", "))
		case slices.Contains(types, name):
			return n.problem("%s is named twice; once is allowed", name)
		}
		types = append(types, name)
		return nil
	})
	if err == nil && len(types) == 0 {
		return nil, n.problem("empty; to carry nothing refuse copy-in or copy-out, else of %s", strings.Join(known, ", "))
	}
	return types, err
}

func (p *Policy) readWatermark(n node) error {
	if name, err := n.text(""); err == nil && name == "off" {
		p.Watermark = nil
		return nil
	}
	mark := Watermark{Opacity: defaultOpacity}
	err := n.mapping(fields{
		"text":    func(n node) (err error) { mark.Text, err = readMark(n); return err },
		"opacity": func(n node) (err error) { mark.Opacity, err = n.fraction(leastOpacity); return err },
	})
	if err == nil && mark.Text == "" {
		return n.problem("has no text; write text, or off for none")
	}
	p.Watermark = &mark
	return err
}

// readMark reads the text of a watermark.
func readMark(n node) (string, error) {
	const want = "printable text with {session}, {user}, {host} or {time}"
	text, err := n.text(want)
	if err != nil {
		return "", err
	}
	if length := utf8.RuneCountInString(text); length < 1 || length > MaxWatermark || strings.TrimSpace(text) == "" {
		return "", n.problem("%d characters; 1 to %d are allowed", length, MaxWatermark)
	}
	if !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", n.problem("want %s on one line", want)
	}
	rest := strings.NewReplacer("{session}", "", "{user}", "", "{host}", "", "{time}", "").Replace(text)
	if strings.ContainsAny(rest, "{}") {
		return "", n.problem("braces other than those of {session}, {user}, {host} and {time} are not allowed")
	}
	return text, nil
}

func (p *Policy) readAudit(n node) error {
	err := n.mapping(fields{
		"file":      func(n node) (err error) { p.Audit.File, err = readPath(n); return err },
		"required":  func(n node) (err error) { p.Audit.Required, err = n.yes(); return err },
		"addresses": func(n node) (err error) { p.Audit.Addresses, err = n.yes(); return err },
	})
	if err == nil && p.Audit.File == "" {
		return n.problem("has no file; want the absolute path of one")
	}
	return err
}

func readPath(n node) (string, error) {
	path, err := n.text("the absolute path of a file")
	if err != nil {
		return "", err
	}
	if !filepath.IsAbs(path) || filepath.Clean(path) != path || path == "/" || strings.ContainsFunc(path, unicode.IsControl) {
		return "", n.problem("%.80q; want the absolute path of a file, without . and ..", path)
	}
	return path, nil
}

// count reads a whole number.
func (n node) count(least, most int, what string) (int, error) {
	text, err := n.plain(fmt.Sprintf("a number of %s, %d to %d", what, least, most))
	if err != nil {
		return 0, err
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < least || number > most {
		return 0, n.problem("%.40q; %d to %d %s are allowed", text, least, most, what)
	}
	return number, nil
}

// bytes reads an amount of bytes, which may be written with k (thousand) or M (million).
func (n node) bytes(most int) (int, error) {
	text, err := n.plain("a number of bytes such as 4000, 64k or 1M")
	if err != nil {
		return 0, err
	}
	digits, unit := text, 1
	if rest, found := strings.CutSuffix(text, "k"); found {
		digits, unit = rest, 1000
	} else if rest, found := strings.CutSuffix(text, "M"); found {
		digits, unit = rest, 1_000_000
	}
	number, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || number < 1 || int64(number)*int64(unit) > int64(most) {
		return 0, n.problem("%.40q; 1 to %d bytes are allowed, such as 4000, 64k or 1M", text, most)
	}
	return int(number) * unit, nil
}

// duration reads a time.
func (n node) duration(most time.Duration) (time.Duration, error) {
	text, err := n.text("a time such as 500ms or 10s")
	if err != nil {
		return 0, err
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > most {
		return 0, n.problem("%.40q; up to %v are allowed, such as 500ms or 10s", text, most)
	}
	return d, nil
}

// fraction reads a number up to 1.
func (n node) fraction(least float64) (float64, error) {
	text, err := n.plain(fmt.Sprintf("a number, %v to 1", least))
	if err != nil {
		return 0, err
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(number) || number < least || number > 1 {
		return 0, n.problem("%.40q; %v to 1 are allowed", text, least)
	}
	return number, nil
}
