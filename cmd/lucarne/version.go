package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strings"

	"lucarne/encode"
	"lucarne/encode/jpeg"
	"lucarne/encode/vpx"
	"lucarne/encode/x264"
)

// Set by the linker: -X main.version=... -X main.commit=...
var version, commit = "unknown", ""

// versionCmd is lucarne version.
type versionCmd struct{}

// Run prints what lucarne --version prints.
func (versionCmd) Run(_ context.Context, stdout io.Writer) error {
	_, err := fmt.Fprintln(stdout, versionText())
	return err
}

// backends are the ways to encode that were built in, best first.
func backends() []encode.Backend {
	return []encode.Backend{x264.Backend(), vpx.Backend(), jpeg.Backend(), x264.Backend444()}
}

// component is something of others that is in the binary.
type component struct{ name, licence string }

// gpl is the component that decides under which licence all of the binary is.
const gpl = "x264"

// components are checked against THIRD_PARTY.md.
var components = []component{
	{"libjpeg-turbo", "IJG, BSD-3-Clause, Zlib"},
	{"libvpx", "BSD-3-Clause"},
	{"libyuv", "BSD-3-Clause"},
	{"nvEncodeAPI.h", "MIT"},
	{gpl, "GPL-2.0-or-later"},
	{"@novnc/novnc", "MPL-2.0"},
	{"github.com/NVIDIA/go-nvml", "Apache-2.0"},
	{"github.com/alecthomas/kong", "MIT"},
	{"github.com/goccy/go-yaml", "MIT"},
	{"github.com/gorilla/websocket", "BSD-2-Clause"},
	{"github.com/jezek/xgb", "BSD-3-Clause"},
	{"github.com/pion/ice/v4", "MIT"},
	{"github.com/pion/interceptor", "MIT"},
	{"github.com/pion/logging", "MIT"},
	{"github.com/pion/mediadevices", "MIT"},
	{"github.com/pion/rtcp", "MIT"},
	{"github.com/pion/rtp", "MIT"},
	{"github.com/pion/sdp/v3", "MIT"},
	{"github.com/pion/transport/v4", "MIT"},
	{"github.com/pion/webrtc/v4", "MIT"},
	{"github.com/prometheus/client_golang", "Apache-2.0"},
	{"github.com/vishvananda/netlink", "Apache-2.0"},
	{"github.com/vishvananda/netns", "Apache-2.0"},
	{"golang.org/x/crypto", "BSD-3-Clause"},
	{"golang.org/x/image", "BSD-3-Clause"},
	{"golang.org/x/oauth2", "BSD-3-Clause"},
	{"golang.org/x/perf", "BSD-3-Clause"},
	{"golang.org/x/sys", "BSD-3-Clause"},
}

// versionText says what this binary is: version, commit, codecs, licences.
func versionText() string {
	var b strings.Builder
	fmt.Fprintf(&b, "lucarne %s, commit %s, %s %s/%s\n", version, cmp.Or(commit, recordedCommit()), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	b.WriteString("codecs:")
	for _, backend := range backends() {
		fmt.Fprintf(&b, " %s (%s)", backend.Codec, backend.Name)
	}
	if x264.Present {
		b.WriteString("\nlicence: GPL-3.0-or-later as a whole, because of x264; MIT if built with -tags nox264; with")
	} else {
		b.WriteString("\nlicence: MIT; with")
	}
	between := " "
	for _, c := range components {
		if c.name == gpl && !x264.Present {
			continue
		}
		fmt.Fprintf(&b, "%s%s (%s)", between, c.name, c.licence)
		between = ", "
	}
	return b.String()
}

// recordedCommit is what the Go tool recorded of the checkout, for a binary that
// make did not build.
func recordedCommit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	settings := map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	text := cmp.Or(settings["vcs.revision"], "unknown")
	if settings["vcs.modified"] == "true" {
		text += " with changes"
	}
	return text
}
