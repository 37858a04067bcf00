package doctor

import (
	"slices"
	"strconv"
	"strings"
)

// said is what there is to say under a code: how serious it is, what was found, and what
// to change. {0}, {1} … stand for its arguments.
type said struct {
	state             State
	found, you, admin string
}

// Words for advice that several codes give.
const (
	runsAsUser    = "run the container as an ordinary user"
	writableHome  = "mount a volume there that belongs to the user, or to a group of theirs (fsGroup)"
	enlarge       = "enlarge the volume, or its quota"
	tidy          = "remove what is not needed"
	largerMemory  = "mount a memory-backed emptyDir at /dev/shm (docker run --shm-size)"
	allCapability = "set NVIDIA_DRIVER_CAPABILITIES=all in the image or the pod"
	eglVendor     = "let NVIDIA_DRIVER_CAPABILITIES contain graphics, and have /usr/share/glvnd/egl_vendor.d/10_nvidia.json in the image"
	anotherListen = "choose another with --listen"
	sameTime      = "have the clocks of the nodes set by NTP: time-limited credentials of TURN servers depend on them"
	turnServer    = "see that the TURN server runs, can be reached from here, and has the same secret and the same time as lucarne"
	cullerReaches = "if culling is on, let the notebook controller reach PREFIX/api/kernels (AuthorizationPolicy); its log says what it got"
	hubReaches    = "let the container reach the hub (network policy, JUPYTERHUB_API_URL)"
)

// table is everything that the checks of a machine find, by its code. The page has the
// same words in web/src/en/doctor.ts.
func table() map[string]said {
	return map[string]said{
		"machine-failed": {Warn, "lucarne machine, which looks at this machine, fails: {0}", "", "let lucarne start processes of its own"},
		"slow":           {Warn, "no answer within {0} s: what is asked hangs", "", "see what hangs: a network volume, the GPU’s driver, the X server"},

		"display-none":      {Skip, "DISPLAY is not set; lucarne up starts a display of its own", "", ""},
		"display-ok":        {OK, "{0}, {1}, by MIT-SHM in {2} ms", "", ""},
		"display-extension": {Fail, "{0}: {1}", "start another X server: lucarne up does", ""},
		"display-closed":    {Fail, "{0}: {1}", "start it, name another with --display, or let lucarne up start one", ""},
		"display-grab":      {Fail, "{0} gives no picture: {1}", "", "share the IPC namespace with the X server"},
		"display-shown":     {OK, "{0} is shown", "", ""},
		"display-waits":     {Warn, "{0} is not there yet", "wait a moment, then look again", ""},
		"display-failed":    {Fail, "{0} cannot be shown: {1}", "lucarne tries again by itself; if this lasts, restart the desktop", ""},
		"display-lost":      {Fail, "{0} is gone: {1}", "lucarne tries again by itself; if this lasts, restart the desktop", ""},
		"xserver-ok":        {OK, "{0}: {1}", "", ""},
		"xserver-none":      {Warn, "there is no X server: {0}", "serve a display that is there already, or ask for an image with an X server", "install tigervnc-standalone-server in the image"},
		"xserver-temp":      {Warn, "an X server has nowhere to put its lock and its socket: {0}", "", "mount an emptyDir at /tmp (docker run --tmpfs /tmp)"},
		"segments-ok":       {OK, "segments for any picture", "", ""},
		"segments-small":    {Warn, "segments of {0} bytes at most: too small for a picture of 3840x2160", "", "raise kernel.shmmax"},
		"segments-unknown":  {Skip, "unknown: {0}", "", ""},

		"encoders-ok":   {OK, "{0}", "", ""},
		"encoders-none": {Fail, "{0}", "", "install a build of lucarne with its encoders"},

		"gpu-tried":           {Skip, "the GPU is being tried", "", ""},
		"nvidia-none":         {Skip, "there is no NVIDIA GPU here", "", ""},
		"nvidia-ok":           {OK, "NVIDIA_DRIVER_CAPABILITIES={0}", "", ""},
		"nvidia-unset":        {Warn, "NVIDIA_DRIVER_CAPABILITIES is not set: most container runtimes then leave OpenGL and NVENC out", "", allCapability},
		"nvidia-missing":      {Warn, "NVIDIA_DRIVER_CAPABILITIES={0} leaves {1} out", "", allCapability},
		"opengl-none":         {Skip, "gpu-run is not installed", "", "put images/gpu-run into the image"},
		"opengl-virtualgl":    {OK, "{0}, by VirtualGL on {1}", "", ""},
		"opengl-zink":         {OK, "{0}, by Zink", "", ""},
		"opengl-processors":   {OK, "on the processors: there is no GPU here", "", ""},
		"opengl-no-virtualgl": {Warn, "on the processors: VirtualGL is not installed", "", "install VirtualGL in the image, or say where it is by VGL_DIR"},
		"opengl-no-device":    {Warn, "on the processors: there is no EGL device {0}", "", eglVendor},
		"opengl-software":     {Warn, "on the processors: EGL knows no GPU ({0})", "", eglVendor},
		"opengl-refused":      {Warn, "on the processors: no GPU lets itself be drawn on ({0})", "", "give the container a GPU with graphics; slices of an A100 or H100 (MIG) have none"},
		"opengl-broken":       {Warn, "on the processors: vglrun does not work ({0})", "", "install VirtualGL anew, with its libraries where the linker finds them"},
		"opengl-hangs":        {Warn, "on the processors: the GPU’s driver does not answer ({0})", "", "restart the container, or update the host’s driver"},
		"opengl-failed":       {Warn, "gpu-run fails: {0}", "", "install images/gpu-run of this version, with dash and coreutils"},

		"user-ok":       {OK, "{0}, uid {1}, gid {2}", "", ""},
		"user-nameless": {Warn, "uid {0} has no name in /etc/passwd: some programs do not start without", "", "install libnss-wrapper, by which lucarne up gives it one, or add an entry when the container starts"},
		"user-root":     {Warn, "{0}, uid {1}, gid {2}: the desktop’s programs have all rights of the container", "", runsAsUser},

		"home-ok":         {OK, "{0}, {1} MB left", "", ""},
		"home-unset":      {Warn, "there is no home directory: {0}", "", "set HOME to a directory that the user may write to"},
		"home-unwritable": {Warn, "{0} cannot be written to: {1}", "", writableHome},
		"home-full":       {Fail, "{0} is full: {1}", tidy, enlarge},
		"home-low":        {Warn, "{0} has {1} MB left", tidy, enlarge},
		"temp-ok":         {OK, "{0}", "", ""},
		"temp-unwritable": {Warn, "{0} cannot be written to: {1}", "", "mount an emptyDir at /tmp, or set TMPDIR"},
		"temp-full":       {Fail, "{0} is full: {1}", tidy, "enlarge what is mounted there"},
		"shm-ok":          {OK, "{0} MB", "", ""},
		"shm-missing":     {Warn, "/dev/shm: {0}: browsers on the desktop crash", "", largerMemory},
		"shm-small":       {Warn, "{0} MB: browsers on the desktop crash when it is full", "", largerMemory},
		"shm-full":        {Warn, "{0} MB, of which {1} are left: browsers on the desktop crash", "close programs", largerMemory},
		"cores-ok":        {OK, "{0}, no quota", "", ""},
		"cores-quota":     {OK, "{0} of {1}, by the quota of the cgroup; used up in {2} % of its periods", "", ""},
		"cores-few":       {Warn, "{0} of {1}, by the quota of the cgroup; used up in {2} % of its periods", "choose a larger size for the notebook", "raise the limit, or give none: requests are enough"},
		"cores-unknown":   {Skip, "unknown: {0}", "", ""},

		"listen-unix":    {Skip, "a Unix socket: {0}", "", ""},
		"listen-free":    {OK, "{0} is free", "", ""},
		"listen-ours":    {OK, "{0}, where a lucarne answers", "", ""},
		"listen-taken":   {Warn, "{0} is taken, and no lucarne answers there", anotherListen, ""},
		"listen-failed":  {Fail, "{0}: {1}", anotherListen, ""},
		"prefix-env":     {OK, "{0}, by {1}", "", ""},
		"prefix-none":    {OK, "{0}; a proxy that strips a prefix needs none", "", ""},
		"prefix-kept":    {OK, "{0}; what is in front passes it on", "", ""},
		"prefix-strip":   {OK, "{0}, of which lucarne sees {1}: what is in front strips a prefix", "", ""},
		"prefix-foreign": {Warn, "the page is at {0}, and lucarne was started for {1}", "", "start lucarne with --base-path {0}, and pass the path on as it is or stripped in whole"},

		"udp-ok":        {OK, "{0}", "", ""},
		"udp-none":      {Warn, "no address but this machine’s own: WebRTC reaches nobody else, the WebSocket carries the picture", "", "give the container a network, or a TURN server"},
		"udp-failed":    {Warn, "unknown: {0}", "", "let lucarne open UDP sockets"},
		"stun-none":     {Skip, "no STUN server is configured (--ice-server)", "", ""},
		"stun-ok":       {OK, "{0}", "", ""},
		"stun-failed":   {Warn, "{0}", "", "let UDP through to the STUN server, and its answers back"},
		"turn-none":     {Skip, "no server by this way is configured (--ice-server)", "", ""},
		"turn-ok":       {OK, "{0}", "", ""},
		"turn-failed":   {Warn, "{0}", "", turnServer},
		"turn-list":     {Warn, "the list of servers cannot be had: {0}", "", "see that the service of --ice-servers-url, or the file, can be reached"},
		"tcp-on":        {OK, "at port {0}", "", ""},
		"tcp-off":       {Skip, "off (--tcp-port)", "", ""},
		"ws-ok":         {OK, "lucarne answers at {0}", "", ""},
		"ws-page":       {OK, "this page has it", "", ""},
		"ws-none":       {Skip, "no lucarne answers at {0}", "", ""},
		"jpeg-ok":       {OK, "for browsers without a video decoder", "", ""},
		"jpeg-none":     {Warn, "this build has none: browsers without a video decoder see no picture", "", "install a build of lucarne with libjpeg-turbo"},
		"vnc-ok":        {OK, "{0}", "", ""},
		"vnc-off":       {Skip, "switched off", "", ""},
		"vnc-watermark": {Skip, "off: it could not show the policy’s watermark", "", ""},
		"vnc-none":      {Warn, "neither Xvnc nor x11vnc is installed: the page has no VNC to fall back on", "", "install tigervnc-standalone-server or x11vnc in the image"},

		"clock-none":   {Skip, "nobody is there to compare it with", "", ""},
		"clock-ok":     {OK, "as that of {0}, within {1} s", "", ""},
		"clock-skew":   {Warn, "{1} s from that of {0}", "", sameTime},
		"clock-failed": {Skip, "{0} does not say its time", "", ""},

		"culler-none":    {Skip, "no lucarne runs here that could say when it was asked", "", ""},
		"culler-silent":  {OK, "nobody has asked for it (api/kernels); last used {0} s ago", "", ""},
		"culler-missing": {Warn, "nobody has asked for it (api/kernels); last used {0} s ago", "", cullerReaches},
		"culler-ok":      {OK, "asked for {0} s ago; last used {1} s ago", "", ""},

		"hub-none":        {Skip, "no JupyterHub has started this container", "", ""},
		"hub-ok":          {OK, "{0} answers", "", ""},
		"hub-deaf":        {Warn, "{0} answers, and does not take what it is told of activity", "", "give the token the scope users:activity; lucarne’s log says what it answers"},
		"hub-unreachable": {Warn, "{0}: it does not hear of activity and may stop the desktop while it is used", "", hubReaches},
		"hub-refuses":     {Warn, "{0} answers {1}: it does not hear of activity and may stop the desktop while it is used", "restart the notebook: its token may be an old one", "give the token the scope users:activity"},

		"auth-ok":    {OK, "{0}", "", ""},
		"auth-none":  {Warn, "nobody is asked who they are: whoever reaches the page, and every page of the same origin, controls the desktop", "start lucarne with --auth token", "see that only the user can reach it"},
		"auth-proxy": {Warn, "the proxy says who they are: every page of the same origin, other users’ notebooks among them, can control the desktop", "", "give each user an origin of their own, or use --auth token"},

		"policy-none": {Skip, "none: each role may what it usually may", "", ""},
		"policy-ok":   {OK, "{0}", "", ""},
		"audit-none":  {Skip, "none", "", ""},
		"audit-ok":    {OK, "{0}", "", ""},
		"audit-fails": {Fail, "{0} cannot be written to: {1}", "", "see that its volume has room and belongs to the user"},
	}
}

// Tell returns the finding of a code, in English.
func Tell(code string, args ...string) Finding {
	words, known := table()[code]
	if !known {
		words = said{state: Fail, found: code + " " + strings.Join(args, " ")}
	}
	args = slices.Clone(args)
	for n, arg := range args {
		args[n] = oneLine(arg)
	}
	return Finding{
		State: words.state, Code: code, Args: args,
		Found: fill(words.found, args), User: fill(words.you, args), Admin: fill(words.admin, args),
	}
}

// fill puts arguments where {0}, {1} … are. An argument is not looked into.
func fill(text string, args []string) string {
	var pairs []string
	for n, arg := range args {
		pairs = append(pairs, "{"+strconv.Itoa(n)+"}", arg)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
